"""The loops behind the pitfalls: plain PyTorch, in which one thing at a time is done wrong."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from bpcompare.problem.from_data import from_data
from bpcompare.problem.problem import Problem
from bpcompare.training.updates import Adam

AT_ONCE = 128  # rates that are tried side by side


def in_double(problem: Problem) -> Problem:
    """The same numbers, and the same start, in float64."""
    double = from_data(problem.x.double(), problem.y.double(), name=problem.name, truth=problem.truth)
    return dataclasses.replace(double, start=problem.model().double())


def starting_at(problem: Problem, weight: Tensor, bias: Tensor) -> Problem:
    """The same data, begun at another weight (1, 1) and bias (1,)."""
    start = problem.model()
    with torch.no_grad():
        start.weight.copy_(weight)
        start.bias.copy_(bias)
    return dataclasses.replace(problem, start=start)


def _step(
    model: nn.Linear,
    problem: Problem,
    lr: float,
    *,
    zero_grad: bool = True,
    reduction: str = "mean",
    flatten: bool = False,
    passes: int = 1,
) -> float:
    parameters = (model.weight, model.bias)
    if zero_grad:
        for p in parameters:
            p.grad = None
    prediction, target = model(problem.x), problem.y
    if flatten:  # as a subtraction does it, without a word: (N, 1) and (N,) to (N, N)
        prediction, target = torch.broadcast_tensors(prediction, target.flatten())
    loss = nn.functional.mse_loss(prediction, target, reduction=reduction)
    for _ in range(passes):
        loss.backward(retain_graph=passes > 1)
    for p in parameters:
        p.data -= lr * _grad(p)
    return loss.item() / (target.numel() if reduction == "sum" else 1)


def _grad(p: Tensor) -> Tensor:
    assert p.grad is not None
    return p.grad


def train(
    problem: Problem, lr: float, epochs: int, *, reduction: str = "mean", backward_passes: int = 1
) -> list[float]:
    """The mean squared error before each step of gradient descent, with one thing done wrong, or nothing."""
    model = problem.model()
    return [_step(model, problem, lr, reduction=reduction, passes=backward_passes) for _ in range(epochs)]


def without_end(problem: Problem, lr: float) -> Iterator[float]:
    """The same with nothing done wrong, as long as somebody asks for the next one."""
    model = problem.model()
    while True:
        yield _step(model, problem, lr)


def train_flattened(problem: Problem, lr: float, epochs: int) -> tuple[list[float], Tensor]:
    """The losses where the targets are (N,), and (weight, bias) after the last step."""
    model = problem.model()
    losses = [_step(model, problem, lr, flatten=True) for _ in range(epochs)]
    return losses, torch.cat([model.weight.detach().flatten(), model.bias.detach()])


def without_zero_grad(
    problem: Problem, lr: float, epochs: int, eigenvector: Tensor, optimum: Tensor
) -> tuple[list[float], list[float]]:
    """Where gradients add up, before each step: the loss, and the distance to the optimum along an eigenvector."""
    model, losses, path = problem.model(), [], []
    for _ in range(epochs):
        here = torch.cat([model.weight.detach().flatten(), model.bias.detach()])
        path.append((eigenvector @ (here - optimum)).item())
        losses.append(_step(model, problem, lr, zero_grad=False))
    return losses, path if path[0] > 0 else [-value for value in path]


def largest_stable_lr(problem: Problem, *, reduction: str = "mean", passes: int = 1, steps: int = 400) -> float:
    """The largest rate up to 4 at which the gradient still shrinks in the end, by trying rates side by side."""
    low, high = 0.0, 4.0
    while high - low > 1e-5 * high:
        rates = torch.linspace(low, high, AT_ONCE, dtype=torch.float64)
        shrinks = _shrinks(problem, rates, reduction, passes, steps)
        stable = int(shrinks.int().cumprod(0).sum())  # the first ones
        low, high = rates[max(stable - 1, 0)].item(), rates[min(stable, AT_ONCE - 1)].item()
    return low


def _shrinks(problem: Problem, rates: Tensor, reduction: str, passes: int, steps: int) -> Tensor:
    """For each rate whether the gradient ends smaller than in the middle, or nothing but rounding; (rates,)."""
    triangle = torch.linalg.qr(torch.cat([problem.x, torch.ones_like(problem.x), problem.y], 1)).R
    design, target = triangle[:, :2], triangle[:, 2:].expand(-1, len(rates))  # 3 rows, the same sum of squares
    start = torch.cat([p.detach().flatten() for p in problem.model().parameters()])
    parameters = start[:, None].repeat(1, len(rates)).requires_grad_()  # a column for every rate
    sizes = []
    for step in range(steps):
        parameters.grad = None
        loss = nn.functional.mse_loss(design @ parameters, target, reduction="sum")
        if reduction == "mean":
            loss = loss / problem.samples
        for _ in range(passes):
            loss.backward(retain_graph=passes > 1)
        parameters.data -= rates * _grad(parameters)
        if step in (0, steps // 2, steps - 1):
            sizes.append(_grad(parameters).abs().amax(0))
    first, middle, last = sizes
    return (last < middle) | (last < 1e-9 * first) | (rates == 0)


def graph_sizes(problem: Problem, lr: float, epochs: int, *, detach: bool) -> list[float]:
    """The number of nodes behind the loss before each step, where w ← w − lr·g keeps its graph or drops it."""
    w, b = (p.detach().clone().requires_grad_() for p in problem.model().parameters())
    sizes = []
    for _ in range(epochs):
        loss = ((problem.x @ w.T + b - problem.y) ** 2).mean()
        sizes.append(float(_nodes(loss)))
        w_grad, b_grad = torch.autograd.grad(loss, (w, b))
        w, b = w - lr * w_grad, b - lr * b_grad
        if detach:
            w, b = w.detach().requires_grad_(), b.detach().requires_grad_()
    return sizes


def _nodes(loss: Tensor) -> int:
    seen, waiting = set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    return len(seen)


def step_without_grad(problem: Problem, lr: float) -> int:
    """The first step at which ``w = w - lr * w.grad`` finds no gradient."""
    w, b = (p.detach().clone().requires_grad_() for p in problem.model().parameters())
    for step in range(1, 10):
        leaf = w.is_leaf
        ((problem.x @ w.T + b - problem.y) ** 2).mean().backward()
        if not leaf:  # reading .grad of what is no leaf warns and gives None
            return step
        w = w - lr * w.grad if w.grad is not None else w
    return 0


def second_backward(problem: Problem) -> tuple[int, float]:
    """How many errors a second backward() raises, and the gradient's ratio where retain_graph silences it."""
    model = problem.model()
    loss = ((model(problem.x) - problem.y) ** 2).mean()
    loss.backward(retain_graph=True)
    once = _grad(model.weight).clone()
    loss.backward()
    twice = _grad(model.weight).clone()
    try:
        loss.backward()
    except RuntimeError:
        return 1, (twice / once).item()
    return 0, (twice / once).item()


def adam(problem: Problem, rates: Sequence[float], epsilons: Sequence[float]) -> list[float]:
    """The losses of Adam, with a rate and an ε of its own for each step."""
    model, losses = problem.model(), []
    rule = Adam(model.parameters(), lr=rates[0])
    for rate, eps in zip(rates, epsilons, strict=True):
        rule.lr, rule.eps = rate, eps
        model.zero_grad()
        loss = nn.functional.mse_loss(model(problem.x), problem.y)
        loss.backward()
        rule.step()
        losses.append(loss.item())
    return losses


def uncorrected_adam(problem: Problem, lr: float, epochs: int) -> tuple[list[float], float]:
    """The losses of Adam without bias correction, and the length of its first step of the weight."""
    model, losses, first = problem.model(), [], 0.0
    m = [torch.zeros_like(p) for p in model.parameters()]
    v = [torch.zeros_like(p) for p in model.parameters()]
    for step in range(epochs):
        model.zero_grad()
        loss = nn.functional.mse_loss(model(problem.x), problem.y)
        loss.backward()
        for index, p in enumerate(model.parameters()):
            m[index] = 0.9 * m[index] + 0.1 * _grad(p)
            v[index] = 0.999 * v[index] + 0.001 * _grad(p) ** 2
            move = lr * m[index] / (v[index].sqrt() + 1e-8)
            p.data -= move
            first = move.abs().max().item() if step == index == 0 else first
        losses.append(loss.item())
    return losses, first


def train_in_half(problem: Problem, lr: float, epochs: int) -> tuple[list[float], dict[str, float]]:
    """The losses of a model in float16, in exact arithmetic, and its last step in halves of a number's distance."""
    model = problem.model().half()
    x, y = problem.x.half(), problem.y.half()
    path = []
    for _ in range(epochs):
        path.append(torch.cat([p.detach().view(1, 1) for p in (model.weight, model.bias)]))
        model.zero_grad()
        (model(x) - y).square().mean().backward()  # nn.MSELoss, which older PyTorch lacks for float16
        for p in (model.weight, model.bias):
            p.data -= lr * _grad(p)
    weights, biases = torch.cat(path, 1).double()[..., None]
    losses = (weights * problem.x.T + biases - problem.y.T).square().mean(1).tolist()
    return losses, {name: _in_halves(p, lr) for name, p in model.named_parameters()}


def half_a_spacing(value: float) -> float:
    """Half the distance from a float16 number of this size to the next one."""
    return float(2.0 ** (math.floor(math.log2(abs(value))) - 11))


def _in_halves(p: nn.Parameter, lr: float) -> float:
    return lr * abs(_grad(p).item()) / half_a_spacing(p.item())

"""The loops behind the pitfalls: plain PyTorch, in which one thing at a time is done wrong."""

import dataclasses
import math
from collections.abc import Sequence

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
    model: nn.Linear, problem: Problem, lr: float, zero_grad: bool, reduction: str, flatten: bool, passes: int
) -> float:
    if zero_grad:
        model.zero_grad()
    target = problem.y.flatten() if flatten else problem.y
    squares = (model(problem.x) - target) ** 2
    loss = squares.sum() if reduction == "sum" else squares.mean()
    for _ in range(passes):
        loss.backward(retain_graph=passes > 1)
    for p in model.parameters():
        p.data -= lr * _grad(p)
    return float(squares.detach().mean())


def _grad(p: Tensor) -> Tensor:
    assert p.grad is not None
    return p.grad


def train(
    problem: Problem,
    lr: float,
    epochs: int,
    *,
    zero_grad: bool = True,
    reduction: str = "mean",
    flatten: bool = False,
    backward_passes: int = 1,
) -> list[float]:
    """The mean squared error before each step of gradient descent, with one thing done wrong, or nothing."""
    model = problem.model()
    return [_step(model, problem, lr, zero_grad, reduction, flatten, backward_passes) for _ in range(epochs)]


def train_to_the_end(problem: Problem, lr: float, epochs: int, *, flatten: bool) -> tuple[list[float], Tensor]:
    """The losses, and (weight, bias) after the last step."""
    model = problem.model()
    losses = [_step(model, problem, lr, True, "mean", flatten, 1) for _ in range(epochs)]
    return losses, torch.cat([model.weight.detach().flatten(), model.bias.detach()])


def distances(problem: Problem, lr: float, epochs: int, eigenvector: Tensor, optimum: Tensor) -> list[float]:
    """How far the parameters are from the best ones along an eigenvector, before each step without zero_grad."""
    model, path = problem.model(), []
    for _ in range(epochs):
        here = torch.cat([model.weight.detach().flatten(), model.bias.detach()])
        path.append((eigenvector @ (here - optimum)).item())
        _step(model, problem, lr, False, "mean", False, 1)
    return path if path[0] > 0 else [-value for value in path]


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
    model = problem.model()
    w, b = (torch.full_like(rates, p.item()).requires_grad_() for p in model.parameters())
    sizes = []
    for _ in range(steps):
        w.grad = b.grad = None
        squares = (problem.x * w + b - problem.y) ** 2  # a column for every rate
        loss = squares.sum() if reduction == "sum" else squares.mean(0).sum()
        for _ in range(passes):
            loss.backward(retain_graph=passes > 1)
        w.data -= rates * _grad(w)
        b.data -= rates * _grad(b)
        sizes.append(torch.maximum(_grad(w).abs(), _grad(b).abs()))
    first, middle, last = sizes[0], sizes[steps // 2], sizes[-1]
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
    losses = []
    for _ in range(epochs):
        weight, bias = (p.detach().double() for p in model.parameters())
        losses.append(((problem.x @ weight.T + bias - problem.y) ** 2).mean().item())
        model.zero_grad()
        (model(x) - y).square().mean().backward()  # nn.MSELoss, which older PyTorch lacks for float16
        for p in model.parameters():
            p.data -= lr * _grad(p)
    return losses, {name: _in_halves(p, lr) for name, p in model.named_parameters()}


def half_a_spacing(value: float) -> float:
    """Half the distance from a float16 number of this size to the next one."""
    return float(2.0 ** (math.floor(math.log2(abs(value))) - 11))


def _in_halves(p: nn.Parameter, lr: float) -> float:
    return lr * abs(_grad(p).item()) / half_a_spacing(p.item())

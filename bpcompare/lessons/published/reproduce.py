"""Every figure that the five source tutorials publish, computed again.

Stored are the published figures and the data they start from; everything else is computed on request.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bpcompare.graph.derivation import derive
from bpcompare.graph.notation import TEXT
from bpcompare.graph.writer import Section
from bpcompare.language import _, english
from bpcompare.lessons.published.figure import Figure, number, text, zero
from bpcompare.problem.line import line
from bpcompare.problem.networks import PUBLISHED, quadratic
from bpcompare.theory.least_squares import least_squares
from bpcompare.training.backpropagation import deltas, forward, read_layers
from bpcompare.training.train import train

SOURCES = {
    "A": "深度学习之前向传播和反向传播",
    "B": "3 反向传播",
    "C": "22. 深度学习 - 自动求导",
    "D": "前向传播、反向传播教程",
    "E": "反向传播推导+numpy实现",
}
SHAPES = ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3))  # in, out


def reproduce() -> list[Figure]:
    """Every published figure of the five sources, recomputed.

    Example:
        >>> figures = reproduce()
        >>> len(figures) >= 45, {figure.verdict for figure in figures} <= {"holds", "explained"}
        (True, True)
    """
    sections: tuple[Callable[[], Iterator[Figure]], ...] = (main_problem, homework, graph_engine, autograd, network)
    return [figure for section in sections for figure in section()]


def main_problem() -> Iterator[Figure]:
    """A: y = 2x + 1 with noise by nn.Linear(1, 1), and the shapes of nn.Linear(in, out)."""
    problem = line()
    yield text("A", _("x: first, last, shape"), "0.0, 1.0, (100, 1)", _ends(problem.x))
    short = {
        "manual": ("1.3135614395141602", "1.3715894222259521"),
        "adam": ("1.378663420677185", "1.2160416841506958"),
    }
    short["autograd"] = short["manual"]
    why = _("the same after the same steps but for rounding; the article does not say which PyTorch it ran")
    for method, figures in short.items():
        for name, published, value in zip(("w", "b"), figures, _learned(method, 50), strict=True):
            reason = why if method == "adam" else ""
            what = _("{name} after {epochs} epochs, {method}", name=name, epochs=50, method=method)
            yield number("A", what, published, value, single=True, why=reason)
    long = {"manual": ("1.97626", "1.01643"), "adam": ("1.99975", "1.00384")}
    for method, figures in long.items():
        for name, published, value in zip(("w", "b"), figures, _learned(method, 300), strict=True):
            what = _("{name} after {epochs} epochs, {method}", name=name, epochs=300, method=method)
            yield number("A", what, published, value)
    optimum = least_squares(problem.measured_x, problem.measured_y)
    yield number("A", _("{name} of least squares", name="w"), "1.9997", optimum.weight.item())
    yield number("A", _("{name} of least squares", name="b"), "1.0038", optimum.bias.item())
    for inputs, outputs in SHAPES:
        layer = nn.Linear(inputs, outputs)
        found = f"weight {tuple(layer.weight.shape)}, bias {tuple(layer.bias.shape)}"
        yield text("A", f"nn.Linear({inputs}, {outputs})", f"weight ({outputs}, {inputs}), bias ({outputs},)", found)


def _ends(x: Tensor) -> str:
    return f"{x[0].item()}, {x[-1].item()}, {tuple(x.shape)}"


def _learned(method: str, epochs: int) -> tuple[float, float]:
    run = train(line(), method, epochs=epochs)
    return run.parameters["weight"][-1].item(), run.parameters["bias"][-1].item()


# (expression, values, {step: (value, ∂loss/∂step)}); None where the source gives no figure.
HOMEWORK: dict[int, tuple[str, dict[str, float], dict[str, tuple[str | None, str | None]]]] = {
    1: (
        "ŷ = x*w; r = ŷ - y; loss = r**2",
        {"x": 2, "w": 1, "y": 4},
        {"ŷ": ("2", "-4"), "r": ("-2", "-4"), "loss": ("4", None), "w": (None, "-8")},
    ),
    2: (
        "z = x*w; ŷ = z + b; r = ŷ - y; loss = r**2",
        {"x": 1, "w": 1, "b": 2, "y": 2},
        {
            **{"z": ("1", "2"), "ŷ": ("3", "2"), "r": ("1", "2"), "loss": ("1", None)},
            **{"w": (None, "2"), "b": (None, "2")},
        },
    ),
    3: (
        "z1 = w1*x**2; z2 = w2*x; z = z1 + z2; ŷ = z + b; r = ŷ - y; loss = r**2",
        {"x": 2, "w1": 2, "w2": 2, "b": 1, "y": 9},
        {
            **{"z1": ("8", "8"), "z2": ("4", "8"), "z": ("12", "8"), "ŷ": ("13", None), "r": ("4", "8")},
            **{"loss": ("16", None), "w1": (None, "32"), "w2": (None, "16"), "b": (None, "8")},
        },
    ),
}


def homework() -> Iterator[Figure]:
    """B: one weight trained sample by sample, and the homework, by our graph engine."""
    before, after = one_weight()
    yield number("B", _("prediction for x = 4, untrained"), "4.0", before)
    yield number("B", _("prediction for x = 4, 100 epochs"), "7.999998569488525", after, single=True)
    for place, (expression, values, published) in HOMEWORK.items():
        nodes = derive(expression, values).nodes
        for name, (value, gradient) in published.items():
            if value is not None:
                what = _("homework {place}: {name}", place=place, name=name)
                yield number("B", what, value, float(nodes[name].value))
            if gradient is not None:
                what = _("homework {place}: {name}", place=place, name=f"∂loss/∂{name}")
                yield number("B", what, gradient, float(nodes[name].gradient))


def one_weight() -> tuple[float, float]:
    """ŷ = x·w for x = 4 before and after 100 epochs on (1, 2), (2, 4), (3, 6), one sample per step, lr 0.01, w₀ = 1."""
    w = torch.tensor([1.0], requires_grad=True)
    before = (4 * w).item()
    for __ in range(100):
        for x, y in ((1.0, 2.0), (2.0, 4.0), (3.0, 6.0)):
            loss = (x * w - y) ** 2
            loss.backward()
            w.data -= 0.01 * w.grad
            w.grad.zero_()
    return before, (4 * w).item()


NODES = {
    "Linear": ("1.4512183820274032", "0.06194395247945269"),
    "Sigmoid": ("0.8101858733432837", "0.402796525409167"),
    "Loss": ("0.04056126022042443", None),
    "y": (None, "-0.402796525409167"),
    "x": (None, "0.02224721841122111"),
    "k": (None, "0.18583185743835806"),
    "b": (None, "0.06194395247945269"),
}


def graph_engine() -> Iterator[Figure]:
    """C: MSE(Sigmoid(k·x + b), y), its chain as words and as numbers, by our graph engine."""
    start = {"x": 3, "k": 0.35915077292816744, "b": 0.3737660632429008, "y": 0.6087876106387002}
    derivation = derive("Loss = MSE(Sigmoid(Linear(x, k, b)), y)", start)
    words = {line.split(" = ")[0]: line.split(" = ")[1] for line in _symbols(derivation.sections(TEXT))}
    for name in ("k", "x", "b"):
        chain = f"∂Loss/∂Sigmoid*∂Sigmoid/∂Linear*∂Linear/∂{name}"
        yield text("C", _("{name} as words", name=f"∂Loss/∂{name}"), chain, words[f"∂Loss/∂{name}"])
    why = _("exp and products are rounded in another order")
    for name, (value, gradient) in NODES.items():
        if value is not None:
            yield number("C", name, value, float(derivation.nodes[name].value), why=why)
        if gradient is not None:
            yield number("C", f"∂Loss/∂{name}", gradient, float(derivation.nodes[name].gradient), why=why)


def _symbols(sections: Sequence[Section]) -> Sequence[str]:
    return next(section.lines for section in sections if english(section.heading) == "Backward, as symbols")


def autograd() -> Iterator[Figure]:
    """D: the gradient of mean(x²), its graph, and σ(w·x + b)."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    z = (x * x).mean()
    names, node = [], z.grad_fn
    while node is not None:  # a chain: x enters the product twice, by the same AccumulateGrad
        names.append(node.name().rpartition("::")[2])
        node = node.next_functions[0][0] if node.next_functions else None
    yield text("D", _("torch's graph of z"), "MeanBackward0, MulBackward0, AccumulateGrad", ", ".join(names))
    yield text("D", _("shapes of x and z"), "(3), ()", f"({x.shape[0]}), {tuple(z.shape)}")
    z.backward()
    ours = np.asarray(derive("mean(x**2)", {"x": [1.0, 2.0, 3.0]}).gradients["x"])
    for i, published in enumerate(("0.6667", "1.3333", "2.0000")):
        for engine, value in (("torch", x.grad[i].item()), ("graph", float(ours[i]))):
            what = _("∂z/∂x{i} of mean(x²) at (1, 2, 3), {engine}", i=i + 1, engine=engine)
            yield number("D", what, published, value)
    gradients = derive("Sigmoid(w*x + b)", {"x": 1, "w": 0, "b": 0}).gradients
    for name, published in (("x", "0"), ("w", "0.25"), ("b", "0.25")):
        what = _("∂σ(w·x + b)/∂{name} at x = 1, w = b = 0", name=name)
        yield number("D", what, published, float(gradients[name]))


def network() -> Iterator[Figure]:
    """E: the data and shapes of the published network, and its equations against autograd at the first sample."""
    problem = quadratic()
    yield text("E", _("samples, features"), "30, 2", f"{problem.samples}, {problem.in_features}")
    for seed in (333, 111):
        x = quadratic(seed).measured_x[:, 0]
        order = _("sorted") if bool((x.diff() >= 0).all()) else _("not sorted")
        found = _("{order}, in [{low:.0f}, {high:.0f}]", order=order, low=x.min().item(), high=x.max().item())
        published = _("{order}, in [{low:.0f}, {high:.0f}]", order=_("sorted"), low=0, high=5)
        yield text("E", _("x of seed {seed}", seed=seed), published, found)
    weights = [p for p in problem.model().parameters() if p.ndim == 2]
    for i, (inputs, outputs) in enumerate(itertools.pairwise(PUBLISHED), 1):
        what = _("shape of W{i} in the listing", i=i)
        yield text("E", what, str((outputs, inputs)), str(tuple(weights[i - 1].shape)))
    yield from recursion(problem.model(), problem.x[:1], problem.y[:1])


def recursion(model: nn.Sequential, x: Tensor, y: Tensor) -> Iterator[Figure]:
    """E's equations for L = (z − y)² of one sample: the left sides by autograd, the right sides as written."""
    with torch.no_grad():
        walk, output = forward(read_layers(model), x)
        steps = [*deltas(walk, 2 * (output - y))][::-1]
    zs, a = [], x
    for layer in model:
        a = layer(a)
        if isinstance(layer, nn.Linear):
            zs.append(a)
    parameters = [p for weight, bias, *__ in steps for p in (weight, bias) if p is not None]
    gradients = iter(torch.autograd.grad((zs[-1] - y).square().sum(), [*zs, *parameters]))
    for i, (*__, delta) in enumerate(steps, 1):
        formula = "2(z − y)" if i == len(steps) else f"(W{i + 1})ᵀδ{i + 1} ⊙ σ′(z{i})"
        yield _equal(f"∂L/∂z{i} = δ{i} = {formula}", next(gradients), delta)
    for i, (*__, a, delta) in enumerate(steps, 1):
        yield _equal(f"∂L/∂W{i} = δ{i}(a{i - 1})ᵀ", next(gradients), delta.T @ a)
        yield _equal(f"∂L/∂b{i} = δ{i}", next(gradients), delta[0])


def _equal(what: str, left: Tensor, right: Tensor) -> Figure:
    return zero("E", what, (left - right).abs().max().item(), left.abs().max().item())

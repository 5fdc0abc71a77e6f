"""A derivation checks itself: against PyTorch's autograd in float64, and against a central difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node, topological_order
from bpcompare.graph.operation import Array
from bpcompare.language import N_, _, listed

if TYPE_CHECKING:
    from torch import Tensor

TORCH_TOLERANCE = 1e-9  # both are float64; badly conditioned steps may cost half of its 16 digits
CENTRAL_TOLERANCE = 1e-5  # the difference itself is good to about 1e-10, less where the function bends sharply
STEP = float(np.finfo(np.float64).eps ** (1 / 3))
SMALLER_STEPS = 8
AGREEMENT = 1e-8  # of two steps, about what the first has to offer
MAX_TRIED = 50  # entries of one input; of a longer array evenly spaced ones
MAX_EVALUATED = 100_000  # steps, for all inputs; of more inputs evenly spaced ones


@dataclass(frozen=True)
class Check:
    """How far the gradients are from those of two other methods.

    Args:
        torch: Largest difference to PyTorch's autograd in float64, relative where the gradient is above 1.
        central: The same to the central difference; None where there is none, at the edge of a domain.
        kinks: The operations that have a kink at these values.
        passed: Whether both are within their tolerances.
    """

    torch: float
    central: float | None
    kinks: tuple[str, ...]
    passed: bool

    def __str__(self) -> str:
        message = N_(
            "largest difference from torch float64 autograd {torch:.2g}, from a central difference {central:.2g}"
        )
        if self.central is None:
            message = N_(
                "largest difference from torch float64 autograd {torch:.2g}; there is no central difference here, at "
                "the edge of the domain"
            )
        found = _(message, torch=self.torch, central=self.central)
        if self.kinks:
            found = _(
                "{found}; {kinks} at a kink, where a central difference sees the mean of two slopes",
                found=found,
                kinks=listed(self.kinks),
            )
        return _("Checked: {found}.", found=found) if self.passed else _("NOT CONFIRMED: {found}.", found=found)


def verify(graph: Graph, gradients: Mapping[Node, Array]) -> Check:
    """How far ``gradients`` are from what PyTorch and a central difference find for the same graph.

    Example:
        >>> from bpcompare.graph.expression import build
        >>> from bpcompare.graph.node import backward
        >>> graph = build("(x*w - y)**2", {"x": 2, "w": 1, "y": 4})
        >>> verify(graph, backward(graph.output)).passed
        True
        >>> verify(graph, {node: 0 * node.value for node in graph.nodes}).passed
        False
    """
    nodes = topological_order(graph.output)
    kinks = [n.operation for n in nodes if n.operation and n.operation.kink and n.operation.kink(*_values(n))]
    by_torch = _torch_difference(graph, gradients)
    central, is_close = _central_difference(graph, nodes, gradients)
    passed = by_torch <= TORCH_TOLERANCE and (is_close or bool(kinks))
    return Check(by_torch, central, tuple(dict.fromkeys(row.name for row in kinks)), passed)


def in_torch(graph: Graph) -> dict[Node, Tensor]:
    """The same computation by PyTorch in float64: a tensor for every node, each ready to receive its gradient."""
    import torch

    functions = _torch_functions()
    tensors: dict[Node, Tensor] = {}
    for node in topological_order(graph.output):
        if node.operation is None:
            tensors[node] = torch.tensor(node.value, dtype=torch.float64, requires_grad=not node.constant)
        else:
            arguments = [tensors[parent] for parent in node.parents]
            exponent = (node.operation.exponent,) if node.operation.name == "to_the" else ()
            tensors[node] = functions[node.operation.name](*arguments, *exponent)
            tensors[node].retain_grad()
    return tensors


@cache
def _torch_functions() -> dict[str, Callable[..., Tensor]]:
    import torch
    from torch.nn import functional

    same_name = ("abs", "cos", "cosh", "exp", "log", "matmul", "mean", "relu", "sigmoid", "sin", "sinh", "sqrt", "sum")
    return {
        **{name: getattr(torch, name) for name in (*same_name, "tan", "tanh")},
        **{"plus": torch.add, "minus": torch.sub, "times": torch.mul, "divide": torch.div, "negative": torch.neg},
        **{"power": torch.pow, "to_the": torch.pow, "max": torch.maximum, "min": torch.minimum},
        **{"transpose": torch.t, "same": torch.clone, "Linear": lambda x, k, b: k * x + b},
        **{"Linear of arrays": functional.linear, "MSE": functional.mse_loss, "MSE of arrays": functional.mse_loss},
    }


def _torch_difference(graph: Graph, gradients: Mapping[Node, Array]) -> float:
    tensors = in_torch(graph)
    tensors[graph.output].sum().backward()
    largest = 0.0
    for node in graph.nodes:
        expected: Any = tensors[node].grad
        difference = np.abs(gradients[node] - expected.numpy()) / np.maximum(1.0, np.abs(expected.numpy()))
        largest = max(largest, float(np.max(difference)))
    return largest


def _central_difference(graph: Graph, nodes: list[Node], gradients: Mapping[Node, Array]) -> tuple[float | None, bool]:
    largest, is_close = 0.0, True
    count = max(1, MAX_EVALUATED // (4 * len(nodes)))
    tried = np.unique(np.linspace(0, len(graph.inputs) - 1, min(len(graph.inputs), count)).astype(int))
    for node in (graph.inputs[place] for place in tried):
        size = node.value.size
        for index in np.unique(np.linspace(0, size - 1, min(size, MAX_TRIED)).astype(int)):
            slope, noise = _slope(graph, nodes, node, int(index))
            if not np.isfinite(slope):
                return None, True
            scale = max(1.0, abs(slope))
            difference = abs(float(np.ravel(gradients[node])[index]) - slope)
            largest = max(largest, difference / scale)
            is_close = is_close and difference <= CENTRAL_TOLERANCE * scale + noise
    return largest, is_close


def _slope(graph: Graph, nodes: list[Node], node: Node, index: int) -> tuple[float, float]:
    """(f(x + h) − f(x − h)) / 2h by one entry of an input, and how much of it may be rounding.

    The step is made smaller until two steps agree: a function that bends sharply, or ends nearby, needs a small one.
    """
    x = float(np.ravel(node.value)[index])
    step = STEP * max(1.0, abs(x))
    best, closest, last = (np.nan, 0.0), np.inf, (np.nan, 0.0)
    for __ in range(SMALLER_STEPS):
        above, below = (_evaluate(graph, nodes, node, index, moved) for moved in (x + step, x - step))
        slope = (above - below) / ((x + step) - (x - step))
        noise = 100 * float(np.finfo(np.float64).eps) * (abs(above) + abs(below) + abs(x * slope)) / step
        change = abs(slope - last[0]) / max(1.0, abs(slope))
        if change < closest:  # the larger of the two steps has less rounding
            best, closest = last, change
        elif not np.isfinite(best[0]):
            best = slope, noise
        if closest <= AGREEMENT:
            break
        last, step = (slope, noise), step / 16
    return best


def _evaluate(graph: Graph, nodes: list[Node], moved: Node, index: int, x: float) -> float:
    values = {node: node.value for node in nodes if node.operation is None}
    values[moved] = moved.value.copy()
    values[moved].flat[index] = x
    with np.errstate(all="ignore"):
        for node in nodes:
            if node.operation is not None:
                values[node] = node.operation.value(*[values[parent] for parent in node.parents])
    return float(values[graph.output].sum())


def _values(node: Node) -> list[Array]:
    return [parent.value for parent in node.parents]

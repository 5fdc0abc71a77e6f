"""The exercise ``sigmoid_neuron(x, y, w, b)``."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.calls import Array, Problem
from bpcompare.marker.mistakes import Mistake
from bpcompare.marker.problems.sigmoid import (
    OTHER_ACTIVATIONS,
    SLOPE_HINT,
    SLOPES,
    Slope,
    relu,
    sigmoid,
    size_of_slope,
    slope_of,
    step,
)


def draw(rng: np.random.Generator) -> Iterator[Problem]:
    """Several numbers of inputs, in float64 and float32."""
    for length in (1, 2, 3, 5):
        for dtype in ("float64", "float32"):
            first, second = (_point(rng, length, dtype) for _ in range(2))
            yield from (first, first, second)


def _point(rng: np.random.Generator, length: int, dtype: str) -> Problem:
    inputs = {"x": rng.normal(0.5, 1, length), "y": rng.uniform(0, 1), "w": rng.normal(0, 1, length), "b": rng.normal()}
    return solve({name: np.asarray(value, dtype=dtype) for name, value in inputs.items()}, dtype)


def solve(inputs: dict[str, Any], dtype: str) -> Problem:
    """The problem with its right answers.

    ∂L/∂z = 2(a − y)·a(1 − a),   ∂L/∂w = ∂L/∂z · x,   ∂L/∂b = ∂L/∂z
    """
    x, y, w, b = (abs(np.asarray(inputs[name], dtype=np.float64)) for name in "xywb")
    z = w @ x + b
    size = 2 * ((1 + z / 4) / 4 + (1 + y) * size_of_slope(z))
    return Problem(
        sizes={"in": len(x)},
        dtype=dtype,
        inputs=inputs,
        expected=neuron(inputs),
        terms={"grad_w": size * x, "grad_b": np.asarray(size)},
        operations=len(x) + 24,
    )


def neuron(
    inputs: Mapping[str, Any],
    slope: Slope = slope_of,
    times: str = "x",
    residual: Slope = lambda a, y: a - y,
    bias: bool = True,
    activate: Callable[[Array], Array] = sigmoid,
) -> dict[str, Array]:
    """∂L/∂w and ∂L/∂b; each argument is a place where it is often written otherwise."""
    x, y, w, b = (np.asarray(inputs[name], dtype=np.longdouble) for name in "xywb")
    z = np.asarray(w @ x + (b if bias else 0))
    a = activate(z)
    delta = np.asarray(2 * residual(a, y) * slope(z, a))
    factor = {"x": x, "w": w, "": np.ones_like(x)}[times]
    return {"grad_w": delta * factor, "grad_b": delta}


def _variant(**changes: Any) -> Callable[[Problem], Mapping[str, Array]]:
    return lambda problem: {
        name: np.asarray(value, dtype=np.float64) for name, value in neuron(problem.inputs, **changes).items()
    }


VARIANTS = {name: _variant(slope=slope) for name, (slope, _) in SLOPES.items()} | {
    "x-forgotten": _variant(times=""),
    "w-for-x": _variant(times="w"),
    "target-forgotten": _variant(residual=lambda a, y: a),
    "residual-squared": _variant(residual=lambda a, y: (a - y) ** 2),
    "absolute-residual": _variant(residual=lambda a, y: abs(a - y)),
    "forward-without-bias": _variant(bias=False),
    "sigmoid-of-minus-z": _variant(activate=lambda z: sigmoid(-z)),
    "tanh-for-sigmoid": _variant(activate=np.tanh, slope=lambda z, a: 1 - a**2),
    "relu-for-sigmoid": _variant(activate=relu, slope=step),
    "x-left-in": lambda problem: {
        "grad_w": np.full(problem.expected["grad_w"].shape, np.nan),
        "grad_b": np.asarray(problem.expected["grad_w"], dtype=np.float64),
    },
}
MISTAKES = {name: Mistake(says, 5, SLOPE_HINT) for name, (_, says) in SLOPES.items()} | {
    "x-forgotten": Mistake(N_("x is forgotten: ∂z/∂w = x"), 6, N_("What is the derivative of w·x + b by w?")),
    "w-for-x": Mistake(
        N_("w stands where x belongs: that is the gradient by x"), 6, N_("By which variable do you differentiate?")
    ),
    "target-forgotten": Mistake(N_("y is not subtracted"), 4, N_("What is the derivative of (a − y)²?")),
    "residual-squared": Mistake(
        N_("(a − y)² stands where a − y belongs"), 4, N_("What is the derivative of (a − y)²?")
    ),
    "absolute-residual": Mistake(
        N_("|a − y| stands where a − y belongs"), 4, N_("What is the derivative of (a − y)²?")
    ),
    "forward-without-bias": Mistake(N_("the forward pass leaves out b"), 1, N_("Write z in full.")),
    "x-left-in": Mistake(N_("x is left in: ∂z/∂b is 1"), 6, N_("What is the derivative of w·x + b by b?")),
    "sigmoid-of-minus-z": Mistake(
        N_("the sigmoid is taken of −z: 1/(1 + e⁻ᶻ), not 1/(1 + eᶻ)"), 2, N_("What is σ(10)?")
    ),
    "divided-by-in": Mistake(
        N_("divided by in: z is a sum over the inputs, and L no mean over them"), 1, N_("Write z in full.")
    ),
    "multiplied-by-in": Mistake(N_("multiplied by in, the number of inputs"), 6, N_("Which line depends on it?")),
    "factor-2-missing": Mistake(
        N_("the factor 2 is missing (half the right value)"), 4, N_("Differentiate the square.")
    ),
    "sign": Mistake(
        N_("the sign is wrong: a − y, not y − a, and a(1 − a), not a(a − 1)"),
        4,
        N_("Does the loss rise along your gradient?"),
    ),
    **OTHER_ACTIVATIONS,
}

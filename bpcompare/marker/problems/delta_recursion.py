"""The exercise ``deltas(x, y, w1, b1, w2, b2, w3, b3)``."""

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
    """Networks of several widths, one with equal widths, in float64 and float32."""
    for widths in ((2, 3, 4, 1), (3, 5, 2, 4), (1, 2, 3, 2), (3, 3, 3, 3)):
        for dtype in ("float64", "float32"):
            first, second = (_point(rng, widths, dtype) for _ in range(2))
            yield from (first, first, second)


def _point(rng: np.random.Generator, widths: tuple[int, ...], dtype: str) -> Problem:
    inputs = {"x": rng.normal(0, 1, widths[0]), "y": rng.normal(0, 1, widths[3])}
    for layer in (1, 2, 3):
        inputs[f"w{layer}"] = rng.normal(0, 1, (widths[layer], widths[layer - 1]))
        inputs[f"b{layer}"] = rng.normal(0, 1, widths[layer])
    return solve({name: value.astype(dtype) for name, value in inputs.items()}, dtype)


def solve(inputs: dict[str, Any], dtype: str) -> Problem:
    """The problem with its right answers.

    δ⁽³⁾ = 2(z⁽³⁾ − y),   δ⁽ˡ⁾ = (W⁽ˡ⁺¹⁾)ᵀδ⁽ˡ⁺¹⁾ ⊙ σ′(z⁽ˡ⁾)
    """
    size = {name: abs(np.asarray(value, dtype=np.float64)) for name, value in inputs.items()}
    z1 = size["w1"] @ size["x"] + size["b1"]
    z2 = size["w2"] @ (1 + z1 / 4) + size["b2"]  # |σ′| ≤ 1/4 passes on a quarter of what z1 lost
    third = 2 * (size["w3"] @ (1 + z2 / 4) + size["b3"] + size["y"])
    second = (size["w3"].T @ third) * size_of_slope(z2)
    widths = (len(size["x"]), len(size["b1"]), len(size["b2"]), len(size["b3"]))
    return Problem(
        sizes=dict(zip(("in", "n1", "n2", "out"), widths, strict=True)),
        dtype=dtype,
        inputs=inputs,
        expected=network(inputs),
        terms={"delta1": (size["w2"].T @ second) * size_of_slope(z1), "delta2": second, "delta3": third},
        operations=sum(widths) + 32,
    )


def network(
    inputs: Mapping[str, Any],
    slope: Slope = slope_of,
    last: bool = False,
    turn: bool = True,
    activate: Callable[[Array], Array] = sigmoid,
    hidden_biases: bool = True,
) -> dict[str, Array]:
    """The three deltas; each argument is a place where the recursion is often written otherwise."""
    value = {name: np.asarray(array, dtype=np.longdouble) for name, array in inputs.items()}
    z1 = value["w1"] @ value["x"] + value["b1"] * hidden_biases
    z2 = value["w2"] @ activate(z1) + value["b2"] * hidden_biases
    z3 = value["w3"] @ activate(z2) + value["b3"]
    delta3 = 2 * ((sigmoid(z3) if last else z3) - value["y"]) * (slope_of(z3, sigmoid(z3)) if last else 1)
    delta2 = _back(value["w3"], delta3, turn) * slope(z2, activate(z2))
    delta1 = _back(value["w2"], delta2, turn) * slope(z1, activate(z1))
    return {"delta1": delta1, "delta2": delta2, "delta3": delta3}


def _back(weight: Array, delta: Array, turn: bool) -> Array:
    if turn:
        return np.asarray(weight.T @ delta)
    square = weight.shape[0] == weight.shape[1]
    return np.asarray(weight @ delta) if square else np.full(weight.shape[1], np.nan)


def _variant(**changes: Any) -> Callable[[Problem], Mapping[str, Array]]:
    return lambda problem: {
        name: np.asarray(value, dtype=np.float64) for name, value in network(problem.inputs, **changes).items()
    }


def _reversed(problem: Problem) -> Mapping[str, Array]:
    right = {name: np.asarray(value, dtype=np.float64) for name, value in problem.expected.items()}
    return {"delta1": right["delta3"], "delta2": right["delta2"], "delta3": right["delta1"]}


VARIANTS = {name: _variant(slope=slope) for name, (slope, _) in SLOPES.items()} | {
    "sigmoid-at-the-output": _variant(last=True),
    "weight-not-transposed": _variant(turn=False),
    "hidden-layers-linear": _variant(activate=lambda z: z, slope=lambda z, _: slope_of(z, sigmoid(z))),
    "tanh-for-sigmoid": _variant(activate=np.tanh, slope=lambda z, a: 1 - a**2),
    "relu-for-sigmoid": _variant(activate=relu, slope=step),
    "hidden-biases-forgotten": _variant(hidden_biases=False),
    "deltas-in-reverse-order": _reversed,
}
MISTAKES = {name: Mistake(says, 6, SLOPE_HINT) for name, (_, says) in SLOPES.items()} | {
    "sigmoid-at-the-output": Mistake(
        N_("the output layer is linear: no sigmoid there"), 4, N_("Which layers apply σ?")
    ),
    "weight-not-transposed": Mistake(N_("the weight is not transposed on the way back"), 5, N_("Write the shapes.")),
    "hidden-layers-linear": Mistake(
        N_("the hidden layers' sigmoid is forgotten in the forward pass"), 2, N_("Write a⁽ˡ⁾.")
    ),
    "deltas-in-reverse-order": Mistake(N_("the deltas come in reverse order"), 5, N_("Read your return line.")),
    "factor-2-missing": Mistake(
        N_("the factor 2 is missing (half the right value)"), 4, N_("Differentiate the square.")
    ),
    "sign": Mistake(
        N_("the sign is wrong: z⁽³⁾ − y, not y − z⁽³⁾, and a(1 − a), not a(a − 1)"),
        4,
        N_("Does the loss rise along your δ?"),
    ),
    "divided-by-out-twice": Mistake(
        N_("divided by out: L is the sum over the outputs, not their mean"), 3, N_("Which number does L divide by?")
    ),
    "hidden-biases-forgotten": Mistake(N_("the hidden layers' biases are forgotten"), 1, N_("Write z⁽¹⁾ in full.")),
    **OTHER_ACTIVATIONS,
}

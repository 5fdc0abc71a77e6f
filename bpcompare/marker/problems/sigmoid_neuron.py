"""The exercises ``sigmoid_neuron(x, y, w, b)`` and ``deltas(x, y, w1, b1, w2, b2, w3, b3)``."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bpcompare.marker.calls import Array, Problem
from bpcompare.marker.mistakes import Mistake

Slope = Callable[[Array, Array], Array]  # of z and a = σ(z)


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _slope(z: Array, a: Array) -> Array:
    return np.asarray(a * (1 - a))


def _relu(z: Array) -> Array:
    return np.asarray(np.maximum(z, 0))


def _step(z: Array, a: Array) -> Array:
    return np.asarray((z > 0) * 1.0)


SLOPES: dict[str, tuple[Slope, str]] = {
    "sigmoid-derivative-missing": (lambda z, a: np.ones_like(z), "the factor σ′(z) = a(1 − a) is missing"),
    "sigmoid-derivative-of-a": (
        lambda z, a: _sigmoid(a) * (1 - _sigmoid(a)),
        "σ′ is taken at a instead of z: the sigmoid is applied twice",
    ),
    "sigmoid-for-its-derivative": (lambda z, a: a, "σ stands where σ′ belongs"),
    "sigmoid-derivative-of-z": (lambda z, a: z * (1 - z), "z(1 − z) stands where a(1 − a) belongs"),
    "sigmoid-derivative-plus": (lambda z, a: a * (1 + a), "a(1 + a) stands where a(1 − a) belongs"),
    "one-minus-a-only": (lambda z, a: 1 - a, "1 − a stands where a(1 − a) belongs"),
    "tanh-derivative": (lambda z, a: 1 - a**2, "1 − a², the derivative of tanh, stands where a(1 − a) belongs"),
    "sigmoid-derivative-twice": (lambda z, a: (a * (1 - a)) ** 2, "the factor σ′(z) is there twice"),
    "relu-derivative": (_step, "the derivative of a ReLU stands where σ′(z) belongs"),
}
OTHER_ACTIVATIONS = {
    "tanh-for-sigmoid": Mistake(
        "tanh and its derivative stand where σ and σ′ belong", 2, "Which activation is asked for?"
    ),
    "relu-for-sigmoid": Mistake("a ReLU stands where σ belongs", 2, "Which activation is asked for?"),
}
_SLOPE_HINT = "Differentiate 1/(1 + e⁻ᶻ), and say at which number you take it."


def _size_of_slope(z: Array) -> Array:
    """What rounding is measured by in σ′(z): σ′ ≤ 1/4, and |σ″| < 1/10 passes on what z, of this size, lost."""
    return np.asarray(1 / 4 + z / 10)


def draw_neuron(rng: np.random.Generator) -> Iterator[Problem]:
    """Several numbers of inputs, in float64 and float32."""
    for length in (1, 2, 3, 5):
        for dtype in ("float64", "float32"):
            first, second = (_neuron_point(rng, length, dtype) for _ in range(2))
            yield from (first, first, second)


def _neuron_point(rng: np.random.Generator, length: int, dtype: str) -> Problem:
    inputs = {"x": rng.normal(0.5, 1, length), "y": rng.uniform(0, 1), "w": rng.normal(0, 1, length), "b": rng.normal()}
    return solve_neuron({name: np.asarray(value, dtype=dtype) for name, value in inputs.items()}, dtype)


def solve_neuron(inputs: dict[str, Any], dtype: str) -> Problem:
    """The problem with its right answers.

    ∂L/∂z = 2(a − y)·a(1 − a),   ∂L/∂w = ∂L/∂z · x,   ∂L/∂b = ∂L/∂z
    """
    x, y, w, b = (abs(np.asarray(inputs[name], dtype=np.float64)) for name in "xywb")
    z = w @ x + b
    size = 2 * ((1 + z / 4) / 4 + (1 + y) * _size_of_slope(z))
    return Problem(
        sizes={"in": len(x)},
        dtype=dtype,
        inputs=inputs,
        truth=neuron(inputs),
        terms={"grad_w": size * x, "grad_b": np.asarray(size)},
        operations=len(x) + 24,
    )


def neuron(
    inputs: Mapping[str, Any],
    slope: Slope = _slope,
    times: str = "x",
    residual: Slope = lambda a, y: a - y,
    bias: bool = True,
    activate: Callable[[Array], Array] = _sigmoid,
) -> dict[str, Array]:
    """∂L/∂w and ∂L/∂b; each argument is a place where it is often written otherwise."""
    x, y, w, b = (np.asarray(inputs[name], dtype=np.longdouble) for name in "xywb")
    z = np.asarray(w @ x + (b if bias else 0))
    a = activate(z)
    delta = np.asarray(2 * residual(a, y) * slope(z, a))
    factor = {"x": x, "w": w, "": np.ones_like(x)}[times]
    return {"grad_w": delta * factor, "grad_b": delta}


def _neuron_variant(**changes: Any) -> Callable[[Problem], Mapping[str, Array]]:
    return lambda problem: {
        name: np.asarray(value, dtype=np.float64) for name, value in neuron(problem.inputs, **changes).items()
    }


NEURON_VARIANTS = {name: _neuron_variant(slope=slope) for name, (slope, _) in SLOPES.items()} | {
    "x-forgotten": _neuron_variant(times=""),
    "w-for-x": _neuron_variant(times="w"),
    "target-forgotten": _neuron_variant(residual=lambda a, y: a),
    "residual-squared": _neuron_variant(residual=lambda a, y: (a - y) ** 2),
    "absolute-residual": _neuron_variant(residual=lambda a, y: abs(a - y)),
    "forward-without-bias": _neuron_variant(bias=False),
    "sigmoid-of-minus-z": _neuron_variant(activate=lambda z: _sigmoid(-z)),
    "tanh-for-sigmoid": _neuron_variant(activate=np.tanh, slope=lambda z, a: 1 - a**2),
    "relu-for-sigmoid": _neuron_variant(activate=_relu, slope=_step),
    "x-left-in": lambda problem: {
        "grad_w": np.full(problem.truth["grad_w"].shape, np.nan),
        "grad_b": np.asarray(problem.truth["grad_w"], dtype=np.float64),
    },
}
NEURON_MISTAKES = {name: Mistake(says, 5, _SLOPE_HINT) for name, (_, says) in SLOPES.items()} | {
    "x-forgotten": Mistake("x is forgotten: ∂z/∂w = x", 6, "What is the derivative of w·x + b by w?"),
    "w-for-x": Mistake(
        "w stands where x belongs: that is the gradient by x", 6, "By which variable do you differentiate?"
    ),
    "target-forgotten": Mistake("y is not subtracted", 4, "What is the derivative of (a − y)²?"),
    "residual-squared": Mistake("(a − y)² stands where a − y belongs", 4, "What is the derivative of (a − y)²?"),
    "absolute-residual": Mistake("|a − y| stands where a − y belongs", 4, "What is the derivative of (a − y)²?"),
    "forward-without-bias": Mistake("the forward pass leaves out b", 1, "Write z in full."),
    "x-left-in": Mistake("x is left in: ∂z/∂b is 1", 6, "What is the derivative of w·x + b by b?"),
    "sigmoid-of-minus-z": Mistake("the sigmoid is taken of −z: 1/(1 + e⁻ᶻ), not 1/(1 + eᶻ)", 2, "What is σ(10)?"),
    "divided-by-in": Mistake(
        "divided by in: z is a sum over the inputs, and L no mean over them", 1, "Write z in full."
    ),
    "multiplied-by-in": Mistake("multiplied by in, the number of inputs", 6, "Which line depends on it?"),
    "factor-2-missing": Mistake("the factor 2 is missing (half the right value)", 4, "Differentiate the square."),
    "sign": Mistake(
        "the sign is wrong: a − y, not y − a, and a(1 − a), not a(a − 1)", 4, "Does the loss rise along your gradient?"
    ),
    **OTHER_ACTIVATIONS,
}


def draw_network(rng: np.random.Generator) -> Iterator[Problem]:
    """Networks of several widths, one with equal widths, in float64 and float32."""
    for widths in ((2, 3, 4, 1), (3, 5, 2, 4), (1, 2, 3, 2), (3, 3, 3, 3)):
        for dtype in ("float64", "float32"):
            first, second = (_network_point(rng, widths, dtype) for _ in range(2))
            yield from (first, first, second)


def _network_point(rng: np.random.Generator, widths: tuple[int, ...], dtype: str) -> Problem:
    inputs = {"x": rng.normal(0, 1, widths[0]), "y": rng.normal(0, 1, widths[3])}
    for layer in (1, 2, 3):
        inputs[f"w{layer}"] = rng.normal(0, 1, (widths[layer], widths[layer - 1]))
        inputs[f"b{layer}"] = rng.normal(0, 1, widths[layer])
    return solve_network({name: value.astype(dtype) for name, value in inputs.items()}, dtype)


def solve_network(inputs: dict[str, Any], dtype: str) -> Problem:
    """The problem with its right answers.

    δ⁽³⁾ = 2(z⁽³⁾ − y),   δ⁽ˡ⁾ = (W⁽ˡ⁺¹⁾)ᵀδ⁽ˡ⁺¹⁾ ⊙ σ′(z⁽ˡ⁾)
    """
    size = {name: abs(np.asarray(value, dtype=np.float64)) for name, value in inputs.items()}
    z1 = size["w1"] @ size["x"] + size["b1"]
    z2 = size["w2"] @ (1 + z1 / 4) + size["b2"]  # |σ′| ≤ 1/4 passes on a quarter of what z1 lost
    third = 2 * (size["w3"] @ (1 + z2 / 4) + size["b3"] + size["y"])
    second = (size["w3"].T @ third) * _size_of_slope(z2)
    widths = (len(size["x"]), len(size["b1"]), len(size["b2"]), len(size["b3"]))
    return Problem(
        sizes=dict(zip(("in", "n1", "n2", "out"), widths, strict=True)),
        dtype=dtype,
        inputs=inputs,
        truth=network(inputs),
        terms={"delta1": (size["w2"].T @ second) * _size_of_slope(z1), "delta2": second, "delta3": third},
        operations=sum(widths) + 32,
    )


def network(
    inputs: Mapping[str, Any],
    slope: Slope = _slope,
    last: bool = False,
    turn: bool = True,
    activate: Callable[[Array], Array] = _sigmoid,
    hidden_biases: bool = True,
) -> dict[str, Array]:
    """The three deltas; each argument is a place where the recursion is often written otherwise."""
    value = {name: np.asarray(array, dtype=np.longdouble) for name, array in inputs.items()}
    z1 = value["w1"] @ value["x"] + value["b1"] * hidden_biases
    z2 = value["w2"] @ activate(z1) + value["b2"] * hidden_biases
    z3 = value["w3"] @ activate(z2) + value["b3"]
    delta3 = 2 * ((_sigmoid(z3) if last else z3) - value["y"]) * (_slope(z3, _sigmoid(z3)) if last else 1)
    delta2 = _back(value["w3"], delta3, turn) * slope(z2, activate(z2))
    delta1 = _back(value["w2"], delta2, turn) * slope(z1, activate(z1))
    return {"delta1": delta1, "delta2": delta2, "delta3": delta3}


def _back(weight: Array, delta: Array, turn: bool) -> Array:
    if turn:
        return np.asarray(weight.T @ delta)
    square = weight.shape[0] == weight.shape[1]
    return np.asarray(weight @ delta) if square else np.full(weight.shape[1], np.nan)


def _network_variant(**changes: Any) -> Callable[[Problem], Mapping[str, Array]]:
    return lambda problem: {
        name: np.asarray(value, dtype=np.float64) for name, value in network(problem.inputs, **changes).items()
    }


def _reversed(problem: Problem) -> Mapping[str, Array]:
    right = {name: np.asarray(value, dtype=np.float64) for name, value in problem.truth.items()}
    return {"delta1": right["delta3"], "delta2": right["delta2"], "delta3": right["delta1"]}


NETWORK_VARIANTS = {name: _network_variant(slope=slope) for name, (slope, _) in SLOPES.items()} | {
    "sigmoid-at-the-output": _network_variant(last=True),
    "weight-not-transposed": _network_variant(turn=False),
    "hidden-layers-linear": _network_variant(activate=lambda z: z, slope=lambda z, _: _slope(z, _sigmoid(z))),
    "tanh-for-sigmoid": _network_variant(activate=np.tanh, slope=lambda z, a: 1 - a**2),
    "relu-for-sigmoid": _network_variant(activate=_relu, slope=_step),
    "hidden-biases-forgotten": _network_variant(hidden_biases=False),
    "deltas-in-reverse-order": _reversed,
}
NETWORK_MISTAKES = {name: Mistake(says, 6, _SLOPE_HINT) for name, (_, says) in SLOPES.items()} | {
    "sigmoid-at-the-output": Mistake("the output layer is linear: no sigmoid there", 4, "Which layers apply σ?"),
    "weight-not-transposed": Mistake("the weight is not transposed on the way back", 5, "Write the shapes."),
    "hidden-layers-linear": Mistake("the hidden layers' sigmoid is forgotten in the forward pass", 2, "Write a⁽ˡ⁾."),
    "deltas-in-reverse-order": Mistake("the deltas come in reverse order", 5, "Read your return line."),
    "factor-2-missing": Mistake("the factor 2 is missing (half the right value)", 4, "Differentiate the square."),
    "sign": Mistake(
        "the sign is wrong: z⁽³⁾ − y, not y − z⁽³⁾, and a(1 − a), not a(a − 1)", 4, "Does the loss rise along your δ?"
    ),
    "divided-by-out-twice": Mistake(
        "divided by out: L is the sum over the outputs, not their mean", 3, "Which number does L divide by?"
    ),
    "hidden-biases-forgotten": Mistake("the hidden layers' biases are forgotten", 1, "Write z⁽¹⁾ in full."),
    **OTHER_ACTIVATIONS,
}

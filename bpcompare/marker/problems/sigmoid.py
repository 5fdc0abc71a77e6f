"""The sigmoid, its derivative, and how the two are often written otherwise."""

from collections.abc import Callable

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.calls import Array
from bpcompare.marker.mistakes import Mistake

Slope = Callable[[Array, Array], Array]  # of z and a = σ(z)


def sigmoid(z: Array) -> Array:
    """σ(z) = 1/(1 + e⁻ᶻ)."""
    return np.asarray(1 / (1 + np.exp(-z)))


def slope_of(z: Array, a: Array) -> Array:
    """σ′(z) = a(1 − a), of a = σ(z)."""
    return np.asarray(a * (1 - a))


def relu(z: Array) -> Array:
    """The greater of z and 0."""
    return np.asarray(np.maximum(z, 0))


def step(z: Array, a: Array) -> Array:
    """The derivative of a ReLU: 1 where z is positive, else 0."""
    return np.asarray((z > 0) * 1.0)


SLOPES: dict[str, tuple[Slope, str]] = {
    "sigmoid-derivative-missing": (lambda z, a: np.ones_like(z), N_("the factor σ′(z) = a(1 − a) is missing")),
    "sigmoid-derivative-of-a": (
        lambda z, a: sigmoid(a) * (1 - sigmoid(a)),
        N_("σ′ is taken at a instead of z: the sigmoid is applied twice"),
    ),
    "sigmoid-for-its-derivative": (lambda z, a: a, N_("σ stands where σ′ belongs")),
    "sigmoid-derivative-of-z": (lambda z, a: z * (1 - z), N_("z(1 − z) stands where a(1 − a) belongs")),
    "sigmoid-derivative-plus": (lambda z, a: a * (1 + a), N_("a(1 + a) stands where a(1 − a) belongs")),
    "one-minus-a-only": (lambda z, a: 1 - a, N_("1 − a stands where a(1 − a) belongs")),
    "tanh-derivative": (lambda z, a: 1 - a**2, N_("1 − a², the derivative of tanh, stands where a(1 − a) belongs")),
    "sigmoid-derivative-twice": (lambda z, a: (a * (1 - a)) ** 2, N_("the factor σ′(z) is there twice")),
    "relu-derivative": (step, N_("the derivative of a ReLU stands where σ′(z) belongs")),
}
OTHER_ACTIVATIONS = {
    "tanh-for-sigmoid": Mistake(
        N_("tanh and its derivative stand where σ and σ′ belong"), 2, N_("Which activation is asked for?")
    ),
    "relu-for-sigmoid": Mistake(N_("a ReLU stands where σ belongs"), 2, N_("Which activation is asked for?")),
}
SLOPE_HINT = N_("Differentiate 1/(1 + e⁻ᶻ), and say at which number you take it.")


def size_of_slope(z: Array) -> Array:
    """What rounding is measured by in σ′(z): σ′ ≤ 1/4, and |σ″| < 1/10 passes on what z, of this size, lost."""
    return np.asarray(1 / 4 + z / 10)

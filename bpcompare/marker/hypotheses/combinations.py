"""Wrong gradients of the squared error, composed: which residual, which x, which samples, which product."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import NamedTuple

from bpcompare.marker.calls import Array
from bpcompare.marker.factors import Factor
from bpcompare.marker.hypotheses.wrong_parts.inputs import INPUTS, SAMPLES
from bpcompare.marker.hypotheses.wrong_parts.products import PRODUCTS, SUMS
from bpcompare.marker.hypotheses.wrong_parts.residuals import ERRORS
from bpcompare.marker.hypotheses.wrong_parts.view import View

MOST_MISTAKES = 2  # in one combination, apart from its factor
# Factors that follow from the mistake itself, and are no mistake of their own: powers of the sizes, and constants.
POWERS: dict[str, tuple[tuple[tuple[str, int], ...], ...]] = {
    "broadcast-n-by-n": ((("N", 1),), (("N", -1),)),
    "mean-before-product": ((("N", 1),), (("N", -1),)),
    "first-entry-only": ((("out", 1),),),
    "mean-residual-for-all": ((("N", -1),),),
    "not-summed-over-batch": ((("N", 1),), (("N", 1), ("out", 1))),
}
CONSTANTS = {
    "derivative-of-absolute-value": 2.0,
    "derivative-of-huber": 2.0,
    "derivative-of-root": 2.0,
    "other-power-of-residual": 2.0,
    "residual-squared": 0.5,
    "loss-for-residual": 0.5,
}
ALONE = {"delta-alone": ("x-forgotten",), "delta-as-it-is": ("x-forgotten", "not-summed-over-batch")}
WITH_X = ("summed-to-one-number", "summed-over-features", "not-summed-over-batch")  # what may befall x left in ∂L/∂b

Multiply = Callable[[Array, Array], Array]  # of x and δ
Add = Callable[[Array], Array]  # of δ


class Choice(NamedTuple):
    """One way to write the residual or x: a row of a table of wrong parts, and which of its variants."""

    mistake: str
    variant: int


class Samples(NamedTuple):
    """Which samples are used, and whether the mean is taken over those or over all N."""

    mistake: str
    variant: int
    mean_over_used: bool


class LastStep(NamedTuple):
    """What is done at last: a product of δ and x, or a sum of δ."""

    mistakes: tuple[str, ...]
    multiply: Multiply | None = None
    add: Add | None = None

    def of(self, x: Array, delta: Array) -> Array:
        """What the step makes of x of shape (…, samples, in) and δ of (…, samples, out)."""
        if self.add is not None:
            return self.add(delta)
        assert self.multiply is not None
        return self.multiply(x, delta)


def error_of(view: View, choice: Choice) -> tuple[Array, Array] | None:
    """The residual as it is chosen."""
    return view.once(("error", choice), ERRORS[choice.mistake][choice.variant])


def input_of(view: View, choice: Choice) -> tuple[Array, Array] | None:
    """The x as it is chosen."""
    return view.once(("x", choice), INPUTS[choice.mistake][choice.variant])


@dataclass(frozen=True, eq=False)
class Combination:
    """One way to go wrong, or right: the mistakes it holds and what it makes of a problem."""

    mistakes: tuple[str, ...]
    error: Choice
    input: Choice
    samples: Samples
    last: LastStep

    def remainder(self, factor: Factor) -> Factor:
        """What of a factor the combination's own mistakes leave unexplained."""
        powers = {power for mistake in self.mistakes for power in POWERS.get(mistake, ())}
        constants = {CONSTANTS[mistake] for mistake in self.mistakes if mistake in CONSTANTS}
        sign = -1.0 if factor.constant < 0 else 1.0
        return Factor(
            sign if abs(factor.constant) in constants else factor.constant,
            () if factor.powers in powers else factor.powers,
        )

    def of(self, view: View) -> tuple[Array, Array] | None:
        """The value and the sum of the absolute values of its terms; None where it does not exist."""
        return view.once(self, self._of)

    def _of(self, view: View) -> tuple[Array, Array] | None:
        deltas = view.once(("delta", self.error, self.samples), self._deltas)
        inputs = view.once(("input", self.input, self.samples), self._inputs)
        if deltas is None or inputs is None:
            return None
        return self.last.of(inputs[0], deltas[0]), self.last.of(inputs[1], deltas[1])

    def _deltas(self, view: View) -> tuple[Array, Array] | None:
        error = error_of(view, self.error)
        if error is None:
            return None
        rows = self._rows(view)
        averaged = view.y[rows] if self.samples.mean_over_used else view.y
        scale = 2 / (max(len(averaged), 1) * view.y.shape[1])
        return error[0][rows] * scale, error[1][rows] * scale

    def _inputs(self, view: View) -> tuple[Array, Array] | None:
        x, rows = input_of(view, self.input), self._rows(view)
        return (x[0][rows], x[1][rows]) if x is not None else None

    def _rows(self, view: View) -> slice:
        return SAMPLES[self.samples.mistake][self.samples.variant](len(view.y))


@cache
def combinations(answer: str) -> tuple[Combination, ...]:
    """All combinations for ``grad_w`` or ``grad_b``, the right one first and those with more mistakes later."""
    return tuple(sorted(_compose(answer), key=lambda combination: len(combination.mistakes)))


@cache
def holding(mistakes: int, answer: str) -> tuple[Combination, ...]:
    """Those of the combinations that hold so many mistakes."""
    return tuple(one for one in combinations(answer) if len(one.mistakes) == mistakes)


def _compose(answer: str) -> Iterator[Combination]:
    errors = {name: [Choice(name, k) for k in range(len(variants))] for name, variants in ERRORS.items()}
    inputs = {name: [Choice(name, k) for k in range(len(variants))] for name, variants in INPUTS.items()}
    if answer == "grad_b":
        inputs = {"": inputs[""]}
    for error, x, samples, last in product(errors, inputs, SAMPLES, steps := _last_steps(answer)):
        mistakes = (*filter(None, (error, x, samples)), *last)
        if len(mistakes) > MOST_MISTAKES or _needless(error, x, samples, last):
            continue
        for choices in product(errors[error], inputs[x], _choices_of_samples(samples), steps[last]):
            yield Combination(mistakes, *choices)


def _choices_of_samples(name: str) -> list[Samples]:
    means = (False, True) if name else (False,)
    return [Samples(name, k, mean_over_used) for mean_over_used in means for k in range(len(SAMPLES[name]))]


def _last_steps(answer: str) -> dict[tuple[str, ...], list[LastStep]]:
    """By their mistakes: for w all products; for b the sums, and the products that still hold x."""
    if answer == "grad_w":
        named = {ALONE.get(name) or _names(name): products for name, products in PRODUCTS.items()}
        return {names: [LastStep(names, multiply=step) for step in products] for names, products in named.items()}
    steps = {_names(name): [LastStep(_names(name), add=add) for add in sums] for name, sums in SUMS.items()}
    for name in ("", *WITH_X):
        names = ("x-left-in", *_names(name))
        steps[names] = [LastStep(names, multiply=multiply) for multiply in PRODUCTS[name]]
    return steps


def _names(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def _needless(error: str, x: str, samples: str, last: tuple[str, ...]) -> bool:
    """Pairs that say the same as one mistake with a factor, or that nobody makes together."""
    mixed = error == "outputs-mixed" or x == "features-mixed"
    off_by_one = samples == "one-sample-left-out" and error + x in ("targets-shifted", "x-shifted")
    return (
        ("x-forgotten" in last and x != "")
        or (samples != "" and error + x != "" and not off_by_one)
        or (mixed and last == ("summed-to-one-number",))
    )

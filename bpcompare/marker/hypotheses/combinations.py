"""Wrong gradients of the squared error, composed: which residual, which x, which samples, which product."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from bpcompare.marker.calls import Array
from bpcompare.marker.factors import Factor
from bpcompare.marker.hypotheses.wrong_parts import ERRORS, INPUTS, PRODUCTS, SAMPLES, SUMS, View

MOST_MISTAKES = 2  # in one form, beside its factor
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


@dataclass(frozen=True, eq=False)
class Form:
    """One way to go wrong, or right: the mistakes it holds and what it makes of a problem."""

    answer: str
    mistakes: tuple[str, ...]
    error: tuple[str, int]
    input: tuple[str, int]
    samples: tuple[str, int]
    product: tuple[str, int]

    def remainder(self, factor: Factor) -> Factor:
        """What of a factor the form's own mistakes leave unexplained."""
        powers = {power for mistake in self.mistakes for power in POWERS.get(mistake, ())}
        constants = {CONSTANTS[mistake] for mistake in self.mistakes if mistake in CONSTANTS}
        sign = -1.0 if factor.constant < 0 else 1.0
        return Factor(
            sign if abs(factor.constant) in constants else factor.constant,
            () if factor.powers in powers else factor.powers,
        )

    def of(self, view: View) -> tuple[Array, Array] | None:
        """The value and the sum of the absolute values of its terms; None where the form does not exist."""
        deltas = view.once(("delta", self.error, self.samples), self._deltas)
        inputs = view.once(("input", self.input, self.samples), self._inputs)
        if deltas is None or inputs is None:
            return None
        name, variant = self.product
        if self.answer == "grad_b" and name in SUMS:
            total = SUMS[name][variant]
            return total(deltas[0]), total(deltas[1])
        multiply = PRODUCTS[name.removeprefix("x-left-in")][variant]
        return multiply(inputs[0], deltas[0]), multiply(inputs[1], deltas[1])

    def _deltas(self, view: View) -> tuple[Array, Array] | None:
        name, variant = self.error
        error = view.once(("error", self.error), ERRORS[name][variant])
        if error is None:
            return None
        rows = self._rows(view)
        averaged = view.y[rows] if self.samples[1] >= len(SAMPLES[self.samples[0]]) else view.y
        scale = 2 / (max(len(averaged), 1) * view.y.shape[1])
        return error[0][rows] * scale, error[1][rows] * scale

    def _inputs(self, view: View) -> tuple[Array, Array] | None:
        name, variant = self.input
        x, rows = INPUTS[name][variant](view), self._rows(view)
        return (x[0][rows], x[1][rows]) if x is not None else None

    def _rows(self, view: View) -> slice:
        name, variant = self.samples
        return SAMPLES[name][variant % len(SAMPLES[name])](len(view.y))


@cache
def forms(answer: str) -> tuple[Form, ...]:
    """All forms of ``grad_w`` or ``grad_b``, the right one first and those with more mistakes later."""
    return tuple(sorted(_compose(answer), key=lambda form: len(form.mistakes)))


def _compose(answer: str) -> Iterator[Form]:
    bias = answer == "grad_b"
    products: dict[str, int] = {name: len(variants) for name, variants in (SUMS if bias else PRODUCTS).items()}
    if bias:
        products["x-left-in"] = 1
        products |= {
            f"x-left-in{name}": len(PRODUCTS[name])
            for name in ("summed-to-one-number", "summed-over-features", "not-summed-over-batch")
        }
    inputs = {"": 1} if bias else {name: len(variants) for name, variants in INPUTS.items()}
    tables = (
        {name: len(variants) for name, variants in ERRORS.items()},
        inputs,
        {name: len(variants) * (2 if name else 1) for name, variants in SAMPLES.items()},
        products,
    )
    for names in product(*tables):
        mistakes = tuple(mistake for name in names for mistake in _mistakes(name))
        if len(mistakes) > MOST_MISTAKES or _needless(*names):
            continue
        for variants in product(*(range(table[name]) for table, name in zip(tables, names, strict=True))):
            error, x, samples, last = zip(names, variants, strict=True)
            yield Form(answer, mistakes, error, x, samples, last)


def _needless(error: str, x: str, samples: str, last: str) -> bool:
    """Pairs that say the same as one mistake with a factor, or that nobody makes together."""
    mixed = error == "outputs-mixed" or x == "features-mixed"
    off_by_one = samples == "one-sample-left-out" and error + x in ("targets-shifted", "x-shifted")
    return (
        (last in ALONE and x != "")
        or (samples != "" and error + x != "" and not off_by_one)
        or (mixed and last == "summed-to-one-number")
    )


def _mistakes(name: str) -> tuple[str, ...]:
    if name in ALONE:
        return ALONE[name]
    if name.startswith("x-left-in") and name != "x-left-in":
        return ("x-left-in", name.removeprefix("x-left-in"))
    return (name,) if name else ()

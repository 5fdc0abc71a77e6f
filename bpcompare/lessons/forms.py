"""Wrong gradients of the squared error, composed: which residual, which x, which samples, which product."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from bpcompare.lessons.calls import Array
from bpcompare.lessons.factors import Factor
from bpcompare.lessons.ingredients import ERRORS, INPUTS, PRODUCTS, SAMPLES, SUMS, View

MOST_MISTAKES = 2  # in one form, beside its factor
N_TIMES, ONE_N_TH = Factor(powers=(("N", 1),)), Factor(powers=(("N", -1),))
HALF, TWICE = Factor(0.5), Factor(2.0)

# Factors that follow from the mistake itself, and are no mistake of their own.
NEUTRAL: dict[str, tuple[Factor, ...]] = {
    "one-sample-only": (N_TIMES,),
    "one-sample-left-out": (Factor(powers=(("N", 1), ("N−1", -1))),),
    "every-other-sample": (TWICE,),
    "broadcast-n-by-n": (N_TIMES, ONE_N_TH),
    "mean-before-product": (N_TIMES, ONE_N_TH),
    "mean-residual-for-all": (ONE_N_TH,),
    "not-summed-over-batch": (N_TIMES, Factor(powers=(("N", 1), ("out", 1)))),
    "derivative-of-absolute-value": (TWICE,),
    "derivative-of-huber": (TWICE,),
    "derivative-of-root": (TWICE,),
    "residual-squared": (HALF,),
    "loss-for-residual": (HALF,),
}


@dataclass(frozen=True)
class Form:
    """One way to go wrong, or right: the mistakes it holds and what it makes of a problem."""

    answer: str
    mistakes: tuple[str, ...]
    error: tuple[str, int]
    input: tuple[str, int]
    samples: tuple[str, int]
    product: tuple[str, int]

    @property
    def neutral(self) -> set[Factor]:
        """Factors that need no further explanation."""
        return {Factor(), *(factor for mistake in self.mistakes for factor in NEUTRAL.get(mistake, ()))}

    def of(self, view: View) -> tuple[Array, Array] | None:
        """The value and the sum of the absolute values of its terms; None where the form does not exist."""
        error = ERRORS[self.error[0]][self.error[1]](view)
        x = INPUTS[self.input[0]][self.input[1]](view)
        if error is None or x is None:
            return None
        chosen = SAMPLES[self.samples[0]][self.samples[1]]
        scale = 2 / view.y.size
        deltas = [np.broadcast_to(part, view.y.shape)[chosen] * scale for part in error]
        inputs = [part[chosen] for part in x]
        name, variant = self.product
        if self.answer == "grad_b" and name in SUMS:
            total = SUMS[name][variant]
            return total(deltas[0]), total(deltas[1])
        multiply = PRODUCTS[name.removeprefix("x-left-in")][variant]
        return multiply(inputs[0], deltas[0]), multiply(inputs[1], deltas[1])


@cache
def forms(answer: str) -> tuple[Form, ...]:
    """All forms of ``grad_w`` or ``grad_b``, the right one first and those with more mistakes later."""
    return tuple(sorted(_compose(answer), key=lambda form: len(form.mistakes)))


def _compose(answer: str) -> Iterator[Form]:
    bias = answer == "grad_b"
    products: dict[str, int] = {name: len(variants) for name, variants in (SUMS if bias else PRODUCTS).items()}
    if bias:
        products["x-left-in"] = 1
        products |= {f"x-left-in{name}": len(PRODUCTS[name]) for name in ("summed-to-one-number", "not-summed-over-batch")}
    inputs = {"": 1} if bias else {name: len(variants) for name, variants in INPUTS.items()}
    tables = (
        {name: len(variants) for name, variants in ERRORS.items()},
        inputs,
        {name: len(variants) for name, variants in SAMPLES.items()},
        products,
    )
    for names in product(*tables):
        mistakes = tuple(mistake for name in names for mistake in _mistakes(name))
        if len(mistakes) > MOST_MISTAKES or ("delta-alone" in names and names[1]):
            continue
        for variants in product(*(range(table[name]) for table, name in zip(tables, names, strict=True))):
            error, x, samples, last = zip(names, variants, strict=True)
            yield Form(answer, mistakes, error, x, samples, last)


def _mistakes(name: str) -> tuple[str, ...]:
    if name == "delta-alone":
        return ("x-forgotten",)
    if name.startswith("x-left-in") and name != "x-left-in":
        return ("x-left-in", name.removeprefix("x-left-in"))
    return (name,) if name else ()

"""Hypotheses that hold for any loss: a factor, a transpose, another answer's place, a sum not taken."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from bpcompare.marker.calls import Array, Call, Problem
from bpcompare.marker.explanation import Explanation, cheapest, expected_value, fit_in_order
from bpcompare.marker.factors import Factor

Variant = Callable[[Problem], Mapping[str, Array]]


def factor_of_expected_value(calls: Sequence[Call], answer: str) -> Explanation | None:
    """A constant and powers of the sizes, times the right answer."""
    factor = fit_in_order(calls, answer, lambda call: (expected_value(call, answer), call.problem.terms[answer]))
    return Explanation((), factor.cost, factor) if factor is not None else None


def rearranged(calls: Sequence[Call], answer: str) -> Explanation | None:
    """The right numbers (times a factor) transposed, or reshaped where a transpose was meant."""
    found = [
        Explanation((name,), 1.0 + factor.cost, factor)
        for name, change in _rearrangements()
        if (factor := fit_in_order(calls, answer, partial(_changed, answer=answer, change=change))) is not None
    ]
    return min(found, key=lambda explanation: explanation.cost, default=None)


def _rearrangements() -> Iterator[tuple[str, Callable[[Array], Array]]]:
    yield "transposed", lambda array: array.T
    yield "reshaped-for-transposed", lambda array: array.T.reshape(array.shape)
    yield "reshaped-for-transposed", lambda array: array.reshape(array.shape[::-1])
    yield "summed-to-one-number", lambda array: np.asarray(array.sum())
    yield "summed-to-one-number", lambda array: np.asarray(array.mean())


def _changed(call: Call, answer: str, change: Callable[[Array], Array]) -> tuple[Array, Array] | None:
    right = expected_value(call, answer)
    return (
        (change(right), change(call.problem.terms[answer])) if right.size > 1 else (right, call.problem.terms[answer])
    )


def not_summed(calls: Sequence[Call], answer: str) -> Explanation | None:
    """The right answer (times a factor) once the dimensions that were broadcast are added up."""
    added = [_add_up(call, answer) for call in calls]
    if any(call is None for call in added) or all(
        call.answers[answer].size == expected_value(call, answer).size for call in calls
    ):
        return None
    factor = fit_in_order(
        [call for call in added if call is not None],
        answer,
        lambda call: (expected_value(call, answer), call.problem.terms[answer]),
    )
    return Explanation(("not-summed-over-batch",), 3.0 + factor.cost, factor) if factor is not None else None


def _add_up(call: Call, answer: str) -> Call | None:
    array, shape = call.answers[answer], call.problem.expected[answer].shape
    if array.ndim < len(shape):
        return None
    total = array.sum(axis=tuple(range(array.ndim - len(shape))))
    axes = tuple(axis for axis, (have, want) in enumerate(zip(total.shape, shape, strict=True)) if want == 1 != have)
    total = total.sum(axis=axes, keepdims=True)
    return Call(call.problem, {answer: total}, call.dtypes) if total.shape == shape else None


def other_answer(calls: Sequence[Call], answer: str, other: str) -> Factor | None:
    """The factor by which the answer is ``other``'s right one, or None."""
    return fit_in_order(calls, answer, lambda call: (expected_value(call, other), call.problem.terms[other]))


def by_variant(calls: Sequence[Call], answer: str, variants: Mapping[str, Variant]) -> Explanation | None:
    """One of an exercise's own known mistakes, times a factor."""
    found = []
    for name, variant in variants.items():
        factor = fit_in_order(calls, answer, partial(_varied, answer=answer, variant=variant))
        if factor is not None:
            found.append(Explanation((name,), 1.0 + factor.cost, factor))
    return cheapest(found)


def _varied(call: Call, answer: str, variant: Variant) -> tuple[Array, Array]:
    return variant(call.problem)[answer], call.problem.terms[answer]

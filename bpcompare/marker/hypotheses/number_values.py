"""Hypotheses about numbers: not finite, zero, cut to integers, rounded, clipped."""

from collections.abc import Callable, Sequence

import numpy as np

from bpcompare.language import N_, _
from bpcompare.marker.calls import EPSILON, Array, Call
from bpcompare.marker.explanation import Explanation, agrees, expected_value
from bpcompare.marker.phrases import Phrase, phrase

COARSE = 0.1  # a step shows where the spacing of floating-point numbers is less than this of it
# What numbers are rounded to, from coarse to fine: decimals, and the bits of a fixed point.
STEPS: dict[Phrase, float] = {
    Phrase(N_("1 decimal")): 0.1,
    **{phrase(N_("{n} decimals"), n=count): 10.0**-count for count in range(2, 9)},
    **{phrase(N_("multiples of 1/{n}"), n=2**bits): 2.0**-bits for bits in range(1, 17)},
}


def not_finite(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Somewhere it is nan or inf."""
    bad = [call for call in calls if not np.isfinite(call.answers[answer]).all()]
    if not bad:
        return None
    some = _("in {some} of {every} calls", some=len(bad), every=len(calls))
    return Explanation(("nan-or-inf",), 0.0, detail=_("in every call") if len(bad) == len(calls) else some)


def always_zero(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Every number is 0; of one sample alone, x minus its mean is 0, too."""
    if any(call.answers[answer].any() for call in calls):
        return None
    alone = all(_samples(call) == 1 for call in calls)
    return Explanation(("zero-for-one-sample" if alone else "always-zero",), 0.1)


def _samples(call: Call) -> int:
    """How many samples there are: N, or the length of the first array."""
    first = next((value for value in call.problem.inputs.values() if getattr(value, "ndim", 0) > 0), None)
    return call.problem.sizes.get("N", len(first) if first is not None else 0)


def whole_numbers(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Every number is whole, and less than 2 from the right one."""
    for call in calls:
        array = call.answers[answer]
        right = expected_value(call, answer)
        if array.size != right.size or (array != np.round(array)).any():
            return None
        if (abs(array.ravel() - right.ravel()) > 2 + call.rounding(answer).max()).any():
            return None
    return Explanation(("integer-division",), 0.5)


def rounded(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Every number is a multiple of one step, such as 0.001, and the right one up to half of it."""
    for name, step in STEPS.items():
        if all(_rounded_to(call, answer, step) for call in calls):
            return Explanation(("rounded",), 0.4, detail=str(name))
    for digits in range(2, 7):
        if all(_rounded_to(call, answer, _last_place(call.answers[answer], digits)) for call in calls):
            return Explanation(("rounded",), 0.4, detail=_("{n} significant digits", n=digits))
    return None


def _last_place(array: Array, digits: int) -> Array:
    return np.asarray(10.0 ** (np.floor(np.log10(abs(array) + 1e-300)) - digits + 1))


def _rounded_to(call: Call, answer: str, step: float | Array) -> bool:
    array, right = call.answers[answer], expected_value(call, answer)
    noise = 4 * EPSILON[call.problem.dtype] * abs(array)
    ends = (abs(array - np.round(array / step) * step) <= noise).all() and (noise < COARSE * step).all()
    return bool(ends) and agrees_within(call, answer, right, 0.51 * step)


def agrees_within(call: Call, answer: str, guess: Array, distance: float | Array) -> bool:
    """Whether each number of the answer is at most ``distance`` (and rounding) from ``guess``."""
    array = call.answers[answer]
    bound = np.ravel(distance + 4 * float(call.rounding(answer).max()))
    return array.size == guess.size and bool((abs(array.ravel() - guess.ravel()) <= bound).all())


def cut(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Clipped by value or by length, divided by its length, or reduced to its sign."""
    if any(call.answers[answer].size != expected_value(call, answer).size for call in calls):
        return None
    if all(agrees(call, answer, expected_value(call, answer), 8.0) for call in calls):
        return None
    for name, function in (("sign-only", np.sign), ("normalised", lambda g: g / np.linalg.norm(g))):
        if all(agrees(call, answer, function(expected_value(call, answer)), 8.0) for call in calls):
            return Explanation((name,), 0.9)
    precise = [call for call in calls if call.problem.dtype == "float64"] or calls
    for size, where, clip in _CLIPS:
        bound = max(float(size(call.answers[answer]).max()) for call in precise)
        clipped = all(agrees(call, answer, clip(expected_value(call, answer), bound), 8.0) for call in calls)
        if clipped and _reached(precise, answer, size, bound):
            return Explanation(("clipped",), 0.9, detail=_(where, bound=bound))
    return None


def _length(array: Array) -> Array:
    return np.asarray(np.linalg.norm(array))


_CLIPS: tuple[tuple[Callable[[Array], Array], str, Callable[[Array, float], Array]], ...] = (
    (np.abs, N_("at ±{bound:g}"), lambda g, bound: np.clip(g, -bound, bound)),
    (_length, N_("to the length {bound:g}"), lambda g, bound: g * min(1.0, bound / float(_length(g)))),
)


def _reached(calls: Sequence[Call], answer: str, size: Callable[[Array], Array], bound: float) -> bool:
    """Whether a bound shows: what is clearly beyond it stops there, in more than one problem."""
    met = {
        id(call.problem)
        for call in calls
        if (
            (abs(size(call.answers[answer]).ravel() / bound - 1) < 8 * EPSILON[call.problem.dtype])
            & (size(expected_value(call, answer)).ravel() > bound + 100 * float(call.rounding(answer).max()))
        ).any()
    }
    return len(met) > 1

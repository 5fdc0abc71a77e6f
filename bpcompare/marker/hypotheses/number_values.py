"""Hypotheses about numbers: not finite, zero, cut to integers, rounded, clipped."""

from collections.abc import Callable, Sequence

import numpy as np

from bpcompare.marker.calls import EPSILON, Array, Call
from bpcompare.marker.explanation import Explanation, agrees, truth

COARSE = 0.1  # a step shows where the spacing of floating-point numbers is less than this of it
# What numbers are rounded to, from coarse to fine: decimals, and the bits of a fixed point.
STEPS = {f"{count} decimal{'s' if count > 1 else ''}": 10.0**-count for count in range(1, 9)} | {
    f"multiples of 1/{2**bits}": 2.0**-bits for bits in range(1, 17)
}


def not_finite(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Somewhere it is nan or inf."""
    bad = [call for call in calls if not np.isfinite(call.answers[answer]).all()]
    if not bad:
        return None
    everywhere = "in every call" if len(bad) == len(calls) else f"in {len(bad)} of {len(calls)} calls"
    return Explanation(("nan-or-inf",), 0.0, detail=everywhere)


def always_zero(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Every number is 0."""
    return None if any(call.answers[answer].any() for call in calls) else Explanation(("always-zero",), 0.1)


def whole_numbers(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Every number is whole, and less than 2 from the right one."""
    for call in calls:
        array = call.answers[answer]
        right = truth(call, answer)
        if array.size != right.size or (array != np.round(array)).any():
            return None
        if (abs(array.ravel() - right.ravel()) > 2 + call.rounding(answer).max()).any():
            return None
    return Explanation(("integer-division",), 0.5)


def rounded(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Every number is a multiple of one step, such as 0.001, and the right one up to half of it."""
    for name, step in STEPS.items():
        if all(_rounded_to(call, answer, step) for call in calls):
            return Explanation(("rounded",), 0.4, detail=name)
    for digits in range(2, 7):
        if all(_rounded_to(call, answer, _last_place(call.answers[answer], digits)) for call in calls):
            return Explanation(("rounded",), 0.4, detail=f"{digits} significant digits")
    return None


def _last_place(array: Array, digits: int) -> Array:
    return np.asarray(10.0 ** (np.floor(np.log10(abs(array) + 1e-300)) - digits + 1))


def _rounded_to(call: Call, answer: str, step: float | Array) -> bool:
    array, right = call.answers[answer], truth(call, answer)
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
    if any(call.answers[answer].size != truth(call, answer).size for call in calls):
        return None
    precise = [call for call in calls if call.problem.dtype == "float64"] or calls
    bound = max(float(abs(call.answers[answer]).max()) for call in precise)
    length = max(float(np.linalg.norm(call.answers[answer])) for call in precise)
    tests: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
        ("sign-only", "", np.sign),
        ("normalised", "", lambda g: g / np.linalg.norm(g)),
        ("clipped", f"at ±{bound:g}", lambda g: np.clip(g, -bound, bound)),
        ("clipped", f"to the length {length:g}", lambda g: g * min(1.0, length / np.linalg.norm(g))),
    )
    if all(agrees(call, answer, truth(call, answer), 8.0) for call in calls):
        return None
    for name, detail, function in tests:
        if all(agrees(call, answer, function(truth(call, answer)), 8.0) for call in calls):
            return Explanation((name,), 0.9, detail=detail)
    return None

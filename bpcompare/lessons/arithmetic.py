"""Hypotheses about numbers: not finite, zero, cut to integers, rounded, clipped, too few digits."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpcompare.lessons.calls import EPSILON, Array, Call, Problem
from bpcompare.lessons.explanation import Explanation, agrees, truth

Solve = Callable[[dict[str, Any], str], Problem]

HALF_ERROR = (2.0**-17, 2.0**-6)  # half precision errs by this much of the summed terms, in float64 and float32 alike
FOLLOWS = 0.25  # a correlation that some hundred random errors do not show
SINGLE_ERROR = 2.0**-28  # float32 errs by at least this much of them somewhere


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
    """Every number ends after the same few decimals, and is the right one up to there."""
    for decimals in range(1, 9):
        step = 10.0**-decimals
        if all(_rounded_to(call, answer, decimals, step) for call in calls):
            return Explanation(("rounded",), 0.6, detail=f"{decimals} decimals")
    return None


def _rounded_to(call: Call, answer: str, decimals: int, step: float) -> bool:
    array, right = call.answers[answer], truth(call, answer)
    noise = 4 * EPSILON["float32"] * abs(array) if call.problem.dtype == "float32" else 0.0
    ends = (abs(array - np.round(array, decimals)) <= noise).all()
    return bool(ends) and array.size == right.size and agrees_within(call, answer, right, 0.51 * step)


def agrees_within(call: Call, answer: str, guess: Array, distance: float) -> bool:
    """Whether each number of the answer is at most ``distance`` (and rounding) from ``guess``."""
    array = call.answers[answer]
    bound = distance + 4 * float(call.rounding(answer).max())
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
    for name, detail, function in tests:
        if all(agrees(call, answer, function(truth(call, answer)), 8.0) for call in calls):
            return Explanation((name,), 0.9, detail=detail)
    return None


def too_few_digits(calls: Sequence[Call], answer: str, solve: Solve | None) -> Explanation | None:
    """Half or single precision: by the answer's type, its digits, the inputs cast – or, less surely, its error."""
    arrays = [call.answers[answer] for call in calls]
    if any(array.size != truth(call, answer).size for call, array in zip(calls, arrays, strict=True)):
        return None
    errors = [_relative_error(call, answer) for call in calls]
    if max(errors) > HALF_ERROR[1]:
        return None
    if all(call.dtypes[answer] in ("float16", "bfloat16") for call in calls) or all(map(_is_half, arrays)):
        return Explanation(("half-precision",), 0.5)
    for cast, name in CASTS:
        if solve is not None and all(
            agrees(call, answer, _cast_truth(call, answer, cast, solve), 8.0) for call in calls
        ):
            return Explanation((name,), 0.5)
    if any(call.problem.dtype == "float64" for call in calls) and max(errors) < HALF_ERROR[0]:
        return _single(calls, answer, errors)
    both = [max(e for c, e in zip(calls, errors, strict=True) if c.problem.dtype == d) for d in _dtypes(calls)]
    if min(both) >= HALF_ERROR[0] and max(both) < 30 * min(both) and _haphazard(calls, answer):
        return Explanation(("half-precision",), 5.0, sure=False)
    return None


def _dtypes(calls: Sequence[Call]) -> set[str]:
    return {call.problem.dtype for call in calls}


def _single(calls: Sequence[Call], answer: str, errors: Sequence[float]) -> Explanation | None:
    operations = max(call.problem.operations for call in calls)
    if not SINGLE_ERROR <= max(errors) <= operations * EPSILON["float32"] or _dtypes(calls) != {"float64"}:
        return None
    held = all((array == array.astype(np.float32)).all() for array in (call.answers[answer] for call in calls))
    return Explanation(("single-precision",), 0.6 if held else 4.0, sure=held)


def _relative_error(call: Call, answer: str) -> float:
    difference = abs(call.answers[answer].ravel() - truth(call, answer).ravel())
    return float((difference / (call.problem.terms[answer].ravel() + 1e-300)).max())


def _haphazard(calls: Sequence[Call], answer: str) -> bool:
    """Whether the errors follow neither the answer nor an input of its shape, as errors of rounding do not."""
    errors = np.concatenate([(call.answers[answer].ravel() - truth(call, answer).ravel()) for call in calls])
    shapes = [truth(call, answer).shape for call in calls]
    columns = [np.concatenate([truth(call, answer).ravel() for call in calls])]
    for name in calls[0].problem.inputs:
        arrays = [np.asarray(call.problem.inputs[name], dtype=np.float64) for call in calls]
        if all(array.shape == shape for array, shape in zip(arrays, shapes, strict=True)):
            columns += [np.concatenate([array.ravel() for array in arrays])]
    return all(
        abs(np.corrcoef(function(errors), function(column))[0, 1]) < FOLLOWS
        for column in columns
        for function in (np.asarray, np.sign)
    )


def _is_half(array: Array) -> bool:
    with np.errstate(over="ignore"):
        if (array == array.astype(np.float16)).all():
            return True
    single = array.astype(np.float32)
    return bool((single == array).all() and not (single.view(np.uint32) & 0xFFFF).any())


def _bfloat16(array: Array) -> Array:
    """Rounded to the 8 bits of bfloat16, to even: the upper half of a float32."""
    bits = array.astype(np.float32).view(np.uint32)
    return np.asarray(((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32))


CASTS: tuple[tuple[Callable[[Array], Array], str], ...] = (
    (lambda array: array.astype(np.float16), "half-precision"),
    (_bfloat16, "half-precision"),
    (lambda array: array.astype(np.float32), "single-precision"),
)


def _cast_truth(call: Call, answer: str, cast: Callable[[Array], Array], solve: Solve) -> Array:
    inputs = {
        name: cast(value).astype(value.dtype) if isinstance(value, np.ndarray) else value
        for name, value in call.problem.inputs.items()
    }
    return np.asarray(solve(inputs, call.problem.dtype).truth[answer], dtype=np.float64)

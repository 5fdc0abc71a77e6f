"""Hypotheses about number types: half or single precision, told by the digits that are left and by the errors made."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from bpcompare.marker.calls import Array, Call, Problem
from bpcompare.marker.explanation import Explanation, agrees, epsilon, expected_value

Solve = Callable[[dict[str, Any], str], Problem]
Cast = Callable[[Array], Array]

LARGEST_ERROR = 2.0**-6  # of the summed terms: half precision does no more harm than this
PREDICTED = 0.7  # errors are those of a narrow type where simulating it leaves less than this of them
TELLING = 8  # so many numbers do not all lie on a narrow type's grid by chance


def _float16(array: Array) -> Array:
    return array.astype(np.float16).astype(np.float64)


def _float32(array: Array) -> Array:
    return array.astype(np.float32).astype(np.float64)


def _bfloat16(array: Array) -> Array:
    """Rounded to the 8 bits of bfloat16, to even: the upper half of a float32."""
    bits = array.astype(np.float32).view(np.uint32)
    upper = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32)
    return upper.view(np.float32).astype(np.float64)


HALVES = ("float16", "bfloat16")
# PyTorch rounds float64 to float32 first and then to float16, NumPy at once.
CASTS: tuple[tuple[str, Cast], ...] = (
    ("half-precision", lambda array: _float16(_float32(array))),
    ("half-precision", _float16),
    ("half-precision", _bfloat16),
    ("single-precision", _float32),
)


def too_few_digits(calls: Sequence[Call], answer: str, solve: Solve | None) -> Explanation | None:
    """Half or single precision: every number of the answer is of that type, or the inputs were cast to it."""
    if not comparable(calls, answer):
        return None
    if all(call.dtypes[answer] in HALVES for call in calls):
        return Explanation(("half-precision",), 0.5)
    doubles = [call for call in calls if call.problem.dtype == "float64"]
    for name, cast in CASTS:
        shown_by = doubles if name == "single-precision" else calls
        if not shown_by or not all(
            agrees(call, answer, expected_value(call, answer)) for call in calls if call not in shown_by
        ):
            continue
        if _is_of_type(shown_by, answer, cast):
            return Explanation((name,), 0.6)
        if solve is not None and _explains(
            shown_by, answer, partial(_cast_expected_value, answer=answer, cast=cast, solve=solve)
        ):
            return Explanation((name,), 0.5)
    return None


def comparable(calls: Sequence[Call], answer: str) -> bool:
    """Whether the answers have the right size, and errors no larger than those of half precision."""
    if any(call.answers[answer].size != expected_value(call, answer).size for call in calls):
        return False
    return all(abs(error(call, answer, expected_value(call, answer))).max() <= LARGEST_ERROR for call in calls)


def error(call: Call, answer: str, right: Array) -> Array:
    """How far the answer is from ``right``, in units of the summed terms."""
    return (call.answers[answer].ravel() - right.ravel()) / (call.problem.terms[answer].ravel() + 1e-300)


def _is_of_type(calls: Sequence[Call], answer: str, cast: Cast) -> bool:
    """Whether every number, or every number times what the mean divides it by, is one that ``cast`` leaves alone."""
    if sum(call.answers[answer].size for call in calls) < TELLING:
        return False
    samples, out = ([call.problem.sizes.get(name, 1) for call in calls] for name in ("N", "out"))
    every_divisor = ([1] * len(calls), samples, [n * m for n, m in zip(samples, out, strict=True)])
    return any(
        all(
            _left_alone(call.answers[answer] * divisor, cast, call, answer)
            for call, divisor in zip(calls, divisors, strict=True)
        )
        for divisors in every_divisor
    )


def _left_alone(array: Array, cast: Cast, call: Call, answer: str) -> bool:
    return bool((abs(array - cast(array)) <= 4 * epsilon(call, answer) * abs(array)).all())


def _explains(calls: Sequence[Call], answer: str, predict: Callable[[Call], Array]) -> bool:
    """Whether every answer is the predicted one to rounding, and the right ones are not as near."""
    predicted: list[Array] = []
    for call in calls:
        predicted.append(predict(call))
        if not agrees(call, answer, predicted[-1], 8.0):
            return False
    made = sum(float((error(call, answer, expected_value(call, answer)) ** 2).sum()) for call in calls)
    left = sum(float((error(call, answer, array) ** 2).sum()) for call, array in zip(calls, predicted, strict=True))
    return left < PREDICTED**2 * made


def _cast_expected_value(call: Call, answer: str, cast: Cast, solve: Solve) -> Array:
    inputs = {
        name: cast(value).astype(value.dtype) if isinstance(value, np.ndarray) else value
        for name, value in call.problem.inputs.items()
    }
    return expected_value(Call(solve(inputs, call.problem.dtype)), answer)

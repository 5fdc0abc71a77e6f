"""Hypotheses about a function that remembers: what it answers depends on the calls before."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from bpcompare.language import _
from bpcompare.marker.calls import Array, Call
from bpcompare.marker.explanation import Explanation, agrees, expected_value


def same_numbers_always(calls: Sequence[Call], answer: str) -> Explanation | None:
    """One array of numbers, whatever the inputs are."""
    arrays = [call.answers[answer] for call in calls]
    one_number = all((array == arrays[0].flat[0]).all() for array in arrays if array.size and arrays[0].size)
    same = one_number or all(np.array_equal(array, arrays[0]) for array in arrays)
    if len(calls) < 3 or not arrays[0].any() or not same:
        return None
    return Explanation(("same-numbers-always",), 0.5) if len({id(call.problem) for call in calls}) > 1 else None


def remembers_first_call(calls: Sequence[Call], answer: str) -> Explanation | None:
    """The first answer for each shape (or shape and dtype) is given ever after."""
    for with_dtype in (False, True):
        first: dict[object, Call] = {}
        firsts = [first.setdefault(_key(call, with_dtype), call) for call in calls]
        if all(call.problem is earlier.problem for call, earlier in zip(calls, firsts, strict=True)):
            continue
        if not all(agrees(earlier, answer, expected_value(earlier, answer)) for earlier in firsts):
            continue
        pairs = zip(calls, firsts, strict=True)
        if all(np.array_equal(call.answers[answer], earlier.answers[answer]) for call, earlier in pairs):
            return Explanation(("remembers-first-call",), 0.6)
    return None


def _key(call: Call, with_dtype: bool) -> tuple[object, ...]:
    return (*call.problem.sizes.values(), call.problem.dtype if with_dtype else "")


def one_call_late(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Each answer is the right one of the call before."""
    if len(calls) < 3:
        return None
    for before, call in itertools.pairwise(calls):
        array = call.answers[answer]
        if array.shape != expected_value(before, answer).shape or not agrees(
            _as_of(before, call, answer), answer, expected_value(before, answer)
        ):
            return None
    return Explanation(("one-call-late",), 0.7)


def _as_of(problem_of: Call, call: Call, answer: str) -> Call:
    coarser = "float32" if "float32" in (call.problem.dtype, problem_of.problem.dtype) else "float64"
    return Call(problem_of.problem, {answer: call.answers[answer]}, {answer: coarser})


def accumulated(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Each answer is the right one plus a constant share of the answer before: all of it, or a momentum's part.

    What is kept may be one for all, or one for each shape or type, as in a dictionary.
    """
    share = _share(calls, answer)
    if share is None or abs(share) < 1e-3:
        return None
    if not any(_adds_up(calls, answer, share, key) for key in _KEYS):
        return None
    if abs(share - 1) < 1e-6:
        return Explanation(("accumulated",), 0.5)
    return Explanation(("momentum",), 0.8, detail=_("{share:.6g} of the previous answer", share=share))


_KEYS: tuple[Callable[[Call, str], object], ...] = (
    lambda call, answer: "",
    lambda call, answer: call.problem.expected[answer].shape,
    lambda call, answer: (call.problem.expected[answer].shape, call.problem.dtype),
    lambda call, answer: _key(call, False),
    lambda call, answer: _key(call, True),
)


def _adds_up(calls: Sequence[Call], answer: str, share: float, key: Callable[[Call, str], object]) -> bool:
    kept: dict[object, Array] = {}
    for call in calls:
        previous = kept.get(key(call, answer))
        begins_anew = previous is not None and agrees(call, answer, expected_value(call, answer))
        guess = (
            expected_value(call, answer) if previous is None else _added(expected_value(call, answer), share * previous)
        )
        if not begins_anew and (guess is None or not _near(call, answer, guess, previous)):
            return False
        kept[key(call, answer)] = call.answers[answer]
    return True


def _share(calls: Sequence[Call], answer: str) -> float | None:
    for before, call in itertools.pairwise(calls):
        if before.problem is call.problem and call.problem.dtype == "float64":
            old, new, right = before.answers[answer], call.answers[answer], expected_value(call, answer)
            if old.shape == new.shape == right.shape and old.any():
                return float(((new - right) * old).sum() / (old * old).sum())
    return None


def _added(guess: Array, previous: Array) -> Array | None:
    try:
        return np.asarray(guess + previous)
    except ValueError:
        return None


def _near(call: Call, answer: str, guess: Array, previous: Array | None) -> bool:
    array = call.answers[answer]
    memory = 0.0 if previous is None else 1e-6 * float(abs(previous).max())
    bound = (
        1e-6 * float(abs(guess).max()) + memory if call.problem.dtype == "float32" else 1e-11 * float(abs(guess).max())
    )
    bound = bound + 4 * float(call.rounding(answer).max())
    return array.shape == guess.shape and bool((abs(array - guess) <= bound).all())


def not_repeatable(calls: Sequence[Call], answer: str) -> Explanation | None:
    """The same numbers, twice in a row, give two answers."""
    for before, call in itertools.pairwise(calls):
        if before.problem is call.problem and not agrees(call, answer, before.answers[answer]):
            return Explanation(("not-repeatable",), 6.0)
    return None

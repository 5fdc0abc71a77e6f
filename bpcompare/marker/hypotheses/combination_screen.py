"""Which combinations of wrong parts one call refutes: thousands of them at once, as stacks of arrays."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from bpcompare.marker.calls import EPSILON, Array, Call
from bpcompare.marker.explanation import FAR, epsilon, same_layout
from bpcompare.marker.hypotheses.combinations import (
    Choice,
    Combination,
    LastStep,
    Samples,
    error_of,
    holding,
    input_of,
)
from bpcompare.marker.hypotheses.wrong_parts.inputs import SAMPLES
from bpcompare.marker.hypotheses.wrong_parts.products import SAMPLE_BY_SAMPLE
from bpcompare.marker.hypotheses.wrong_parts.view import View, view
from bpcompare.marker.memo import Memo

SURELY_FAR = 2 * FAR  # sums in another order must not refute what one combination alone does not

Part = tuple[Choice, Samples]


class Group(NamedTuple):
    """Combinations that end in one step: which of the stacked deltas and inputs each of them takes."""

    step: LastStep
    combinations: tuple[Combination, ...]
    deltas: Array
    inputs: Array


class Plan(NamedTuple):
    """All combinations of an answer, ready to be worked out as stacks."""

    deltas: tuple[Part, ...]
    inputs: tuple[Part, ...]
    groups: tuple[Group, ...]


@cache
def plan(answer: str, mistakes: int) -> Plan:
    """The combinations of so many mistakes whose last step is a sum over the samples."""
    by_step: dict[int, list[Combination]] = {}
    for one in holding(mistakes, answer):
        if not one.samples.mistake or not set(SAMPLE_BY_SAMPLE).intersection(one.last.mistakes):
            by_step.setdefault(id(one.last), []).append(one)
    deltas: dict[Part, int] = {}
    inputs: dict[Part, int] = {}
    groups = []
    for same in by_step.values():
        of_deltas = [deltas.setdefault((one.error, one.samples), len(deltas)) for one in same]
        of_inputs = [inputs.setdefault((one.input, one.samples), len(inputs)) for one in same]
        groups.append(Group(same[0].last, tuple(same), np.array(of_deltas), np.array(of_inputs)))
    return Plan(tuple(deltas), tuple(inputs), tuple(groups))


def refuted(call: Call, answer: str, mistakes: int, memo: Memo) -> set[Combination]:
    """Those that are far from the answer of this call, whatever factor multiplies them; all others stay open.

    Args:
        call: One call whose answer has several numbers.
        answer: ``grad_w`` or ``grad_b``.
        mistakes: How many mistakes each combination holds.
        memo: What this marking has worked out already.
    """
    found = set[Combination]()
    if epsilon(call, answer) != EPSILON["float64"]:
        return found
    v = view(call, memo)
    for group, known, guesses in memo.of_problem(
        ("guesses", call.problem, answer, mistakes), lambda: list(_guesses(v, plan(answer, mistakes)))
    ):
        far = _far(call.answers[answer], guesses)
        found.update(group.combinations[place] for place in known[far])
    return found


def _guesses(v: View, planned: Plan) -> Iterator[tuple[Group, Array, Array]]:
    """What the combinations of each group make of a problem, by shape: their places in the group, and a stack."""
    deltas = _by_shape([_kept(v, error_of(v, choice), samples) for choice, samples in planned.deltas])
    inputs = _by_shape([_kept(v, input_of(v, choice), samples) for choice, samples in planned.inputs])
    for group, (d_places, d), (x_places, x) in product(planned.groups, deltas, inputs):
        of_d, of_x = d_places[group.deltas], x_places[group.inputs]
        known = np.flatnonzero((of_d >= 0) & (of_x >= 0))
        if known.size:
            yield group, known, group.step.of(x[of_x[known]], d[of_d[known]])


def refuted_by_two(first: Call, second: Call, answer: str, mistakes: int, memo: Memo) -> set[Combination]:
    """Those whose factors in two calls of the same sizes, each with one number, are not the same to rounding."""
    found = set[Combination]()
    shown = (_ratios(call, answer, mistakes, memo) for call in (first, second))
    groups = plan(answer, mistakes).groups
    for group, (one, slack), (other, more) in zip(groups, *shown, strict=True):
        apart = abs(one - other) > 2 * (slack + more + 1e-13) * np.maximum(abs(one), abs(other))
        found.update(group.combinations[place] for place in np.flatnonzero(apart))  # nan compares as false
    return found


def _ratios(call: Call, answer: str, mistakes: int, memo: Memo) -> list[tuple[Array, Array]]:
    """Answer ÷ guess with its relative uncertainty, by group; nan where the guess is not one number."""
    v, planned = view(call, memo), plan(answer, mistakes)
    numbers = memo.of_problem(("numbers", call.problem, answer, mistakes), lambda: list(_numbers(v, planned)))
    given, unit = float(call.answers[answer].ravel()[0]), call.problem.operations * epsilon(call, answer)
    return [(given / value, unit * size / abs(value)) for value, size in numbers]


def _numbers(v: View, planned: Plan) -> Iterator[tuple[Array, Array]]:
    """What the combinations of each group make of a problem, with the size of its terms; nan where not one number."""
    deltas = _by_shape([_with_size(v, error_of(v, choice), samples) for choice, samples in planned.deltas])
    inputs = _by_shape([_with_size(v, input_of(v, choice), samples) for choice, samples in planned.inputs])
    for group in planned.groups:
        value, size = np.full((2, len(group.combinations)), np.nan)
        for (d_places, d), (x_places, x) in product(deltas, inputs):
            of_d, of_x = d_places[group.deltas], x_places[group.inputs]
            known = np.flatnonzero((of_d >= 0) & (of_x >= 0))
            if known.size:
                values, sizes = (group.step.of(x[of_x[known], k], d[of_d[known], k]) for k in (0, 1))
                if values[0].size == 1:
                    value[known], size[known] = values.ravel(), sizes.ravel()
        yield value, size


def _with_size(v: View, part: tuple[Array, Array] | None, samples: Samples) -> Array | None:
    """A part stacked with the size of its terms, 0 for the samples that are left out."""
    if part is None or part[0].shape != part[1].shape:
        return None
    return np.stack([kept for one in part if (kept := _kept(v, (one, one), samples)) is not None])


def _kept(v: View, part: tuple[Array, Array] | None, samples: Samples) -> Array | None:
    """The value of a part, 0 for the samples that are left out."""
    if part is None or not samples.mistake:
        return None if part is None else part[0]
    kept, rows = np.zeros(part[0].shape), SAMPLES[samples.mistake][samples.variant](len(v.y))
    kept[rows] = part[0][rows]
    return kept


def _by_shape(arrays: Sequence[Array | None]) -> list[tuple[Array, Array]]:
    """The arrays of each shape as a stack, with the place of every array in it, or −1."""
    shapes = dict.fromkeys(array.shape for array in arrays if array is not None)
    found = []
    for shape in shapes:
        fits = [array is not None and array.shape == shape for array in arrays]
        stack = np.stack([array for array in arrays if array is not None and array.shape == shape])
        found.append((np.where(fits, np.cumsum(fits) - 1, -1), stack))
    return found


def _far(answer: Array, guesses: Array) -> Array:
    """Which guesses of a stack differ in direction from the answer by far more than rounding could make of it."""
    laid = same_layout(answer, guesses[0])
    if laid is None:
        return np.ones(len(guesses), dtype=bool)
    if guesses[0].size == answer.size:
        rows = guesses.reshape(len(guesses), -1)
    else:
        aligned = guesses.reshape(len(guesses), *[1] * (answer.ndim - guesses.ndim + 1), *guesses.shape[1:])
        rows = np.broadcast_to(aligned, (len(guesses), *answer.shape)).reshape(len(guesses), -1)
    wanted = answer.ravel()
    size = float(wanted @ wanted)
    apart = size - (rows @ wanted) ** 2 / np.einsum("ij,ij->i", rows, rows)
    return np.asarray(apart > SURELY_FAR * size)  # what is not finite compares as false

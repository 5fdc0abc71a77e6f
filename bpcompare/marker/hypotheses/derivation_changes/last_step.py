"""Two changes that meet in the last step of a derivation only, each of one operand: all of them at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bpcompare.marker.calls import Array
from bpcompare.marker.hypotheses.derivation_changes.changes import Change
from bpcompare.marker.hypotheses.derivation_changes.evidence import SCREEN, Evidence, Explained
from bpcompare.marker.hypotheses.derivation_changes.program import Step
from bpcompare.marker.hypotheses.derivation_changes.replay import replay
from bpcompare.marker.hypotheses.derivation_changes.stacks import FAILURES

MOST_MET = 40


class Sides(NamedTuple):
    """The operands of the last step: what each of them may become, as stacks, with the changes that make it so."""

    matmul: bool
    one: Array
    other: Array
    changes: tuple[list[Change], list[Change]]


def explained(evidence: Evidence, sides: Sides | None) -> list[Explained]:
    """The pairs of changes, one of each operand of the last step, that explain every call."""
    if sides is None:
        return []
    answer = evidence.screen[0].answer.ravel()
    found = []
    for first, second in _parallel(sides.matmul, sides.one, sides.other, answer)[:MOST_MET]:
        both = evidence.explained((sides.changes[0][first], sides.changes[1][second]))
        if both is not None:
            found.append(both)
    return found


def sides(evidence: Evidence, changes_alone: Sequence[Change]) -> Sides | None:
    """The operands of the last step with each of these changes; None where it is no product of two values."""
    step = next(s for s in evidence.program.steps if s.name == evidence.program.answers[evidence.answer])
    if step.operation not in ("matmul", "multiply") or len(set(step.operands)) < 2:
        return None
    point = evidence.screen[0]
    values: tuple[list[Array], list[Array]] = ([], [])
    changes: tuple[list[Change], list[Change]] = ([], [])
    usual = [np.asarray(point.values[name]) for name in step.operands]
    for change in changes_alone:
        place, value = _operand(evidence, step, change)
        if value is not None and value.shape == usual[place].shape and np.isfinite(value).all():
            values[place].append(value)
            changes[place].append(change)
    if not all(values):
        return None
    return Sides(step.operation == "matmul", np.stack(values[0]), np.stack(values[1]), changes)


def _operand(evidence: Evidence, step: Step, change: Change) -> tuple[int, Array | None]:
    """Which operand of the last step a change moves, and what it becomes; none where it moves both."""
    point = evidence.screen[0]
    try:
        if change.step == step.name:
            place, transform = change.operand or (0, None)
            return place, transform and np.asarray(transform(point.values[step.operands[place]]))
        values = replay(evidence.program, evidence.wanted, point.values, (change,))
    except FAILURES:
        return 0, None
    moved = [k for k, name in enumerate(step.operands) if values[name] is not point.values[name]]
    return (moved[0], np.asarray(values[step.operands[moved[0]]])) if len(moved) == 1 else (0, None)


def _parallel(matmul: bool, one: Array, other: Array, answer: Array) -> Array:
    """The places of the operands, one of each stack, whose product is the answer times a factor."""
    places = _by_two_entries(matmul, one, other, answer)
    chosen, with_them = one[places[:, 0]], other[places[:, 1]]
    if matmul:
        guesses = np.matmul(chosen, with_them[..., None] if other.ndim == 2 else with_them)
    else:
        guesses = np.multiply(*_of_one_rank(chosen, with_them))
    flat = guesses.reshape(len(places), answer.size)
    norms = (flat * flat).sum(-1)
    factor = np.divide(flat @ answer, norms, out=np.zeros_like(norms), where=norms > 0)
    missed = abs(factor[:, None] * flat - answer).max(-1, initial=0.0)
    return np.asarray(places[(missed <= SCREEN * abs(answer).max()) & (factor != 0)])


def _by_two_entries(matmul: bool, one: Array, other: Array, answer: Array) -> Array:
    """Those of all pairs whose product has two entries in the answer's proportion: most have not."""
    shape = _shape_of_product(matmul, one[0], other[0])
    if int(np.prod(shape)) != answer.size or answer.size < 2 or not answer.any():
        return np.zeros((0, 2), dtype=int)
    largest = int(abs(answer).argmax())
    entries = (largest, 0 if largest else 1)
    if matmul:
        columns = shape[1] if len(shape) > 1 else 1
        by_column = other.reshape(len(other), -1, columns)
        made = [one[:, k // columns] @ by_column[:, :, k % columns].T for k in entries]
    else:
        flat = [np.broadcast_to(a, (len(a), *shape)).reshape(len(a), -1) for a in _of_one_rank(one, other)]
        made = [np.outer(flat[0][:, k], flat[1][:, k]) for k in entries]
    (at_largest, elsewhere), (most, rest) = made, answer[list(entries)]
    off = abs(at_largest * rest - elsewhere * most)
    return np.argwhere(off <= 4 * SCREEN * abs(most * at_largest))


def _shape_of_product(matmul: bool, one: Array, other: Array) -> tuple[int, ...]:
    return (len(one), *other.shape[1:]) if matmul else np.broadcast_shapes(one.shape, other.shape)


def _of_one_rank(one: Array, other: Array) -> tuple[Array, Array]:
    """Two stacks whose entries have as many axes, so that they are aligned from the last on."""
    rank = max(one.ndim, other.ndim)
    first, second = (a.reshape(len(a), *[1] * (rank - a.ndim), *a.shape[1:]) for a in (one, other))
    return first, second

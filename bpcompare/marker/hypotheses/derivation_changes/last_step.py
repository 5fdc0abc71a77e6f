"""Two changes that meet in the last step of a derivation only, each of one operand: all of them at once."""

from collections.abc import Sequence

import numpy as np

from bpcompare.marker.calls import Array
from bpcompare.marker.hypotheses.derivation_changes.changes import Change
from bpcompare.marker.hypotheses.derivation_changes.evidence import SCREEN, Evidence, Explained
from bpcompare.marker.hypotheses.derivation_changes.program import Step
from bpcompare.marker.hypotheses.derivation_changes.replay import replay
from bpcompare.marker.hypotheses.derivation_changes.stacks import FAILURES

MOST_MET = 40


def explained(evidence: Evidence, changes_alone: Sequence[Change]) -> list[Explained]:
    """The pairs of these changes, one of each operand of the last step, that explain every call."""
    step = next(s for s in evidence.program.steps if s.name == evidence.program.answers[evidence.answer])
    if step.operation not in ("matmul", "multiply") or len(set(step.operands)) < 2:
        return []
    point = evidence.screen[0]
    sides: tuple[list[Array], list[Array]] = ([], [])
    changes: tuple[list[Change], list[Change]] = ([], [])
    usual = [np.asarray(point.values[name]) for name in step.operands]
    for change in changes_alone:
        place, value = _operand(evidence, step, change)
        if value is not None and value.shape == usual[place].shape and np.isfinite(value).all():
            sides[place].append(value)
            changes[place].append(change)
    return _met(evidence, step, sides, changes) if all(sides) else []


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


def _met(
    evidence: Evidence, step: Step, sides: tuple[list[Array], list[Array]], changes: tuple[list[Change], list[Change]]
) -> list[Explained]:
    answer = evidence.screen[0].answer.ravel()
    if step.operation == "matmul" and sides[1][0].ndim == 1:
        guesses = np.einsum("aij,bj->abi", np.stack(sides[0]), np.stack(sides[1]))
    elif step.operation == "matmul":
        guesses = np.einsum("aij,bjk->abik", np.stack(sides[0]), np.stack(sides[1]), optimize=True)
    else:
        one, other = np.stack(sides[0]), np.stack(sides[1])
        rank = max(one.ndim, other.ndim)
        one = one.reshape(len(one), 1, *[1] * (rank - one.ndim), *one.shape[1:])
        guesses = one * other.reshape(1, len(other), *[1] * (rank - other.ndim), *other.shape[1:])
    flat = guesses.reshape(*guesses.shape[:2], -1)
    if flat.shape[-1] != answer.size or answer.size < 2:
        return []
    norms = (flat * flat).sum(-1)
    factor = np.divide(flat @ answer, norms, out=np.zeros_like(norms), where=norms > 0)
    missed = abs(factor[..., None] * flat - answer).max(-1)
    found = []
    for first, second in np.argwhere((missed <= SCREEN * abs(answer).max()) & (factor != 0))[:MOST_MET]:
        both = evidence.explained((changes[0][first], changes[1][second]))
        if both is not None:
            found.append(both)
    return found

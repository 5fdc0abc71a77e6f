"""A derivation worked out again with some of its values changed."""

from typing import Any

import numpy as np

from bpcompare.marker.calls import Array
from bpcompare.marker.hypotheses.derivation_changes.changes import Change
from bpcompare.marker.hypotheses.derivation_changes.program import Program


def replay(
    program: Program, wanted: frozenset[str], values: dict[str, Any], changes: tuple[Change, ...]
) -> dict[str, Any]:
    """The values with the changes; those that nothing changes are the same objects as before."""
    changed = dict(values)
    made = {change.step: change.make for change in changes}
    for change in changes:
        if change.step in program.inputs.values():
            changed[change.step] = change.make(values)
    dirty = {change.step for change in changes if change.step in program.inputs.values()}
    for step in program.steps:
        if step.name not in wanted:
            continue
        if step.name in made:
            changed[step.name] = made[step.name](changed)
            dirty.add(step.name)
        elif not dirty.isdisjoint(step.operands):
            changed[step.name] = step.value(changed)
            dirty.add(step.name)
    return changed


def apply(
    program: Program, wanted: frozenset[str], values: dict[str, Any], changes: tuple[Change, ...], answer: str
) -> Array:
    """The answer with the changes."""
    return np.asarray(replay(program, wanted, values, changes)[program.answers[answer]])

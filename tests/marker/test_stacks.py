"""A stack of alternatives gives what each alternative gives by itself."""

from functools import partial

import numpy as np
import pytest

from bpcompare.marker import derivations
from bpcompare.marker.exercises import EXERCISES
from bpcompare.marker.hypotheses.derivation_changes.changes import all_changes
from bpcompare.marker.hypotheses.derivation_changes.replay import apply, replay
from bpcompare.marker.hypotheses.derivation_changes.stacks import FAILURES, stacked, through

PROGRAMS = {
    "linear-regression": derivations.LINEAR_REGRESSION,
    "sigmoid-neuron": derivations.SIGMOID_NEURON,
    "delta-recursion": derivations.DELTA_RECURSION,
    "adam-step": derivations.ADAM_STEP,
}
ANSWERS = [(exercise, answer) for exercise, program in PROGRAMS.items() for answer in program.answers]
CLOSE = 1e-9  # relative: the order of summation is all that differs


def by_itself(program, wanted, values, changes, answer):
    try:
        return apply(program, wanted, values, changes, answer)
    except FAILURES:
        return None


def in_a_stack(program, wanted, values, changes, answer):
    """The answer with each change, by the change's place."""
    found = {}
    for name in {change.step for change in changes}:
        places = [place for place, change in enumerate(changes) if change.step == name]
        for chosen, stack in stacked([partial(changes[place].make, values) for place in places]):
            answers = through(program.after(name, wanted), values, {name: stack}, program.answers[answer])
            if answers is not None:
                found |= {places[k]: one for k, one in zip(chosen, answers, strict=True)}
    return found


def same(one, other):
    if one is None or other is None:
        return one is other
    if one.shape == other.shape and one.tobytes() == other.tobytes():
        return True
    scale = np.abs(other[np.isfinite(other)]).max(initial=0.0)
    return one.shape == other.shape and np.allclose(one, other, rtol=CLOSE, atol=CLOSE * scale, equal_nan=True)


@pytest.mark.parametrize(("exercise", "answer"), ANSWERS)
def test_every_change_in_a_stack_gives_what_it_gives_by_itself_also_after_another_change(exercise, answer):
    program = PROGRAMS[exercise]
    wanted = program.before(answer)
    problem = max(
        (p for p in EXERCISES[exercise].draw(np.random.default_rng(5)) if p.dtype == "float64"),
        key=lambda p: sum(p.sizes.values()),
    )
    with np.errstate(all="ignore"):
        values = program.values(problem.inputs)
        every = all_changes(program, wanted, values)
        changes = [change for step in program.users for change in [c for c in every if c.step == step][::6]]
        stacks = in_a_stack(program, wanted, values, changes, answer)
        alone = [by_itself(program, wanted, values, (change,), answer) for change in changes]
        assert [change.step for k, change in enumerate(changes) if not same(stacks.get(k), alone[k])] == []

        first = next(change for k, change in enumerate(changes) if alone[k] is not None)
        following = {step.name for step in program.after(first.step, wanted)}
        later = [change for change in changes if change.step in following]
        changed = replay(program, wanted, values, (first,))
        stacks = in_a_stack(program, wanted, changed, later, answer)
        alone = [by_itself(program, wanted, values, (first, change), answer) for change in later]
        assert [change.step for k, change in enumerate(later) if not same(stacks.get(k), alone[k])] == []

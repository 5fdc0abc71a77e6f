"""Changes of the local derivatives: left out, replaced, or passed straight through."""

from collections.abc import Iterator
from dataclasses import replace

from bpcompare.marker.hypotheses.graph_changes import blocks
from bpcompare.marker.hypotheses.graph_changes.change import (
    DERIVATIVE,
    MIXING,
    REDUCTION,
    Change,
    by_rule,
    one_change,
    places,
)
from bpcompare.marker.hypotheses.graph_changes.rules import local
from bpcompare.marker.hypotheses.graph_changes.sentences import called
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Traced
from bpcompare.marker.hypotheses.graph_changes.wrong_derivatives import RARE, wrong_rules


def derivatives(problem: Traced) -> Iterator[Change]:
    """Local derivatives left out or replaced, and whole blocks passed straight through."""
    for step, slot in places(problem):
        at = local(step, slot, problem.gradients[step.index])
        for says, rule in wrong_rules(at).items():
            kind = REDUCTION if step.op in MIXING else DERIVATIVE
            rare = 0.3 if says in RARE else 0.0
            change = one_change(kind, step, slot, by_rule(rule), f"in the derivative of {called(step)} {says}", rare)
            yield replace(change, what=f"in the derivative {says}")
    for inside, outside, mixes in blocks.find(problem):
        words = f"from {called(outside)} back to {called(inside)}"
        straight = blocks.passed_through(outside.key)
        says = f"the derivative {words} is left out: the gradient is passed straight through"
        yield one_change(DERIVATIVE, inside, NODE, straight, says, 0.2)
        if mixes:
            says = f"only the diagonal of the Jacobian is kept {words}: each entry gets its own share only"
            yield one_change(REDUCTION, inside, NODE, blocks.own_share(outside.key), says, 0.4)

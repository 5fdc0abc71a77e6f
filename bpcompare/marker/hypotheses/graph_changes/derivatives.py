"""Changes of the local derivatives: left out, replaced, or passed straight through."""

from collections.abc import Iterator
from dataclasses import replace

from bpcompare.language import N_
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
from bpcompare.marker.hypotheses.graph_changes.local import local
from bpcompare.marker.hypotheses.graph_changes.sentences import called
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Traced
from bpcompare.marker.hypotheses.graph_changes.wrong_derivatives import RARE, wrong_rules
from bpcompare.marker.phrases import Phrase, phrase


def derivatives(problem: Traced) -> Iterator[Change]:
    """Local derivatives left out or replaced, and whole blocks passed straight through."""
    for step, slot in places(problem):
        at = local(step, slot, problem.gradients[step.index])
        for says, rule in wrong_rules(at).items():
            kind = REDUCTION if step.op in MIXING else DERIVATIVE
            rare = 0.3 if says in RARE else 0.0
            wrong = says if isinstance(says, Phrase) else Phrase(says)
            told = phrase(N_("in the derivative of {step} {wrong}"), step=called(step), wrong=wrong)
            change = one_change(kind, step, slot, by_rule(rule), told, rare)
            yield replace(change, what=phrase(N_("in the derivative {wrong}"), wrong=wrong))
    for inside, outside, mixes in blocks.find(problem):
        block = {"end": called(outside), "begin": called(inside)}
        straight = blocks.passed_through(outside.key)
        left_out = N_("the derivative from {end} back to {begin} is left out: the gradient is passed straight through")
        yield one_change(DERIVATIVE, inside, NODE, straight, phrase(left_out, **block), 0.2)
        if mixes:
            diagonal = N_(
                "only the diagonal of the Jacobian is kept from {end} back to {begin}: each entry gets its own share "
                "only"
            )
            act = blocks.own_share(outside.key)
            yield one_change(REDUCTION, inside, NODE, act, phrase(diagonal, **block), 0.4)

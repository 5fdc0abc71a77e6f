"""Retraces the derivation: what follows from the learner's own answers, and which step of it went wrong.

Answers that follow from one another are laid next to each other first: one wrong line is one finding, and what follows
rightly from it is a consequence. Where no table names a mistake, the derivation is searched for the step that changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bpcompare.language import N_, _
from bpcompare.marker.calls import Array, Call
from bpcompare.marker.conditions import describe
from bpcompare.marker.explanation import Explanation, expected_value
from bpcompare.marker.hypotheses.derivation_changes.changes import Change
from bpcompare.marker.hypotheses.derivation_changes.evidence import Evidence
from bpcompare.marker.hypotheses.derivation_changes.program import Program
from bpcompare.marker.hypotheses.derivation_changes.search import Search
from bpcompare.marker.memo import Memo
from bpcompare.marker.mistakes import ANSWER, Mistake
from bpcompare.marker.phrases import all_of
from bpcompare.marker.verdict import WRONG, Finding, Known, Verdict

CONSEQUENCE = "consequence"
MOST_MISTAKES = 2  # of one answer that a table names; more are rather a chance than what somebody wrote


def retraced(calls: Sequence[Call], verdicts: Sequence[Verdict], known: Known, memo: Memo) -> list[Verdict]:
    """The verdicts, with consequences named as such, and with what the derivation's graph explains."""
    program = known.derivation
    if program is None or all(verdict.grade != WRONG for verdict in verdicts):
        return list(verdicts)
    found = {verdict.answer: verdict for verdict in verdicts}
    usual = [call for call in calls if not call.problem.edge and set(known.answers) <= set(call.answers)]
    changes: list[tuple[Change, ...]] = []
    for answer in _in_order(program, known.answers):
        verdict = found[answer]
        if verdict.grade == WRONG and any(not call.right[answer] for call in usual):
            found[answer] = _retraced(usual, verdict, known, program, changes, memo)
    for answer, verdict in found.items():
        if changes and known.shared.intersection(verdict.mistakes):
            found[answer] = _by_the_same(usual, verdict, known, program, changes)
    return [found[answer] for answer in known.answers if answer in found]


def _by_the_same(
    calls: Sequence[Call], verdict: Verdict, known: Known, program: Program, changes: Sequence[tuple[Change, ...]]
) -> Verdict:
    """What another answer shows, where it explains this one, too: both are made of the same value."""
    explanation = _search(calls, verdict.answer, known, program, {}).tried(changes)
    if explanation is None:
        return replace(verdict, findings=tuple(map(_unsure, verdict.findings)))
    return replace(verdict, findings=(Finding("", explanation, tuple(calls)),))


def _unsure(finding: Finding) -> Finding:
    return replace(finding, explanation=replace(finding.explanation, sure=False))


def _in_order(program: Program, answers: Sequence[str]) -> list[str]:
    """Those first that others follow from."""
    return [
        *(name for name in program.stands_for if name in answers),
        *(n for n in answers if n not in program.stands_for),
    ]


def _retraced(
    calls: Sequence[Call],
    verdict: Verdict,
    known: Known,
    program: Program,
    changes: list[tuple[Change, ...]],
    memo: Memo,
) -> Verdict:
    answer = verdict.answer
    given, own = _own_answers(calls, answer, program)
    wrong_own = tuple(name for name in own if any(not call.right[name] for call in calls))
    if wrong_own and _search(calls, answer, known, program, given).evidence.follows():
        return replace(verdict, findings=(Finding("", _consequence(wrong_own), tuple(calls)),))
    if _named(verdict):
        return verdict
    wrong = [call for call in calls if not call.right[answer]]
    starts = [(calls, given)] if own else []
    starts += [(calls, {})] if wrong_own or not own else []
    starts += [(wrong, given)] if len(wrong) < len(calls) else []
    searches = [replace(_search(some, answer, known, program, start), memo=memo) for some, start in starts]
    for pairs in (False, True):
        for search, (some, start) in zip(searches, starts, strict=True):
            if pairs and some is wrong:
                continue
            result = search.run(pairs, changes if not start else ())
            if result is None:
                continue
            explanation, used = result
            changes.append(tuple(used))
            if start:
                explanation = replace(explanation, follows=wrong_own)
            return replace(verdict, findings=(Finding(describe(some, calls), explanation, tuple(some)),))
    return verdict


def _search(
    calls: Sequence[Call], answer: str, known: Known, program: Program, given: Mapping[int, Mapping[str, Array]]
) -> Search:
    return Search(Evidence(program, answer, calls, given, answer not in known.unscaled))


def _named(verdict: Verdict) -> bool:
    """Whether every finding is sure, and holds no more mistakes than somebody makes at once."""
    return all(
        finding.explanation.sure and "unknown" not in finding.explanation.mistakes for finding in verdict.findings
    ) and all(len(finding.explanation.mistakes) <= MOST_MISTAKES for finding in verdict.findings)


def _own_answers(
    calls: Sequence[Call], answer: str, program: Program
) -> tuple[dict[int, dict[str, Array]], tuple[str, ...]]:
    """The learner's own answers that this one is derived from, by call and step."""
    before = program.before(answer)
    own = [other for other, step in program.stands_for.items() if other != answer and step in before]
    nearest = [o for o in own if not any(_leads(program, o, later) for later in own if later != o)]
    shaped = all(call.answers[other].shape == expected_value(call, other).shape for call in calls for other in nearest)
    if not shaped or not nearest:
        return {}, ()
    given = {
        id(call): {program.stands_for[o]: np.asarray(call.answers[o], dtype=np.float64) for o in nearest}
        for call in calls
    }
    return given, tuple(nearest)


def _leads(program: Program, first: str, later: str) -> bool:
    """Whether the later answer is derived from the first one."""
    return program.stands_for[first] in program.before(later)


def _consequence(own: Sequence[str]) -> Explanation:
    names = all_of(own)
    one = N_("it follows rightly from your {names}: mend that, and this is right")
    several = N_("it follows rightly from your {names}: mend those, and this is right")
    says = _(several if len(own) > 1 else one, names=names)
    told = Mistake(says, ANSWER, _("Mend {names} first.", names=names))
    return Explanation((CONSEQUENCE,), 0.5, told=(told,), follows=tuple(own))

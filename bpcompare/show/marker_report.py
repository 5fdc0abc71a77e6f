"""What the marker found, in words for the learner: whole or as a nudge."""

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path

import numpy as np

from bpcompare.language import N_, Message, _, english, listed
from bpcompare.marker.calls import Call
from bpcompare.marker.conditions import kind_of
from bpcompare.marker.explanation import Explanation
from bpcompare.marker.factors import Factor
from bpcompare.marker.marking import Marking, contrast, sizes_of
from bpcompare.marker.meaning import names
from bpcompare.marker.mistakes import MISTAKES
from bpcompare.marker.phrases import all_of
from bpcompare.marker.verdict import EXACT, WRONG, Finding, Verdict
from bpcompare.show.marker_factors import factor_lines
from bpcompare.show.visible import visible


def report(marking: Marking, file: Path) -> str:
    """The whole answer: what is right, what is wrong, where, by how much, and which line of the derivation."""
    lines = [*_headline(marking, file), ""]
    for verdict in marking.verdicts:
        lines += _verdict(marking, verdict)
    lines += _conduct(marking)
    concerned = {
        line
        for verdict in marking.verdicts
        for finding in verdict.findings
        for line in marking.exercise.lines_of(finding.explanation, verdict.answer)
    } - {0}
    if concerned:
        lines += ["", _("The steps of the derivation, and where it went wrong:")]
        for number, text in enumerate(marking.exercise.derivation, 1):
            lines.append(f" {'→' if number in concerned else ' '} ({number})  {text}")
    lines += ["", *marking.notes, _conclusion(marking)]
    return listed(lines, "\n")


def nudge(marking: Marking) -> str:
    """Which answers are wrong, and a question for each; not the mistake itself."""
    if marking.right:
        return _conclusion(marking)
    lines = []
    for verdict in marking.verdicts:
        if verdict.grade != WRONG:
            lines.append(_("{answer} is right.", answer=verdict.answer))
            continue
        lines.append(_("{answer} is wrong.", answer=verdict.answer))
        said = (marking.exercise.said(finding.explanation) for finding in verdict.findings)
        hints = dict.fromkeys(mistake.hint for one in said for __, mistake in one)
        lines += [_("  Hint: {hint}", hint=hint) for hint in hints]
        lines += [_("  True of it: {says}.", says=one.says) for one in verdict.properties]
    if marking.raised:
        some, every = len(marking.raised), len(marking.calls)
        lines.append(_("In {some} of {every} calls it raised an error.", some=some, every=every))
        hint = MISTAKES["raises"].hint
        lines.append(_("  Hint: {hint}", hint=_(hint)))
    if marking.changed:
        hint = MISTAKES["changes-its-inputs"].hint
        lines.append(_("Hint: {hint}", hint=_(hint)))
    return "\n".join(lines)


def _headline(marking: Marking, file: Path) -> list[str]:
    exercise, count = marking.exercise, len(marking.calls)
    told = {"file": visible(str(file)), "function": f"{exercise.function}({', '.join(exercise.parameters)})"}
    if not exercise.derivation:
        return [
            _("{file}: {function}, a loss of its own", **told),
            _("called {count} times on the numbers of sample(k)", count=count),
        ]
    repeats = N_("called {count} times on fresh numbers, in float64 and float32; --seed {seed} repeats them")
    return [
        _("{file}: {function}, exercise {exercise}", exercise=exercise.name, **told),
        _(repeats, count=count, seed=marking.seed),
    ]


def alternatives(marking: Marking, explanation: Explanation) -> list[str]:
    """What else would give the same answers, in words."""
    says = ([marking.exercise.mistake(name).says for name in one] for one in explanation.alternatives)
    tables = [
        reduce(lambda one, other: _("{one}; and {other}", one=one, other=other), one) if one else "" for one in says
    ]
    return [*tables, *explanation.others]


def _verdict(marking: Marking, verdict: Verdict) -> list[str]:
    if verdict.grade != WRONG:
        return [_("✓ {answer} is right: {grade}.", answer=verdict.answer, grade=_grade(marking, verdict))]
    only = right_where(marking, verdict.answer)
    lines = [_("✗ {answer} is wrong.", answer=verdict.answer)]
    if only:
        lines = [_("✗ {answer} is wrong – right {where} only.", answer=verdict.answer, where=only)]
    for finding in verdict.findings:
        lines += [listed(["    ", line], "") for line in _finding(marking, verdict.answer, finding)]
    return [*lines, *(_("    True of it: {says}.", says=one.says) for one in verdict.properties)]


def right_where(marking: Marking, answer: str) -> str:
    """The kind of call in which a wrong answer is right, if that is one kind."""
    usual = [call for call in marking.calls if not call.problem.edge]
    right = [call for call in usual if answer in call.answers and call.right[answer]]
    return kind_of(right, usual) if right else ""


def _grade(marking: Marking, verdict: Verdict) -> str:
    if any(call.dtypes.get(verdict.answer) == "float32" != call.problem.dtype for call in marking.calls):
        return _(
            "within the rounding of float32, the type it is returned in; torch.zeros_like keeps the type of the inputs"
        )
    if verdict.grade == EXACT:
        return _("exact to the last bit")
    within = N_("within rounding, at most {largest:.1f} units in the last place of the summed terms")
    return _(within, largest=verdict.largest)


def _finding(marking: Marking, answer: str, finding: Finding) -> Iterator[str]:
    explanation = finding.explanation
    found = names(explanation)
    if found == ("unknown",):
        yield _placed(finding, _("no mistake that the marker knows explains it in every call."))
        yield from _comparison(finding.calls, answer)
        return
    if explanation.follows and explanation.mistakes != ("consequence",):
        yield _("Given your {answers}:", answers=all_of(explanation.follows))
    said = zip(marking.exercise.said(explanation), marking.exercise.lines_of(explanation, answer), strict=True)
    for position, ((__, mistake), line) in enumerate(said):
        says = mistake.says if explanation.sure else _("probably {mistake}", mistake=mistake.says)
        says = _("{mistake}  [step {line}]", mistake=says, line=line) if line else says
        yield _("and {mistake}", mistake=says) if position else _placed(finding, says)
    for other in alternatives(marking, explanation)[:2]:
        yield _("(or: {other})", other=other)
    if explanation.detail:
        yield _("({detail})", detail=explanation.detail)
    if explanation.factor is not None and explanation.factor != Factor():
        yield from factor_lines(answer, explanation.factor, finding)
    if "wrong-shape" in found or explanation.mistakes:
        yield from _shapes(finding.calls, answer)


def _placed(finding: Finding, says: str) -> str:
    """What is said of a finding, after where it holds, if that is not everywhere."""
    if not finding.scope:
        return says
    return _("{where}: {mistake}", where=_capital(finding.scope), mistake=says)


def _capital(text: str) -> str:
    """The text with its first letter as a sentence begins, in every language."""
    capital = Message(text[:1].upper() + text[1:])
    capital.english = english(text)[:1].upper() + english(text)[1:]
    return capital


def _shapes(calls: Sequence[Call], answer: str) -> Iterator[str]:
    for call in calls:
        came, right = call.answers[answer].shape, call.problem.expected[answer].shape
        if came != right and not call.answers[answer].size == call.problem.expected[answer].size == 1:
            shape = N_("its shape is {came} and must be {right} (where {sizes})")
            yield _(shape, came=came, right=right, sizes=sizes_of(call))
            return


def _comparison(calls: Sequence[Call], answer: str) -> Iterator[str]:
    """Both arrays of the smallest telling call, their ratio, and where they differ."""
    found = contrast(calls, answer)
    yield from found.lines()
    if found.ratio is None:
        return
    differ = np.argwhere(abs(found.yours - found.right) > found.call.rounding(answer))
    if 0 < len(differ) < found.yours.size:
        places = ", ".join(str(tuple(int(index) for index in place)) for place in differ[:6])
        places += " …" if len(differ) > 6 else ""
        yield _("  they differ at {places} and agree elsewhere", places=places)
    right_calls = [other for other in calls if other.right[answer]]
    if right_calls:
        yield _("  {some} of these {every} calls are right", some=len(right_calls), every=len(calls))


def _conduct(marking: Marking) -> list[str]:
    lines = []
    if marking.raised:
        every, raised = marking.calls, marking.raised
        told = {"some": len(raised), "every": len(every), "error": raised[0].raised}
        kind, somewhere = kind_of(raised, every), N_("✗ In {some} of {every} calls it raised, {where}: {error}")
        unlike = N_("✗ In {some} of {every} calls it raised, in {some} of {every} calls: {error}")
        lines.append(_(somewhere if kind else unlike, where=kind, **told))
        lines.append(_("    first where {sizes}", sizes=sizes_of(raised[0])))
    in_place = N_(
        "✗ {name} is changed in place by the call: work on a copy, {name} = {name}.clone(), or build new tensors."
    )
    return [*lines, *(_(in_place, name=name) for name in marking.changed)]


def _conclusion(marking: Marking) -> str:
    if marking.right:
        return _("Right: every answer, in every call.")
    wrong = [verdict.answer for verdict in marking.verdicts if verdict.grade == WRONG]
    right = [verdict.answer for verdict in marking.verdicts if verdict.grade != WRONG]
    if not wrong:
        return _("Not yet: the numbers are right, but the function changes its inputs.")
    if not right:
        return _("Not yet: {wrong} wrong.", wrong=all_of(wrong))
    return _("Not yet: {wrong} wrong, {right} right.", wrong=all_of(wrong), right=all_of(right))

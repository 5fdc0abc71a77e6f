"""What the marker found, in words for the learner, as a nudge, or as plain data for a teacher's program."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.marker.calls import Call
from bpcompare.marker.conditions import describe
from bpcompare.marker.explanation import Explanation, all_sizes
from bpcompare.marker.factors import Factor
from bpcompare.marker.marking import Contrast, Marking, contrast, sizes_of
from bpcompare.marker.meaning import names
from bpcompare.marker.mistakes import MISTAKES
from bpcompare.marker.verdict import EXACT, WRONG, Finding, Verdict, is_right

EXAMPLES = 3  # problems at which a factor is shown


def report(marking: Marking, file: Path) -> str:
    """The whole answer: what is right, what is wrong, where, by how much, and which line of the derivation."""
    lines = [_headline(marking, file), ""]
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
        lines += ["", "The steps of the derivation, and where it went wrong:"]
        for number, text in enumerate(marking.exercise.derivation, 1):
            lines.append(f" {'→' if number in concerned else ' '} ({number})  {text}")
    lines += ["", *marking.notes, _conclusion(marking)]
    return "\n".join(lines)


def nudge(marking: Marking) -> str:
    """Which answers are wrong, and a question for each; not the mistake itself."""
    if marking.right:
        return _conclusion(marking)
    lines = []
    for verdict in marking.verdicts:
        if verdict.grade != WRONG:
            lines.append(f"{verdict.answer} is right.")
            continue
        lines.append(f"{verdict.answer} is wrong.")
        said = (marking.exercise.said(finding.explanation) for finding in verdict.findings)
        hints = dict.fromkeys(mistake.hint for one in said for _, mistake in one)
        lines += [f"  Hint: {hint}" for hint in hints]
        lines += [f"  True of it: {one.says}." for one in verdict.properties]
    if marking.raised:
        lines.append(f"In {len(marking.raised)} of {len(marking.calls)} calls it raised an error.")
        lines.append(f"  Hint: {MISTAKES['raises'].hint}")
    if marking.changed:
        lines.append(f"Hint: {MISTAKES['changes-its-inputs'].hint}")
    return "\n".join(lines)


def as_data(marking: Marking, file: Path) -> dict[str, Any]:
    """The marking as numbers, texts and lists that JSON can hold."""
    return {
        "file": str(file),
        "exercise": marking.exercise.name,
        "seed": marking.seed,
        "right": marking.right,
        "calls": len(marking.calls),
        "raised": len(marking.raised),
        "raised_first": marking.raised[0].raised if marking.raised else None,
        "changed_inputs": list(marking.changed),
        "notes": list(marking.notes),
        "answers": {
            verdict.answer: {
                "grade": verdict.grade,
                "right_where": right_where(marking, verdict.answer) or None,
                "largest_difference_ulp": verdict.largest if math.isfinite(verdict.largest) else None,
                "properties": [{"name": one.name, "value": one.value, "says": one.says} for one in verdict.properties],
                "mistakes": [_finding_data(marking, verdict.answer, finding) for finding in verdict.findings],
            }
            for verdict in marking.verdicts
        },
    }


def _finding_data(marking: Marking, answer: str, finding: Finding) -> dict[str, Any]:
    explanation = finding.explanation
    factor = explanation.factor
    return {
        "names": list(names(explanation)),
        "where": finding.scope or "everywhere",
        "sure": explanation.sure,
        "factor": None if factor is None else {"constant": factor.constant, "powers": dict(factor.powers)},
        "detail": explanation.detail or None,
        "follows_from": list(explanation.follows),
        "lines": sorted(set(marking.exercise.lines_of(explanation, answer)) - {0}),
        "says": [mistake.says for _, mistake in marking.exercise.said(explanation)],
        "or": _alternatives(marking, explanation),
        "contrast": _contrast_data(contrast(finding.calls, answer)) if "unknown" in explanation.mistakes else None,
    }


def _headline(marking: Marking, file: Path) -> str:
    exercise = marking.exercise
    first = f"{_plain(file)}: {exercise.function}({', '.join(exercise.parameters)})"
    if not exercise.derivation:
        return f"{first}, a loss of its own\ncalled {len(marking.calls)} times on the numbers of sample(k)"
    return (
        f"{first}, exercise {exercise.name}\n"
        f"called {len(marking.calls)} times on fresh numbers, in float64 and float32; "
        f"--seed {marking.seed} repeats them"
    )


def _plain(file: Path | str) -> str:
    """The path without characters that a terminal obeys."""
    return "".join(character if character.isprintable() else "?" for character in str(file))


def _alternatives(marking: Marking, explanation: Explanation) -> list[str]:
    """What else would give the same answers, in words."""
    tables = ("; and ".join(marking.exercise.mistake(name).says for name in one) for one in explanation.alternatives)
    return [*tables, *explanation.others]


def _verdict(marking: Marking, verdict: Verdict) -> list[str]:
    if verdict.grade != WRONG:
        return [f"✓ {verdict.answer} is right: {_grade(marking, verdict)}."]
    only = right_where(marking, verdict.answer)
    lines = [f"✗ {verdict.answer} is wrong{f' – right {only} only' if only else ''}."]
    for finding in verdict.findings:
        lines += [f"    {line}" for line in _finding(marking, verdict.answer, finding)]
    return [*lines, *(f"    True of it: {one.says}." for one in verdict.properties)]


def right_where(marking: Marking, answer: str) -> str:
    """The kind of call in which a wrong answer is right, if that is one kind."""
    usual = [call for call in marking.calls if not call.problem.edge]
    right = [call for call in usual if answer in call.answers and is_right(call, answer)]
    words = describe(right, usual) if right else ""
    return "" if words.startswith("in ") and words.endswith("calls") else words


def _grade(marking: Marking, verdict: Verdict) -> str:
    if any(call.dtypes.get(verdict.answer) == "float32" != call.problem.dtype for call in marking.calls):
        return (
            "within the rounding of float32, the type it is returned in; torch.zeros_like keeps the type of the inputs"
        )
    if verdict.grade == EXACT:
        return "exact to the last bit"
    return f"within rounding, at most {verdict.largest:.1f} units in the last place of the summed terms"


def _finding(marking: Marking, answer: str, finding: Finding) -> Iterator[str]:
    explanation = finding.explanation
    where = f"{finding.scope[0].upper()}{finding.scope[1:]}: " if finding.scope else ""
    likely = "" if explanation.sure else "probably "
    found = names(explanation)
    if found == ("unknown",):
        yield f"{where}no mistake that the marker knows explains it in every call."
        yield from _comparison(finding.calls, answer)
        return
    if explanation.follows and explanation.mistakes != ("consequence",):
        yield f"Given your {' and '.join(explanation.follows)}:"
    said = zip(marking.exercise.said(explanation), marking.exercise.lines_of(explanation, answer), strict=True)
    for position, ((_, mistake), line) in enumerate(said):
        yield f"{'and ' if position else where}{likely}{mistake.says}{f'  [step {line}]' if line else ''}"
    for other in _alternatives(marking, explanation)[:2]:
        yield f"(or: {other})"
    if explanation.detail:
        yield f"({explanation.detail})"
    if explanation.factor is not None and explanation.factor != Factor():
        yield from _factor(answer, explanation.factor, finding)
    if "wrong-shape" in found or explanation.mistakes:
        yield from _shapes(finding.calls, answer)


def _factor(answer: str, factor: Factor, finding: Finding) -> Iterator[str]:
    """The factor as a rule that holds in every call, examples that tell it from others, and what to do."""
    subject = f"apart from that, {answer}" if finding.explanation.mistakes else answer
    if not factor.powers:
        yield f"{subject} is exactly {_times(factor.constant)}, at every size"
        return
    values = {call: factor.at(all_sizes(call)) for call in _telling(finding.calls, factor)}
    examples = [f"{value:.6g} where {_at(call, factor)}" for call, value in values.items()]
    yield f"{subject} is exactly {_rule(factor)} times the right value: {'; '.join(examples)}"
    inverse = 1 / abs(factor.constant)
    if not factor.plain and abs(inverse - round(inverse)) < 1e-6:
        yield f"as if the number {round(inverse)} stood where {_rule(Factor(1.0, factor.powers))} belongs"
    else:
        yield f"so {_correction(factor)}"


def _telling(calls: Sequence[Call], factor: Factor) -> list[Call]:
    """A few calls in which the factor differs, those first in which all of its sizes show."""
    sizes = _used(factor)
    ordered = sorted(calls, key=lambda call: -sum(call.problem.sizes[name] > 1 for name in sizes))
    chosen: dict[float, Call] = {}
    for call in ordered:
        chosen.setdefault(factor.at(all_sizes(call)), call)
    return list(chosen.values())[:EXAMPLES]


def _used(factor: Factor) -> list[str]:
    return list(dict.fromkeys(name.partition("−")[0].partition("+")[0] for name, _ in factor.powers))


def _at(call: Call, factor: Factor) -> str:
    return ", ".join(f"{name} = {call.problem.sizes[name]}" for name in _used(factor))


def _rule(factor: Factor) -> str:
    """The factor as a formula, such as N·out or 2·N/(N−1)."""
    above = [f"{abs(factor.constant):.6g}"] if abs(factor.constant) != 1 else []
    above += [_power(name, power) for name, power in factor.powers if power > 0]
    below = [_power(name, -power) for name, power in factor.powers if power < 0]
    over = "·".join(above) or "1"
    under = f"/({'·'.join(below)})" if len(below) > 1 else f"/{below[0]}" if below else ""
    return f"{'−' if factor.constant < 0 else ''}{over}{under}"


def _power(name: str, power: int) -> str:
    base = f"({name})" if "−" in name or "+" in name else name
    return base if power == 1 else f"{base}^{power}"


def _correction(factor: Factor) -> str:
    if all(power > 0 for _, power in factor.powers):
        return f"divide it by {_rule(factor)}"
    inverse = Factor(1 / factor.constant, tuple((name, -power) for name, power in factor.powers))
    return f"multiply it by {_rule(inverse)}"


def _times(value: float) -> str:
    size = abs(value)
    number = f"{size:.1f}" if size >= 1 and abs(size * 10 - round(size * 10)) < 1e-9 else f"{size:.6g}"
    sign = "the negative of the right value" if value < 0 else "the right value"
    if number == "1.0":
        return sign
    return (
        f"{number} times too large{', with the wrong sign' if value < 0 else ''}"
        if size > 1
        else f"{number} times {sign}"
    )


def _shapes(calls: Sequence[Call], answer: str) -> Iterator[str]:
    for call in calls:
        came, right = call.answers[answer].shape, call.problem.expected[answer].shape
        if came != right and not call.answers[answer].size == call.problem.expected[answer].size == 1:
            yield f"its shape is {came} and must be {right} (where {sizes_of(call)})"
            return


def _comparison(calls: Sequence[Call], answer: str) -> Iterator[str]:
    """Both arrays of the smallest telling call, their ratio, and where they differ."""
    found = contrast(calls, answer)
    yield from str(found).splitlines()
    if found.ratio is None:
        return
    differ = np.argwhere(abs(found.yours - found.right) > found.call.rounding(answer))
    if 0 < len(differ) < found.yours.size:
        places = ", ".join(str(tuple(int(index) for index in place)) for place in differ[:6])
        yield f"  they differ at {places}{' …' if len(differ) > 6 else ''} and agree elsewhere"
    right_calls = [other for other in calls if is_right(other, answer)]
    if right_calls:
        yield f"  {len(right_calls)} of these {len(calls)} calls are right"


def _contrast_data(found: Contrast) -> dict[str, Any]:
    return {
        "sizes": dict(found.call.problem.sizes),
        "dtype": found.call.problem.dtype,
        "yours": _finite(found.yours),
        "right": _finite(found.right),
        "ratio": None if found.ratio is None else _finite(found.ratio),
    }


def _finite(array: Any) -> Any:
    """Nested lists, with None for what JSON cannot hold."""
    if isinstance(array, np.ndarray):
        return _finite(array.tolist())
    if isinstance(array, list):
        return [_finite(item) for item in array]
    return array if math.isfinite(array) else None


def _conduct(marking: Marking) -> list[str]:
    lines = []
    if marking.raised:
        every, raised = marking.calls, marking.raised
        lines.append(
            f"✗ In {len(raised)} of {len(every)} calls it raised, {describe(raised, every)}: {raised[0].raised}"
        )
        lines.append(f"    first where {sizes_of(raised[0])}")
    for name in marking.changed:
        lines.append(
            f"✗ {name} is changed in place by the call: work on a copy, {name} = {name}.clone(), or build new tensors."
        )
    return lines


def _conclusion(marking: Marking) -> str:
    if marking.right:
        return "Right: every answer, in every call."
    wrong = [verdict.answer for verdict in marking.verdicts if verdict.grade == WRONG]
    right = [verdict.answer for verdict in marking.verdicts if verdict.grade != WRONG]
    parts = (
        [f"{' and '.join(wrong)} wrong"] if wrong else ["the numbers are right, but the function changes its inputs"]
    )
    if wrong and right:
        parts.append(f"{' and '.join(right)} right")
    return f"Not yet: {', '.join(parts)}."


def as_error(file: Path, reason: str) -> dict[str, Any]:
    """What JSON holds of a file that cannot be marked."""
    return {"file": str(file), "right": False, "error": reason}


def table(marked: Sequence[dict[str, Any]]) -> str:
    """One line for each file: right or not, and the mistakes in each answer; then how many are right."""
    width = max(len(data["file"]) for data in marked)
    lines = [
        f"{'✓' if data['right'] else '✗'} {_plain(data['file']):<{width}}  {in_short(data)}".rstrip() for data in marked
    ]
    right = sum(data["right"] for data in marked)
    broken = sum("error" in data for data in marked)
    summary = f"{right} of {len(marked)} right" + (f", {broken} cannot be marked" if broken else "")
    return "\n".join([*lines, "", f"{summary}."])


def in_short(data: dict[str, Any]) -> str:
    """The mistakes of one file in one line: ``grad_w: sign; grad_b: x-left-in``; nothing where it is right."""
    if "error" in data:
        return str(data["error"])
    named = {
        answer: ", ".join(dict.fromkeys(name for finding in found["mistakes"] for name in finding["names"]))
        for answer, found in data["answers"].items()
    }
    parts = [f"{answer}: {names}" for answer, names in named.items() if names]
    parts += [f"changes {', '.join(data['changed_inputs'])}"] if data["changed_inputs"] else []
    parts += [f"raises in {data['raised']} of {data['calls']} calls"] if data["raised"] else []
    return "; ".join(parts)

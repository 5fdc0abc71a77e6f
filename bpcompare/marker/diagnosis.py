"""Diagnosis by hypothesis: a mistake is named where it explains every call to rounding.

Pure functions of what is known: the calls, their right answers, and the exercise's hypotheses.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np

from bpcompare.marker.calls import EPSILON, Call
from bpcompare.marker.conditions import describe, parts
from bpcompare.marker.explanation import Explanation, Hypothesis, agrees, cheapest, expected_value, same_layout
from bpcompare.marker.hypotheses import any_loss, kept_state, number_types, number_values
from bpcompare.marker.meaning import SHAPED, names
from bpcompare.marker.memo import Memo
from bpcompare.marker.retrace import retraced
from bpcompare.marker.verdict import EXACT, ROUNDING, WRONG, Finding, Known, Verdict

WHOLE_IS_SIMPLER = 0.5  # one mistake everywhere is simpler than one that only some calls show
SPECIAL_COST = 1.0  # what a mistake of the exercise's own costs at least; a cheaper explanation needs no other
HARDLY_WRONG = 8.0  # times its rounding: errors no larger fit many an explanation
CLEAR_ALTERNATIVE = 3  # a kind of call must come in so many numbers to be diagnosed on its own


def diagnose(calls: Sequence[Call], known: Known, memo: Memo | None = None) -> tuple[Verdict, ...]:
    """One verdict for each answer; ``memo`` may hold what earlier markings worked out of the same problems."""
    memo = memo or Memo()
    swapped = _swapped(calls, known, memo)
    if swapped is not None:
        return swapped
    verdicts: list[Verdict] = []
    for answer in known.answers:
        named = {name for verdict in verdicts for name in verdict.mistakes}
        verdict = _verdict(calls, answer, known, memo)
        verdicts.append(replace(verdict, findings=tuple(_consistent(finding, named) for finding in verdict.findings)))
    verdicts = retraced(calls, verdicts, known, memo)
    if any("unknown" in verdict.mistakes for verdict in verdicts):
        return tuple(_hedged(verdict, known.shared) for verdict in verdicts)
    return tuple(verdicts)


def _hedged(verdict: Verdict, shared: frozenset[str]) -> Verdict:
    """A mistake that another answer should show, and that does not explain it, is likely at most."""
    findings = tuple(
        replace(finding, explanation=replace(finding.explanation, sure=False))
        if shared.intersection(finding.explanation.mistakes)
        else finding
        for finding in verdict.findings
    )
    return replace(verdict, findings=findings)


def _consistent(finding: Finding, named: set[str]) -> Finding:
    """Of explanations that cannot be told apart here, the one that another answer has already shown."""
    explanation = finding.explanation
    if named.intersection(explanation.mistakes):
        return finding
    for other in explanation.alternatives:
        if named.intersection(other):
            return replace(finding, explanation=replace(explanation, mistakes=other))
    return finding


def _verdict(calls: Sequence[Call], answer: str, known: Known, memo: Memo) -> Verdict:
    answered = [call for call in calls if answer in call.answers]
    wrong = [call for call in answered if not call.right[answer]]
    grade, largest = _grade(answered, answer)
    if not wrong:
        return Verdict(answer, grade, largest)
    usual = [call for call in answered if not call.problem.edge]
    wrong_usually = [call for call in wrong if not call.problem.edge]
    findings = _findings(usual, wrong_usually, answer, known, memo) if wrong_usually else _at_the_edge(wrong)
    return Verdict(answer, WRONG, largest, tuple(findings))


def _at_the_edge(wrong: Sequence[Call]) -> list[Finding]:
    """What is right everywhere else: each edge is a mistake of its own."""
    by_edge: dict[str, list[Call]] = {}
    for call in wrong:
        by_edge.setdefault(call.problem.edge, []).append(call)
    return [Finding("", Explanation((edge,), 1.0), tuple(calls)) for edge, calls in by_edge.items()]


def _grade(calls: Sequence[Call], answer: str) -> tuple[str, float]:
    largest, exact = 0.0, True
    for call in calls:
        laid = same_layout(call.answers[answer], expected_value(call, answer))
        if laid is None or laid[0].size != call.problem.expected[answer].size or not np.isfinite(laid[0]).all():
            return WRONG, np.inf
        exact = exact and np.array_equal(
            laid[0].ravel(), call.problem.expected[answer].astype(call.problem.dtype).ravel()
        )
        unit = EPSILON[call.problem.dtype] * float(call.problem.terms[answer].max())
        largest = max(largest, float(abs(laid[0] - laid[1]).max()) / unit)
    return (EXACT if exact else ROUNDING), largest


def _findings(answered: Sequence[Call], wrong: Sequence[Call], answer: str, known: Known, memo: Memo) -> list[Finding]:
    whole = explain(answered, answer, known, memo, in_order=True)
    enough = math.inf if whole is None else whole.cost - WHOLE_IS_SIMPLER
    some = explain(wrong, answer, known, memo, below=enough) if len(wrong) < len(answered) else None
    if whole is not None and (some is None or whole.cost <= some.cost + WHOLE_IS_SIMPLER):
        return [Finding("", whole, tuple(answered))]
    if some is not None:
        return [Finding(describe(wrong, answered), some, tuple(wrong))]
    partly: list[Finding] = []
    simpler = replace(known, hypotheses=known.in_parts)
    for inside, outside in parts(wrong):
        halves = [
            Finding(describe(half, answered), found, tuple(half))
            for half in (inside, outside)
            if _enough(half, answer) and (found := explain(half, answer, simpler, memo)) is not None
        ]
        if len(halves) == 2:
            return halves
        # What explains one part only may be chance in that part: likely, not sure.
        partly = partly or [replace(half, explanation=replace(half.explanation, sure=False)) for half in halves]
    rest = [call for call in wrong if not any(call in finding.calls for finding in partly)]
    unknown = Explanation(("unknown",), 9.0, sure=False)
    return [*partly, Finding(describe(rest, answered), unknown, tuple(rest))]


def _enough(calls: Sequence[Call], answer: str) -> bool:
    """Whether these calls are different enough to tell one explanation from another."""
    numbers = sum(call.answers[answer].size for call in calls)
    return numbers >= CLEAR_ALTERNATIVE and len({tuple(call.problem.sizes.values()) for call in calls}) > 1


def explain(
    calls: Sequence[Call], answer: str, known: Known, memo: Memo, in_order: bool = False, below: float = math.inf
) -> Explanation | None:
    """The cheapest explanation of all ``calls``, or None.

    No hypothesis is asked whose explanations all cost more than one that is known.

    Args:
        calls: Calls that gave the answer, at least one of them wrong.
        answer: Its name.
        known: The exercise's hypotheses.
        memo: What this marking has worked out already.
        in_order: Whether ``calls`` is the whole sequence, so that memory can show.
        below: Explanations that cost as much or more are of no use.
    """
    misshapen = any(_misshapen(call, answer) for call in calls)
    if not misshapen and all(agrees(call, answer, expected_value(call, answer), HARDLY_WRONG) for call in calls):
        return None
    spoilt = number_values.not_finite(calls, answer)
    if spoilt is not None:
        return spoilt
    simple: list[tuple[float, Hypothesis]] = [
        (0.1, number_values.always_zero),
        (0.0, any_loss.factor_of_expected_value),
        (1.0, any_loss.rearranged),
        (3.0, any_loss.not_summed),
        (0.5, number_values.whole_numbers),
        (0.4, number_values.rounded),
        (0.9, number_values.cut),
        (0.5, partial(number_types.too_few_digits, solve=known.solve)),
    ]
    if in_order:
        simple += [
            (0.5, kept_state.same_numbers_always),
            (0.6, kept_state.remembers_first_call),
            (0.7, kept_state.one_call_late),
            (0.5, kept_state.accumulated),
            (6.0, kept_state.not_repeatable),
        ]
    special: list[tuple[float, Hypothesis]] = [
        (1.0, partial(any_loss.by_variant, variants=known.variants)),
        *((least, partial(hypothesis, memo=memo)) for least, hypothesis in known.hypotheses),
    ]
    with np.errstate(all="ignore"):
        best = _cheapest(simple, calls, answer, below)
        if best is None or best.cost >= SPECIAL_COST:
            others = _cheapest(special, calls, answer, below, best)
            best = cheapest([found for found in (best, others) if found is not None])
    if best is None or SHAPED.intersection(names(best)) or not misshapen:
        return best
    return replace(best, mistakes=(*best.mistakes, "wrong-shape"))


def _cheapest(
    hypotheses: Sequence[tuple[float, Hypothesis]],
    calls: Sequence[Call],
    answer: str,
    below: float,
    known: Explanation | None = None,
) -> Explanation | None:
    """The cheapest explanation, of those that may cost less than ``below`` and no more than what is known."""
    found: dict[int, Explanation] = {}
    lowest = math.inf if known is None else known.cost
    for place, (least, hypothesis) in sorted(enumerate(hypotheses), key=lambda one: one[1][0]):
        if least > lowest or least >= below:
            break
        explanation = hypothesis(calls, answer)
        if explanation is not None:
            found[place] = explanation
            lowest = min(lowest, explanation.cost)
    return cheapest([found[place] for place in sorted(found)])


def _misshapen(call: Call, answer: str) -> bool:
    array, right = call.answers[answer], call.problem.expected[answer]
    return array.shape != right.shape and not array.size == right.size == 1


def _swapped(calls: Sequence[Call], known: Known, memo: Memo) -> tuple[Verdict, ...] | None:
    """Two answers in each other's place, if that explains both and the others are right."""
    answered = [call for call in calls if call.answers and not call.problem.edge]
    for first, second in combinations(known.answers, 2):
        others = [name for name in known.answers if name not in (first, second)]
        if all(call.right[first] or call.right[second] for call in answered):
            continue
        factors = {
            name: any_loss.other_answer(answered, name, other) for name, other in ((first, second), (second, first))
        }
        if None in factors.values():
            continue
        verdicts = {
            name: Verdict(name, WRONG, np.inf, (Finding("", Explanation(("swapped",), 1.0, factor), tuple(answered)),))
            for name, factor in factors.items()
        }
        verdicts |= {name: _verdict(calls, name, known, memo) for name in others}
        return tuple(verdicts[name] for name in known.answers)
    return None

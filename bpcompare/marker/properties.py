"""What is true of a wrong answer that no mistake explains: chosen questions to the function, and what it answers.

Every property is a fact of the calls that were made, never a guess at the mistake.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.language import N_, _, listed
from bpcompare.marker.calls import Array, Call, Problem
from bpcompare.marker.explanation import expected_value
from bpcompare.marker.verdict import Known, Property, Verdict

SAME = 1e-7  # relative, in float64
MOST_ROWS = 64
FEWEST_ROWS = 7
MOST_RATIOS = 4

Ask = Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Array]]]  # inputs → answers, empty where it raised


def with_properties(
    calls: Sequence[Call], verdicts: Sequence[Verdict], known: Known, ask: Ask | None
) -> tuple[Verdict, ...]:
    """The verdicts; those with something unnamed hold what is true of the answer."""
    return tuple(
        replace(verdict, properties=tuple(_properties(calls, verdict.answer, known, ask)))
        if "unknown" in verdict.mistakes
        else verdict
        for verdict in verdicts
    )


def _properties(calls: Sequence[Call], answer: str, known: Known, ask: Ask | None) -> list[Property]:
    doubles = [c for c in calls if answer in c.answers and c.problem.dtype == "float64" and not c.problem.edge]
    found = [*_scalar(doubles, answer), *_entries(doubles, answer), *_ratios(doubles, answer)]
    wrong = [call for call in doubles if not call.right[answer]]
    if ask is None or known.solve is None or not wrong:
        return found
    call = min(wrong, key=_ease)
    if {"x", "y", "w", "b"} == set(call.problem.inputs) and np.ndim(call.problem.inputs["y"]) == 2:
        found += _of_residual(call, answer, known, ask)
    return [*found, *_moves(call, answer, known, ask)]


def _ease(call: Call) -> tuple[bool, int]:
    rows = call.problem.sizes.get("N", FEWEST_ROWS)
    return rows < FEWEST_ROWS or rows > MOST_ROWS, -call.problem.expected[next(iter(call.problem.expected))].size


def _near(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    size = max(float(abs(a).max(initial=0.0)), float(abs(b).max(initial=0.0)))
    return bool((abs(a - b) <= SAME * size).all())


def _share(given: Array, right: Array) -> float | None:
    """Given ÷ right where the two are parallel."""
    norm = float((right * right).sum())
    if given.shape != right.shape or not norm or not np.isfinite(given).all():
        return None
    value = float((given * right).sum()) / norm
    return value if _near(given, value * right) or not abs(given).max() > SAME * abs(right).max() else None


def _scalar(calls: Sequence[Call], answer: str) -> list[Property]:
    """One factor for all entries, another in each problem."""
    several = [call for call in calls if call.answers[answer].size > 1]
    shares = {call.problem: _share(call.answers[answer], expected_value(call, answer)) for call in several}
    if not shares or None in shares.values():
        return []
    wheres = [
        _("{share:.4g} where {sizes}", share=share, sizes=listed(_sizes(problem))) for problem, share in shares.items()
    ]
    says = _(
        "every entry is off by one and the same number, so the rest is right: {wheres}",
        wheres=listed(wheres[:MOST_RATIOS], N_("; ")),
    )
    return [Property("scalar", list(shares.values()), says)]


def _sizes(problem: Problem) -> list[str]:
    return [f"{name} = {size}" for name, size in problem.sizes.items()]


def _entries(calls: Sequence[Call], answer: str) -> list[Property]:
    """Which entries are right."""
    shaped = [call for call in calls if call.answers[answer].shape == expected_value(call, answer).shape]
    if not shaped:
        return []
    right = [abs(call.answers[answer] - expected_value(call, answer)) <= 4 * call.rounding(answer) for call in shaped]
    good, total = sum(int(one.sum()) for one in right), sum(one.size for one in right)
    if not good:
        return []
    whole = sum(bool(one.all()) for one in right)
    says = _(
        "{good} of {total} entries are right; all of them in {whole} of {calls} calls",
        good=good,
        total=total,
        whole=whole,
        calls=len(right),
    )
    return [Property("entries", good / total, says)]


def _ratios(calls: Sequence[Call], answer: str) -> list[Property]:
    """Between which numbers yours ÷ right lies."""
    shaped = [call for call in calls if call.answers[answer].shape == expected_value(call, answer).shape]
    with np.errstate(all="ignore"):
        ratios = np.concatenate(
            [np.ravel(c.answers[answer] / expected_value(c, answer)) for c in shaped] or [np.zeros(0)]
        )
    if not ratios.size or not np.isfinite(ratios).all():
        return []
    least, most = float(ratios.min()), float(ratios.max())
    says = _("yours ÷ right lies between {least:.4g} and {most:.4g} in the calls made", least=least, most=most)
    if least > 0:
        says = _("{ratio}; the sign is right everywhere", ratio=says)
    elif most < 0:
        says = _("{ratio}; the sign is wrong everywhere", ratio=says)
    return [Property("ratio", [least, most], says)]


def _answers(ask: Ask, inputs: Sequence[Mapping[str, Any]], answer: str) -> list[Array | None]:
    return [np.asarray(given[answer], dtype=np.float64) if answer in given else None for given in ask(inputs)]


def _right(known: Known, inputs: Mapping[str, Any], answer: str) -> Array:
    assert known.solve is not None
    problem: Problem = known.solve(dict(inputs), "float64")
    return np.asarray(problem.expected[answer], dtype=np.float64)


def _of_residual(call: Call, answer: str, known: Known, ask: Ask) -> list[Property]:
    """How it depends on the residual, all else held: a right gradient is linear in it, sample by sample."""
    inputs = dict(call.problem.inputs)
    prediction = inputs["x"] @ inputs["w"].T + inputs["b"]
    r = prediction - inputs["y"]
    rows = range(len(r)) if len(r) <= MOST_ROWS else range(0)
    alone = [np.where(np.arange(len(r))[:, None] == row, r, 0.0) for row in rows]
    other = np.roll(r, 1, 0) * 0.7 + 0.3
    asked = [{**inputs, "y": prediction - residual} for residual in (r, -r, 0 * r, other, r + 2 * other, *alone)]
    given = _answers(ask, asked, answer)
    once, minus, zero, second, both, *each = given
    if once is None or minus is None or zero is None or second is None or both is None:
        return []
    found = []
    linear, odd = _near(both, once + 2 * second), _near(minus, -once)
    nothing = not abs(zero).max(initial=0.0) > SAME * abs(once).max(initial=0.0)
    if linear:
        found.append(Property("linear", True, _("it is linear in the residual, as the right one is")))
    else:
        changes = N_("it is not linear in the residual, and changes sign with it")
        keeps = N_("it is not linear in the residual, and does not change sign with it")
        neither = N_("it is not linear in the residual, and is not odd in it")
        found.append(Property("linear", False, _(changes if odd else keeps if _near(minus, once) else neither)))
    if not nothing:
        found.append(Property("zero-at-zero", False, _("it is not zero where every residual is zero")))
    elif linear and each:
        found += _weights(each, [_right(known, one, answer) for one in asked[5:]])
    return found


def _weights(each: Sequence[Array | None], right: Sequence[Array]) -> list[Property]:
    """The weight of each sample, neighbours of one weight told together."""
    shares = [None if one is None else _share(one, wanted) for one, wanted in zip(each, right, strict=True)]
    weights = [None if share is None else round(share, 6) for share in shares]
    if len(set(weights)) < 2:
        return []
    pieces, start = [], 0
    for end in range(1, len(weights) + 1):
        if end < len(weights) and weights[end] == weights[start]:
            continue
        which = _("sample {n}", n=end)
        if end > start + 1:
            which = _("samples {first} to {last}", first=start + 1, last=end)
        pieces.append(_("{samples}: {counts}", samples=which, counts=_counts(weights[start])))
        start = end
    told = listed(pieces[:6] + ["…"] * (len(pieces) > 6), N_("; "))
    says = _("how each sample counts, of {count}: {samples}", count=len(weights), samples=told)
    return [Property("samples", weights, says)]


def _counts(weight: float | None) -> str:
    if weight is None:
        return _("in another way")
    if weight == 0:
        return _("not at all")
    return _("rightly") if weight == 1 else _("{weight:g} times", weight=weight)


def _moves(call: Call, answer: str, known: Known, ask: Ask) -> list[Property]:
    """Whether it moves with each argument, as the right one does; for a regression, at a fixed residual."""
    inputs = dict(call.problem.inputs)
    names = [name for name, value in inputs.items() if np.ndim(value) or isinstance(value, (float, np.ndarray))]
    asked = [inputs, *({**inputs, name: inputs[name] * 1.1} for name in names)]
    given = _answers(ask, asked, answer)
    before, right = given[0], _right(known, inputs, answer)
    if before is None:
        return []
    found = []
    for name, moved, wanted in zip(names, given[1:], asked[1:], strict=True):
        if moved is None:
            continue
        moves, should = not _near(moved, before), not _near(_right(known, wanted, answer), right)
        if moves != should:
            says = _("it moves with {name}; the right one does not", name=name)
            if should:
                says = _("it does not move with {name}; the right one does", name=name)
            found.append(Property("moves-with", [name, moves], says))
    return found

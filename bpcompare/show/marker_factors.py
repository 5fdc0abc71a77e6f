"""A factor in words: how many times too large an answer is, as a rule that holds at every size, and what to do."""

from collections.abc import Iterator, Sequence

from bpcompare.language import N_, _, listed
from bpcompare.marker.calls import Call
from bpcompare.marker.factors import Factor
from bpcompare.marker.verdict import Finding

EXAMPLES = 3  # problems at which a factor is shown


def factor_lines(answer: str, factor: Factor, finding: Finding) -> Iterator[str]:
    """The factor as a rule that holds in every call, examples that tell it from others, and what to do."""
    subject = _("apart from that, {answer}", answer=answer) if finding.explanation.mistakes else answer
    if not factor.powers:
        yield _("{subject} is exactly {times}, at every size", subject=subject, times=_times(factor.constant))
        return
    values = {call: factor.at(call.problem.sizes_and_neighbours) for call in telling(finding.calls, factor)}
    examples = [_("{value:.6g} where {sizes}", value=v, sizes=_at(call, factor)) for call, v in values.items()]
    exactly = N_("{subject} is exactly {rule} times the right value: {examples}")
    yield _(exactly, subject=subject, rule=rule(factor), examples=listed(examples, N_("; ")))
    inverse = 1 / abs(factor.constant)
    if not factor.plain and abs(inverse - round(inverse)) < 1e-6:
        stands = N_("as if the number {number} stood where {rule} belongs")
        yield _(stands, number=round(inverse), rule=rule(Factor(1.0, factor.powers)))
    else:
        yield _correction(factor)


def telling(calls: Sequence[Call], factor: Factor) -> list[Call]:
    """A few calls in which the factor differs, those first in which all of its sizes show."""
    sizes = _used(factor)
    ordered = sorted(calls, key=lambda call: -sum(call.problem.sizes[name] > 1 for name in sizes))
    chosen: dict[float, Call] = {}
    for call in ordered:
        chosen.setdefault(factor.at(call.problem.sizes_and_neighbours), call)
    return list(chosen.values())[:EXAMPLES]


def _used(factor: Factor) -> list[str]:
    return list(dict.fromkeys(name.partition("−")[0].partition("+")[0] for name, __ in factor.powers))


def _at(call: Call, factor: Factor) -> str:
    return listed([f"{name} = {call.problem.sizes[name]}" for name in _used(factor)])


def rule(factor: Factor) -> str:
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
    if all(power > 0 for __, power in factor.powers):
        return _("so divide it by {rule}", rule=rule(factor))
    inverse = Factor(1 / factor.constant, tuple((name, -power) for name, power in factor.powers))
    return _("so multiply it by {rule}", rule=rule(inverse))


def _times(value: float) -> str:
    size = abs(value)
    number = f"{size:.1f}" if size >= 1 and abs(size * 10 - round(size * 10)) < 1e-9 else f"{size:.6g}"
    if number == "1.0":
        return _("the negative of the right value") if value < 0 else _("the right value")
    if size > 1:
        wrong_sign = N_("{number} times too large, with the wrong sign")
        return _(wrong_sign if value < 0 else N_("{number} times too large"), number=number)
    negative = N_("{number} times the negative of the right value")
    return _(negative if value < 0 else N_("{number} times the right value"), number=number)

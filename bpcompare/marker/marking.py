"""What the marker says about one function: right or wrong, the mistakes, and both arrays where none is named."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.language import _, listed
from bpcompare.marker.calls import Array, Call
from bpcompare.marker.exercises import Exercise
from bpcompare.marker.explanation import expected_value
from bpcompare.marker.factors import Factor
from bpcompare.marker.verdict import WRONG, Verdict

LARGEST_ARRAY = 12  # numbers of an array that are shown


@dataclass(frozen=True, eq=False)
class Contrast:
    """One call in which an answer is wrong: the array that came next to the right one."""

    call: Call
    yours: Array
    right: Array

    @property
    def ratio(self) -> Array | None:
        """Yours ÷ right, entry by entry; None where the shapes differ."""
        if self.yours.shape != self.right.shape:
            return None
        with np.errstate(all="ignore"):
            return np.asarray(self.yours / self.right)

    @property
    def where(self) -> str:
        """The sizes and the number type of the call."""
        dtype = self.call.problem.dtype
        if not self.call.problem.sizes:
            return _("in {dtype}", dtype=dtype)
        return _("{sizes}, in {dtype}", sizes=sizes_of(self.call), dtype=dtype)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Where it is, and the two arrays one below the other."""
        lines = [
            _("Where {where}:", where=self.where),
            _("  yours  {array}", array=in_brief(self.yours)),
            _("  right  {array}", array=in_brief(self.right)),
        ]
        if self.ratio is None:
            return [*lines, _("  the shapes are {yours} and {right}", yours=self.yours.shape, right=self.right.shape)]
        return [*lines, _("  ratio  {array}", array=in_brief(self.ratio))]


@dataclass(frozen=True, repr=False)
class Marking:
    """What the marker says about one function.

    Attributes:
        exercise: What it was marked as.
        verdicts: One for each answer.
        calls: Every call, in order.
        seed: Makes the same problems again.
        notes: What the problems cannot show, and what the reference is where it is not autograd: one sentence each.
    """

    exercise: Exercise
    verdicts: tuple[Verdict, ...]
    calls: tuple[Call, ...]
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether every answer of every call was right, no call raised, and none changed its inputs."""
        wrong = any(verdict.grade == WRONG for verdict in self.verdicts)
        return not wrong and not self.changed and not self.raised

    @property
    def mistakes(self) -> dict[str, tuple[str, ...]]:
        """The names of the mistakes in each answer; none where it is right."""
        return {verdict.answer: verdict.mistakes for verdict in self.verdicts}

    @property
    def changed(self) -> tuple[str, ...]:
        """The inputs that some call changed in place."""
        return tuple(name for name in self.exercise.parameters if any(name in call.changed for call in self.calls))

    @property
    def raised(self) -> tuple[Call, ...]:
        """The calls that raised an error."""
        return tuple(call for call in self.calls if call.raised)

    def contrast(self, verdict: Verdict) -> Contrast | None:
        """Both arrays of the smallest telling call, where something in ``verdict`` stays without a name."""
        for finding in verdict.findings:
            if "unknown" in finding.explanation.mistakes:
                return contrast(finding.calls, verdict.answer)
        return None

    def __str__(self) -> str:
        lines = []
        for verdict in self.verdicts:
            lines.append(_("{answer}: {grade}", answer=verdict.answer, grade=_(verdict.grade)))
            lines += [f"  {says}" for says in self._said(verdict)]
            lines += [_("  true of it: {says}", says=one.says) for one in verdict.properties]
            found = self.contrast(verdict)
            lines += [f"  {line}" for line in str(found).splitlines()] if found else []
        return "\n".join([*lines, *self._conduct(), *self.notes])

    def _conduct(self) -> list[str]:
        lines = [_("{name} is changed in place", name=name) for name in self.changed]
        if self.raised:
            told = {"some": len(self.raised), "every": len(self.calls), "error": self.raised[0].raised}
            lines.append(_("{some} of {every} calls raised: {error}", **told))
        return lines

    def _said(self, verdict: Verdict) -> list[str]:
        factors = {finding.explanation.factor for finding in verdict.findings} - {None, Factor()}
        said = (self.exercise.said(finding.explanation) for finding in verdict.findings)
        return [
            *dict.fromkeys(mistake.says for one in said for __, mistake in one),
            *(_("it is {factor} times the right one", factor=factor) for factor in sorted(map(str, factors))),
        ]

    def __repr__(self) -> str:
        answers = "; ".join(f"{v.answer} {v.grade}{_in_brackets(v.mistakes)}" for v in self.verdicts)
        more = f", {len(self.raised)} of them raised" if self.raised else ""
        return f"<Marking of {self.exercise.function}: {answers}; {len(self.calls)} calls{more}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(verdict.answer)}</td><td>{_(verdict.grade)}</td>"
            f"<td>{'<br>'.join(map(html.escape, self._said(verdict)))}</td></tr>"
            for verdict in self.verdicts
        )
        below = "".join(f"<p>{html.escape(text)}</p>" for text in (*self._conduct(), *self.notes))
        head = "".join(f"<th>{title}</th>" for title in (_("answer"), _("grade"), _("mistakes")))
        return f"<table><tr>{head}</tr>{rows}</table>{below}"


def _in_brackets(words: Sequence[str]) -> str:
    return f" ({', '.join(words)})" if words else ""


def contrast(calls: Sequence[Call], answer: str) -> Contrast:
    """Both arrays of the smallest of these calls that tells something: float64 and several numbers, if there is one."""
    call = min(
        calls,
        key=lambda call: (call.problem.dtype != "float64", call.answers[answer].size == 1, call.answers[answer].size),
    )
    return Contrast(call, call.answers[answer], expected_value(call, answer))


def sizes_of(call: Call) -> str:
    """The sizes of a call's problem in words."""
    return listed([f"{name} = {size}" for name, size in call.problem.sizes.items()])


def in_brief(array: Array) -> str:
    """The numbers of an array in one line; the first ones of a large one."""
    brief: Any = array.ravel()[:LARGEST_ARRAY] if array.size > LARGEST_ARRAY else array
    text = np.array2string(np.asarray(brief), precision=6, separator=", ").replace("\n", "")
    if array.size <= LARGEST_ARRAY:
        return text
    return _("{numbers} of shape {shape}", numbers=f"{text[:-1]}, …]", shape=array.shape)

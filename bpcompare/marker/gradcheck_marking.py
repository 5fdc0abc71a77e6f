"""What ``gradcheck`` found, as data and as text."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bpcompare.language import N_, _, listed
from bpcompare.marker.gradcheck_tried import Tried, shapes_of
from bpcompare.marker.hypotheses.graph_changes.named_mistake import NamedMistake
from bpcompare.marker.questions import Property


@dataclass(frozen=True)
class Entry:
    """The entry of a wrong gradient that is farthest off.

    Attributes:
        shapes: The shapes of the problem's arguments.
        index: Which entry.
        yours: What was answered.
        right: What is right.
    """

    shapes: str
    index: tuple[int, ...]
    yours: float
    right: float

    @property
    def ratio(self) -> float | None:
        """Yours ÷ right; None where that is 0."""
        return self.yours / self.right if self.right else None

    def __str__(self) -> str:
        index = f"[{', '.join(map(str, self.index))}]"
        where = _("for {shapes} at {index}", shapes=self.shapes, index=index)
        if not self.index:
            where = _("for {shapes}", shapes=self.shapes)
        told = {"where": where, "yours": self.yours, "right": self.right}
        if self.ratio is None:
            return _("{where} yours is {yours:.6g}, right is {right:.6g}", **told)
        times = N_("{where} yours is {yours:.6g}, right is {right:.6g}, {ratio:.6g} times as much")
        return _(times, ratio=self.ratio, **told)


@dataclass(frozen=True)
class GradientMarking:
    """What ``gradcheck`` found.

    Attributes:
        right: Whether every gradient of every call was right.
        mistakes: The mistake that is named, by argument.
        properties: What is true of a gradient whose mistake is not named.
        findings: What is wrong besides: layouts, types, changes in place, errors; each with its kind.
        wrong: The arguments whose gradients are wrong, and where.
        calls: How many calls were made.
        notes: What is worth knowing and no mistake.
        entries: By argument, the entry that is farthest off.
    """

    right: bool
    mistakes: dict[str, NamedMistake] = field(default_factory=dict)
    properties: dict[str, tuple[Property, ...]] = field(default_factory=dict)
    findings: tuple[tuple[str, str], ...] = ()
    wrong: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    notes: tuple[str, ...] = ()
    entries: dict[str, Entry] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.right:
            return listed([_("right in {calls} calls", calls=self.calls), *self.notes], "\n")
        lines = []
        for name, where in self.wrong.items():
            somewhere = _("the gradient of {name} is wrong {where}", name=name, where=where)
            lines.append(somewhere if where else _("the gradient of {name} is wrong", name=name))
            if name in self.mistakes:
                lines += [listed(["  ", line], "") for line in self.mistakes[name].lines()]
            else:
                told = [listed(["  ", found.says], "") for found in self.properties.get(name, ())]
                lines += told or [_("  no mistake is named")]
                lines += [listed(["  ", str(self.entries[name])], "")] if name in self.entries else []
        lines += [text for __, text in self.findings]
        return listed([*lines, *self.notes], "\n")


def farthest(wrong: Sequence[Tried], position: int) -> Entry | None:
    """The entry that is farthest off, in the smallest of the problems."""
    smallest = min(wrong, key=lambda t: t.expected.gradients[position].numel())
    given, right = smallest.gradient(position), smallest.expected.gradients[position]
    if given is None or given.shape != right.shape or not right.numel():
        return None
    place = int((given - right).abs().nan_to_num(torch.inf).argmax())
    index = tuple(int(i) for i in np.unravel_index(place, right.shape))
    return Entry(shapes_of(smallest.case), index, float(given.reshape(-1)[place]), float(right.reshape(-1)[place]))


def scope(wrong: Sequence[Tried], tried: Sequence[Tried], position: int, names: Sequence[str]) -> str:
    """Where it is wrong, if not everywhere."""
    right = [t for t in tried if not t.answered.raised and t.is_right(position)]
    if not right:
        return ""
    for other, value in enumerate(wrong[0].case.arguments):
        if not isinstance(value, Tensor):
            continue
        bad, good = (sorted({t.case.arguments[other].dim() for t in some}) for some in (wrong, right))
        if not set(bad) & set(good):
            name = names[other]
            dims, others = (listed(map(str, found), N_(" or ")) for found in (bad, good))
            ranks = N_("where {name} has {dims} dimensions, and right where {name} has {others}")
            return _(ranks, name=name, dims=dims, others=others)
    some = N_("in {some} of {every} problems, first for {shapes}")
    return _(some, some=len(wrong), every=len(wrong) + len(right), shapes=shapes_of(wrong[0].case))

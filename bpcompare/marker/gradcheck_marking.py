"""What ``gradcheck`` found, as data and as text."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bpcompare.marker.gradcheck_tried import Tried, shapes_of
from bpcompare.marker.hypotheses.graph_changes.explain import NamedMistake
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
        place = f" at [{', '.join(map(str, self.index))}]" if self.index else ""
        ratio = "" if self.ratio is None else f", {self.ratio:.6g} times as much"
        return f"for {self.shapes}{place} yours is {self.yours:.6g}, right is {self.right:.6g}{ratio}"


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
            return "\n".join([f"right in {self.calls} calls", *self.notes])
        lines = []
        for name, where in self.wrong.items():
            lines.append(f"the gradient of {name} is wrong{f' {where}' if where else ''}")
            if name in self.mistakes:
                lines += [f"  {line}" for line in str(self.mistakes[name]).splitlines()]
            else:
                lines += [f"  {found}" for found in self.properties.get(name, ())] or ["  no mistake is named"]
                lines += [f"  {self.entries[name]}"] if name in self.entries else []
        lines += [text for _, text in self.findings]
        return "\n".join([*lines, *self.notes])


def farthest(wrong: Sequence[Tried], position: int) -> Entry | None:
    """The entry that is farthest off, in the smallest of the problems."""
    smallest = min(wrong, key=lambda t: t.expected.gradients[position].numel())
    given, right = smallest.gradient(position), smallest.expected.gradients[position]
    if given is None or given.shape != right.shape or not right.numel():
        return None
    place = int((given - right).abs().nan_to_num(torch.inf).argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(place), right.shape))
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
            dims, others = (" or ".join(map(str, found)) for found in (bad, good))
            return f"where {name} has {dims} dimensions, and right where {name} has {others}"
    return f"in {len(wrong)} of {len(wrong) + len(right)} problems, first for {shapes_of(wrong[0].case)}"

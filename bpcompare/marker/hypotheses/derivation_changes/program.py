"""A derivation as a graph of small steps, each with its name and its line, and its replay with some steps changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.calls import Array
from bpcompare.marker.hypotheses.derivation_changes.operations import OPERATIONS
from bpcompare.marker.phrases import Words, phrase

ENTRY = N_("entry")
Values = Mapping[str, Any]
Make = Callable[[Values], Any]  # what a step becomes, from the values before it


@dataclass(frozen=True)
class Step:
    """One value of a derivation.

    Attributes:
        name: As it is written, such as ``δ⁽²⁾``.
        line: The line of the exercise's derivation, from 1.
        operation: A key of ``OPERATIONS``.
        operands: The names of the values that go into it.
    """

    name: str
    line: int
    operation: str
    operands: tuple[str, ...]

    def value(self, values: Values) -> Any:
        """What the step makes of the values before it."""
        return OPERATIONS[self.operation](*(values[name] for name in self.operands))


AGES = {" (old)": N_("{value} (old)"), " (new)": N_("{value} (new)")}


def written(name: str) -> Words:
    """The name of a value as it is said."""
    for ending, message in AGES.items():
        if name.endswith(ending):
            return phrase(message, value=name.removesuffix(ending))
    return name


@dataclass(frozen=True, eq=False)
class Program:
    """The steps of one exercise.

    Attributes:
        inputs: The names of the arguments, and how they are written.
        steps: In the order of calculation.
        answers: The step that each answer is.
        axes: What lies along the axes of a value, such as ``("sample", "output")``; entries where it is not said.
        stands_for: The step that a learner's own answer stands for in the answers that follow from it.
    """

    inputs: Mapping[str, str]
    steps: tuple[Step, ...]
    answers: Mapping[str, str]
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stands_for: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def users(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps that use each value."""
        written = [*self.inputs.values(), *(step.name for step in self.steps)]
        return {name: tuple(step for step in self.steps if name in step.operands) for name in written}

    @cached_property
    def order(self) -> Mapping[str, int]:
        """The place of each value in the order of calculation, the arguments first."""
        return {name: place for place, name in enumerate(self.users)}

    def axes_of(self, name: str) -> tuple[str, ...]:
        """What lies along each axis of a value."""
        return self.axes.get(name, (ENTRY, ENTRY))

    def start(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as numbers, under the names that they are written by."""
        return {shown: np.asarray(inputs[name], dtype=np.float64) for name, shown in self.inputs.items()}

    def values(self, inputs: Mapping[str, Any], given: Mapping[str, Array] | None = None) -> dict[str, Any]:
        """Every value of the derivation; those that are given are not worked out."""
        values = self.start(inputs)
        for step in self.steps:
            known = None if given is None else given.get(step.name)
            values[step.name] = step.value(values) if known is None else known
        return values

    def before(self, answer: str, given: frozenset[str] = frozenset()) -> frozenset[str]:
        """The values that an answer depends on, itself included; nothing that only given values depend on."""
        wanted, pending = set[str](), [self.answers[answer]]
        by_name = {step.name: step for step in self.steps}
        while pending:
            name = pending.pop()
            if name in wanted:
                continue
            wanted.add(name)
            if name in by_name and name not in given:
                pending += by_name[name].operands
        return frozenset(wanted)

    def after(self, name: str, wanted: frozenset[str]) -> tuple[Step, ...]:
        """The wanted steps that follow from a value, in order."""
        reached, found = {name}, []
        for step in self.steps:
            if step.name != name and step.name in wanted and reached.intersection(step.operands):
                reached.add(step.name)
                found.append(step)
        return tuple(found)

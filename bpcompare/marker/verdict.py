"""What is known of an exercise beforehand, and what is said of each answer afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bpcompare.language import N_
from bpcompare.marker.calls import Call, Problem
from bpcompare.marker.explanation import Explanation, Priced
from bpcompare.marker.hypotheses import any_loss
from bpcompare.marker.hypotheses.derivation_changes.program import Program
from bpcompare.marker.meaning import names

EXACT, ROUNDING, WRONG = N_("exact"), N_("within rounding"), N_("wrong")


@dataclass(frozen=True)
class Known:
    """What an exercise knows about its own mistakes.

    Attributes:
        answers: The names of the right answers, in order.
        hypotheses: Explanations beyond the general ones.
        in_parts: Those of them that may hold for one kind of calls, where the other kind has an explanation of its own.
        derivation: How the answers are derived, step by step.
        unscaled: Answers that no factor multiplies, such as a parameter after a step.
        variants: Known mistakes as whole wrong answers, by name.
        solve: Makes a problem from inputs; it tells what casting the inputs does.
        shared: Mistakes that every answer shows, since all are made of what they concern.
    """

    answers: tuple[str, ...]
    hypotheses: tuple[Priced, ...] = ()
    variants: Mapping[str, any_loss.Variant] = field(default_factory=dict)
    solve: Callable[[dict[str, Any], str], Problem] | None = None
    shared: frozenset[str] = frozenset()
    in_parts: tuple[Priced, ...] = ()
    derivation: Program | None = None
    unscaled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Finding:
    """One explanation, and where it holds (the empty text: everywhere)."""

    scope: str
    explanation: Explanation
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Property:
    """Something that is true of a wrong answer: its name, what was found as plain data, and the sentence."""

    name: str
    value: Any
    says: str


@dataclass(frozen=True)
class Verdict:
    """What is said about one answer.

    Attributes:
        answer: Its name, such as ``grad_w``.
        grade: exact, within rounding, or wrong.
        largest: The largest difference, in units in the last place of the sum of the absolute values of the terms.
        findings: What explains it; empty where it is right.
        properties: What is true of it, where something stays unexplained.
    """

    answer: str
    grade: str
    largest: float
    findings: tuple[Finding, ...] = ()
    properties: tuple[Property, ...] = ()

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The names of all mistakes found, each once; ``unknown`` among them where something stays unexplained."""
        return tuple(dict.fromkeys(name for finding in self.findings for name in names(finding.explanation)))

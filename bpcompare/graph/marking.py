"""Marks a learner's gradients of an expression: right or wrong, the mistake, and how the right value comes about."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.graph.answers import checked
from bpcompare.graph.expression import Graph
from bpcompare.graph.hints import alone, named, shares
from bpcompare.graph.mistakes import Mistakes
from bpcompare.graph.node import Node
from bpcompare.graph.notation import TEXT
from bpcompare.graph.operation import Array
from bpcompare.graph.paths import paths_of
from bpcompare.graph.writer import Use
from bpcompare.language import N_, _, listed


@dataclass(frozen=True)
class MarkedAnswer:
    """One gradient of a learner.

    Args:
        name: By what was differentiated.
        yours: What was answered.
        right: What is right.
        passed: Whether the two are the same, to the digits that were written.
        mistakes: The smallest mistakes that give exactly this answer; empty where there is none such.
        hint: How the right value comes about.
        forgotten: The edges of the graph that were not followed.
    """

    name: str
    yours: Array
    right: Array
    passed: bool
    mistakes: tuple[str, ...] = ()
    hint: str = ""
    forgotten: tuple[Use, ...] = ()

    def lines(self, hint: bool = False) -> list[str]:
        """The verdict, and with ``hint`` how the right value comes about."""
        yours = TEXT.number(self.yours)
        if self.passed:
            return [_("{name}: {yours} is right", name=self.name, yours=yours)]
        right = TEXT.number(self.right)
        found = listed(self.mistakes, N_(" – or ")) or _("no small mistake gives this answer")
        nothing = not self.mistakes
        return [
            _("{name}: {yours} is wrong, {right} is right", name=self.name, yours=yours, right=right),
            f"  {found}",
            *([f"  {self.hint}"] if self.hint and (hint or nothing) else []),
        ]


@dataclass(frozen=True)
class Marking:
    """What `Derivation.mark` finds: an answer after the other, from the output on.

    Args:
        output: What was differentiated.
        answers: The answers.
    """

    output: str
    answers: tuple[MarkedAnswer, ...]

    @property
    def passed(self) -> bool:
        """Whether every answer is right."""
        return all(answer.passed for answer in self.answers)

    @property
    def forgotten(self) -> tuple[Use, ...]:
        """The edges of the graph that were not followed."""
        return tuple(use for answer in self.answers for use in answer.forgotten)

    def to_text(self, hint: bool = False) -> str:
        """The verdicts for a terminal; with ``hint``, how each right value comes about."""
        lines = [f"∂{self.output}/∂{line}" for answer in self.answers for line in answer.lines(hint)[:1]]
        return "\n".join("\n".join([f, *a.lines(hint)[1:]]) for f, a in zip(lines, self.answers, strict=True)) + "\n"

    def to_dict(self) -> list[dict[str, Any]]:
        """The same for JSON."""
        return [
            {
                **{"name": answer.name, "yours": answer.yours.tolist(), "right": answer.right.tolist()},
                **{"passed": answer.passed, "mistakes": list(answer.mistakes), "hint": answer.hint},
            }
            for answer in self.answers
        ]

    def __str__(self) -> str:
        return self.to_text().rstrip()

    def __repr__(self) -> str:
        right = sum(answer.passed for answer in self.answers)
        return f"<Marking of ∂{self.output}: {right} of {len(self.answers)} right>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.to_text(hint=True))}</pre>"


def mark(graph: Graph, gradients: Mapping[Node, Array], answers: Mapping[str, Any]) -> Marking:
    """Marks ``answers``, gradients of the output by inputs or steps.

    An answer is right when the right value rounds to it, to the digits that are written (at least three), or differs by
    less than 10⁻⁶ of it.

    Raises:
        ExpressionError: A name is not in the graph, or an answer is no number or array of numbers.

    Example:
        >>> from bpcompare.graph.expression import build
        >>> from bpcompare.graph.node import backward
        >>> graph = build("a = x**2; z = a + 3*x; z**2", {"x": 5})
        >>> print(mark(graph, backward(graph.output), {"x": 800}))
        ∂f/∂x: 800 is wrong, 1040 is right
          the path x → 3·x → z is not followed
    """
    given = checked(graph, answers)
    mistakes = Mistakes(graph, gradients, given)
    return Marking(graph.output.name, tuple(_marked(mistakes, node, answer) for node, answer in given.items()))


def _marked(mistakes: Mistakes, node: Node, answer: Array) -> MarkedAnswer:
    graph, right = mistakes.graph, np.asarray(mistakes.gradients[node])
    if node not in mistakes.wrong:
        return MarkedAnswer(node.name, answer, right, True)
    paths = paths_of(graph, mistakes.gradients, node) if node is not graph.output else []
    if follows := mistakes.follows(node, answer):
        return MarkedAnswer(node.name, answer, right, False, (follows,), shares(paths, right))
    changes = mistakes.explanations(node, answer)
    sentences = [named(change, paths) for change in changes] or mistakes.of_the_whole(node, answer, right)
    forgotten = changes[0].forgotten if changes else ()
    hint = alone(right, paths, changes[0] if changes else None) or shares(paths, right)
    return MarkedAnswer(node.name, answer, right, False, tuple(dict.fromkeys(sentences)), hint, forgotten)

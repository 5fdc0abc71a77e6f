"""Names what is wrong with an answer: the smallest change of the graph that gives exactly it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from bpcompare.graph.answers import SAME, agrees
from bpcompare.graph.changed_graph import ChangedGraph
from bpcompare.graph.changes import Change, pairs_of, single_changes
from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node
from bpcompare.graph.notation import TEXT
from bpcompare.graph.operation import Array
from bpcompare.language import N_, _, listed

MOST_NAMED = 3  # mistakes that explain the same answer
NEARBY = 3  # other values at which two changes are compared
MAX_STEPS = 200  # of a graph whose changes are tried


class Mistakes:
    """Finds the smallest mistakes that give what a learner answered.

    Args:
        graph: The graph.
        gradients: The right gradient of every node.
        answers: What was answered.
    """

    def __init__(self, graph: Graph, gradients: Mapping[Node, Array], answers: dict[Node, Array]) -> None:
        self.graph, self.gradients, self.answers = graph, gradients, answers
        self.wrong = [node for node, answer in answers.items() if not agrees(answer, gradients[node])]

    @cached_property
    def here(self) -> ChangedGraph:
        """The graph at the learner's values."""
        return ChangedGraph(self.graph)

    @cached_property
    def nearby(self) -> list[ChangedGraph]:
        """The graph at other values."""
        return [self.here.nearby(seed) for seed in range(NEARBY)]

    @cached_property
    def singles(self) -> list[tuple[Change, dict[Node, Array]]]:
        """Every single change with its gradients; of a large graph none."""
        if len(self.graph.nodes) > MAX_STEPS:
            return []
        return self.tried(single_changes(self.graph, set(self.wrong)))

    def tried(self, changes: Iterable[Change]) -> list[tuple[Change, dict[Node, Array]]]:
        """The changes with their gradients."""
        with np.errstate(all="ignore"):
            both = ((change, self.here.gradients(change)) for change in changes)
            return [(change, found) for change, found in both if found is not None]

    def follows(self, node: Node, answer: Array) -> str:
        """Whether the answer follows from wrong answers further up."""
        upstream = {
            other: self.answers[other]
            for other in self.wrong
            if other is not node and other.operation and self.answers[other].shape == other.value.shape
        }
        found = self.here.gradients(fixed=upstream) if upstream else None
        if not found or node not in found or not agrees(answer, found[node]):
            return ""
        reached = [
            other
            for other in upstream
            if (alone := self.here.gradients(fixed={other: upstream[other]}))
            and not agrees(np.asarray(alone[node]), np.asarray(self.gradients[node]))
        ]
        names = listed((f"∂{self.graph.output.name}/∂{other.name}" for other in reached), N_(" and "))
        return _("it follows from your {names}; this step is right", names=names) if reached else ""

    def explanations(self, node: Node, answer: Array) -> list[Change]:
        """The smallest changes that give exactly this answer, and of these the ones that the other answers bear out."""
        fits = [(c, g) for c, g in self.singles if agrees(answer, self.of(node, g))]
        if not fits and self.singles:
            changes = [change for change, found in self.singles if self.moves(node, found)]
            fits = [(c, g) for c, g in self.tried(pairs_of(changes)) if agrees(answer, self.of(node, g))]

        def disagreements(found: dict[Node, Array]) -> int:
            return sum(not agrees(a, self.of(other, found)) for other, a in self.answers.items())

        ranked = sorted(fits, key=lambda fit: (disagreements(fit[1]), fit[0].cost))
        if not ranked:
            return []
        best = disagreements(ranked[0][1])
        return self.apart(node, [c for c, g in ranked if disagreements(g) == best])[:MOST_NAMED]

    def of(self, node: Node, found: dict[Node, Array]) -> Array:
        """The gradient of ``node``; 0 where none arrives."""
        return np.asarray(found[node]) if node in found else np.zeros(node.value.shape)

    def moves(self, node: Node, found: dict[Node, Array]) -> bool:
        """Whether the gradient of ``node`` is another than the right one."""
        return not np.array_equal(self.of(node, found), self.gradients[node])

    def apart(self, node: Node, changes: list[Change]) -> list[Change]:
        """The cheapest of those that are the same mistake: they agree at other values, too."""
        seen: list[list[Array]] = []
        kept = []
        with np.errstate(all="ignore"):
            for change in changes[:50]:
                found = [there.gradients(change) for there in self.nearby]
                values = [self.of(node, g) if g is not None else np.asarray(np.nan) for g in found]
                if not any(
                    all(
                        np.allclose(a, b, rtol=1e-9, equal_nan=True)
                        for a, b in zip(values, other, strict=True)
                        if a.shape == b.shape
                    )
                    for other in seen
                ):
                    seen.append(values)
                    kept.append(change)
        return kept

    def of_the_whole(self, node: Node, answer: Array, right: Array) -> list[str]:
        """What can be said where no change of the graph gives the answer: its shape, its sign, one factor for all."""
        if answer.shape != right.shape and answer.size > 1:
            if answer.T.shape == right.shape and agrees(answer.T, right):
                return [_("it is the transpose of the right one")]
            summed = answer.sum(axis=0)
            if agrees(summed, right) or agrees(np.asarray(answer.sum()), right):
                return [_("{name} was broadcast, and the sum over its copies is not taken", name=node.name)]
            message = N_("the shape is {shape}; that of {name} is {right}")
            return [_(message, shape=answer.shape, name=node.name, right=right.shape)]
        if (
            answer.shape == right.shape
            and right.ndim == 2
            and right.shape[0] == right.shape[1]
            and agrees(answer.T, right)
        ):
            return [_("it is the transpose of the right one")]
        if agrees(-answer, right):
            return [_("the sign is wrong")]
        return self.one_factor(answer, right) if answer.shape == right.shape and right.any() else []

    def one_factor(self, answer: Array, right: Array) -> list[str]:
        """Whether the answer is the right one times 2, ½, or a number of entries, or divided by that."""
        ratios = answer[right != 0] / right[right != 0]
        if np.ptp(ratios) >= SAME * abs(ratios[0]) or answer[right == 0].any():
            return []
        sizes = {float(node.value.size) for node in self.graph.nodes} - {1.0}
        factors = [2.0, 0.5, *sizes, *(1 / size for size in sizes)]
        fitting = [factor for factor in factors if abs(ratios[0] - factor) < SAME * factor]
        return [_("it is {factor} times the right one", factor=TEXT.number(np.asarray(fitting[0])))] if fitting else []

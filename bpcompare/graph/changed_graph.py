"""What a change of a graph does to its gradients, at the graph's values and at others nearby."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from bpcompare.graph.changes import ZERO, AtOther, Change
from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node, topological_order, unbroadcast
from bpcompare.graph.operation import Array, Partial
from bpcompare.graph.writer import Use, uses


class ChangedGraph:
    """The gradients of one graph under changes, at the given values or at others.

    Args:
        graph: The graph.
        values: The value of every node; those of the graph where None.
    """

    def __init__(self, graph: Graph, values: Mapping[Node, Array] | None = None) -> None:
        self.graph = graph
        self.values = dict(values) if values else {node: node.value for node in topological_order(graph.output)}
        uses_in: dict[Node, list[tuple[Use, tuple[int, ...]]]] = {node: [] for node in graph.nodes}
        for node, its_uses in uses(graph).items():
            for use in its_uses:
                uses_in[use.consumer].append((use, self.values[node].shape))
        self.steps = [
            (step, self.values[step], [self.values[parent] for parent in step.parents], uses_in[step])
            for step in reversed(graph.nodes)
            if step.operation
        ]

    def nearby(self, seed: int) -> ChangedGraph:
        """The same graph at other values, to tell two changes apart that agree by chance."""
        generator = np.random.default_rng(seed)
        values: dict[Node, Array] = {}
        with np.errstate(all="ignore"):
            for node in topological_order(self.graph.output):
                if node.operation:
                    values[node] = np.asarray(node.operation.value(*[values[p] for p in node.parents]))
                elif node.constant:
                    values[node] = node.value
                else:
                    factor = generator.uniform(0.8, 1.2, node.value.shape)
                    values[node] = node.value * factor + 0.03 * (node.value == 0)
        return ChangedGraph(self.graph, values)

    def gradients(
        self, change: Change | None = None, fixed: Mapping[Node, Array] | None = None
    ) -> dict[Node, Array] | None:
        """Every gradient under ``change``, or None where shapes do not fit; ``fixed`` ones are taken as they are."""
        other = dict(change.partials) if change else {}
        if other and not fixed:
            first = min(self.places[use.consumer] for use in other)
            gradients = dict(self.arrived[first])
        else:
            start = change.at if change and change.at else self.graph.output
            first, gradients = 0, {start: np.ones_like(self.values[start])}
        changed = {use.consumer for use in other}
        for place in range(first, len(self.steps)):
            step = self.steps[place][0]
            if fixed and step in fixed:
                gradients[step] = fixed[step]
            if step in gradients and not self._pass_on(place, gradients, other if step in changed else {}):
                return None
        return gradients

    @functools.cached_property
    def places(self) -> dict[Node, int]:
        """Where each step stands among the steps."""
        return {step: place for place, (step, *_) in enumerate(self.steps)}

    @functools.cached_property
    def arrived(self) -> list[dict[Node, Array]]:
        """For each step, what has arrived at every node of the unchanged graph before the step passes its own on."""
        output = self.graph.output
        gradients, found = {output: np.ones_like(self.values[output])}, []
        for place in range(len(self.steps)):
            found.append(dict(gradients))
            self._pass_on(place, gradients, {})
        return found

    def _pass_on(self, place: int, gradients: dict[Node, Array], other: Mapping[Use, Partial]) -> bool:
        """Adds what goes from one step to those that it was computed from; whether the shapes fit."""
        step, value, operands, its_uses = self.steps[place]
        arrives = gradients[step]
        for use, shape in its_uses:
            partial = other.get(use, use.partial) if other else use.partial
            pull = partial.pull_back
            pull = pull.at(self.values) if isinstance(pull, AtOther) else pull  # type: ignore[assignment]
            try:
                part = np.zeros(shape) if partial is ZERO else np.asarray(pull(arrives, value, *operands))
                part = part if part.shape == shape else unbroadcast(part, shape)
            except (ValueError, IndexError):
                return False
            gradients[use.node] = gradients[use.node] + part if use.node in gradients else part
        return True

"""Writes a derivation down: forward with the numbers put in, then backward, first as symbols and then as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node, unbroadcast
from bpcompare.graph.notation import Notation, is_exact
from bpcompare.graph.operation import Array, Partial
from bpcompare.language import N_

MAX_PATHS = 4  # written out in full; more are summed step by step
MAX_FACTORS = 16
MAX_TERMS = 8


class Use(NamedTuple):
    """A node goes into ``consumer``, and the derivative there; ``number`` tells several uses in one step apart."""

    node: Node
    consumer: Node
    partial: Partial
    number: int
    number_of_argument: int

    def __hash__(self) -> int:  # a formula need not be gone through, thousands of times
        return hash((self.consumer, self.number_of_argument))

    @property
    def has_rule(self) -> bool:
        """Whether the derivative is no array to multiply with but a rule for what arrives, such as a product Wᵀ @ …."""
        return "$grad" in self.partial.text


@dataclass(frozen=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: list[str]


class Writer:
    """Writes the derivation of one executed graph in one notation."""

    def __init__(
        self, graph: Graph, gradients: Mapping[Node, Array], wrt: tuple[Node, ...], notation: Notation
    ) -> None:
        self.output = graph.output
        self.gradients = gradients
        self.write = notation
        self.steps = [node for node in graph.nodes if node.operation]
        self.inputs = graph.inputs
        self.uses = uses(graph)
        self.path_count, self.factor_count = {graph.output: 1}, {graph.output: 0}
        for node in reversed(graph.nodes[:-1]):
            consumers = [use.consumer for use in self.uses[node]]
            self.path_count[node] = sum(self.path_count[consumer] for consumer in consumers)
            self.factor_count[node] = self.path_count[node] + sum(self.factor_count[c] for c in consumers)
        wanted = _above(graph, wrt)
        self.wanted = [node for node in reversed(graph.nodes) if node in wanted and node is not graph.output]
        self.scalar = all(node.value.ndim == 0 for node in graph.nodes)

    def sections(self) -> list[Section]:
        """The whole derivation, but for the check."""
        given = [self.write.equation(self.write.name(node.name), self.write.value(node.value)) for node in self.inputs]
        return [
            Section(N_("Given"), given),
            Section(N_("Forward"), [self.forward(node) for node in self.steps]),
            Section(N_("Local derivatives"), self.locals()),
            Section(N_("Backward, as symbols"), [self.symbols(node) for node in self.wanted]),
            Section(N_("Backward, as numbers"), [self.numbers(node) for node in self.wanted]),
        ]

    def forward(self, node: Node) -> str:
        """z = x·w = 2·1 = 2."""  # noqa: D403
        write = self.write
        assert node.operation is not None
        symbols, numbers = (put(node.operation, node) for put in (write.formula_with_names, write.formula_in_numbers))
        return write.equation(write.name(node.name), symbols, numbers, write.value(node.value))

    def locals(self) -> list[str]:
        """∂z/∂w = x = 2, for every edge whose derivative acts entry by entry."""
        edges = [use for node in self.wanted for use in self.uses[node] if not use.has_rule]
        place = {step: number for number, step in enumerate(self.steps)}
        return [
            self.write.equation(self.by(use), *self.local_sides(use), self.write.value(short(local(use))))
            for use in sorted(edges, key=lambda use: (place[use.consumer], use.consumer.parents.index(use.node)))
        ]

    def local_sides(self, use: Use) -> list[tuple[str, bool]]:
        """The local derivative with names and with numbers put in."""
        puts = self.write.formula_with_names, self.write.formula_in_numbers
        return [put(use.partial, use.consumer) for put in puts]

    def symbols(self, node: Node) -> str:
        """∂loss/∂w = ∂loss/∂r*∂r/∂z*∂z/∂w, and a sum of such products where paths meet."""
        left = self.write.derivative(self.output, node)
        if self.is_direct(node):
            return self.write.equation(left, self.local_sides(self.uses[node][0])[0])
        times = self.write.in_words
        if self.in_full(node):
            products = [times.join(map(self.by, path)) for path in self.paths(node)]
        else:
            products = [self.words(use) for use in self.shown(node)]
        return self.write.equation(left, (self.sum(node, products), True))

    def numbers(self, node: Node) -> str:
        """∂loss/∂w = ∂loss/∂r · ∂r/∂z · ∂z/∂w = −4 · 1 · 2 = −8."""
        left, result = self.write.derivative(self.output, node), self.write.value(self.gradients[node])
        if self.is_direct(node):
            return self.write.equation(left, *self.direct_sides(self.uses[node][0]), result)
        if self.in_full(node):
            paths = self.paths(node)
            products = [self.write.times.join(map(self.by, path)) for path in paths]
            factors = [[local(use) for use in path] for path in paths]
            terms = [self.product(row, is_first=row is factors[0]) for row in factors]
            exact = is_exact(*[factor for path in factors for factor in path])
        else:
            shown = self.shown(node)
            products = [self.term(use) for use in shown]
            in_numbers = [self.term_in_numbers(use, is_first=use is shown[0]) for use in shown]
            terms, exact = [term for term, _ in in_numbers], all(is_exact for _, is_exact in in_numbers)
        return self.write.equation(left, (self.sum(node, products), True), (self.sum(node, terms), exact), result)

    def direct_sides(self, use: Use) -> list[tuple[str, bool]]:
        """The local derivative, which is the whole gradient; one number for all entries is put into each of them."""
        sides = self.local_sides(use)
        if not self.is_one_for_all(use):
            return sides
        (number, exact), ones = sides[-1], use.node.value**0
        return [(number + self.write.times + self.write.number(ones), exact and is_exact(ones))]

    def is_one_for_all(self, use: Use) -> bool:
        """Whether one number is the derivative by every entry of an array: 1/n of a mean."""
        return use.node.value.size > use.consumer.value.size and use.partial.text in ("1", "1/$n")

    def arriving(self, use: Use, times: str) -> str:
        """∂loss/∂r and a times sign; nothing where the consumer is the output, ∂loss/∂loss = 1."""
        return "" if use.consumer is self.output else self.write.derivative(self.output, use.consumer) + times

    def words(self, use: Use) -> str:
        """What one use adds to the gradient, in words; of the output itself only the rule says anything."""
        if use.consumer is self.output and use.has_rule:
            return self.term(use)
        return self.arriving(use, self.write.in_words) + self.by(use)

    def term(self, use: Use) -> str:
        """What one use adds to the gradient: what arrives at the consumer, times the derivative there."""
        if use.has_rule:
            return self.write.formula(use.partial, use.consumer, gradient=self.arriving(use, "") or self.ones(use))
        return self.summed(use, self.arriving(use, self.write.times) + self.by(use))

    def term_in_numbers(self, use: Use, is_first: bool) -> tuple[str, bool]:
        """The same with the numbers put in, and whether none of them is rounded."""
        arriving = self.gradients[use.consumer]
        if use.has_rule:
            gradient = self.ones(use) if use.consumer is self.output else self.write.number(arriving)
            term, exact = self.write.formula_in_numbers(use.partial, use.consumer, gradient=gradient)
            return term, exact and is_exact(arriving)
        spreads = use.node.value.size > use.consumer.value.size
        derivative = local(use) if spreads else short(local(use))
        factors = [derivative] if use.consumer is self.output else [arriving, derivative]
        return self.summed(use, self.product(factors, is_first)), is_exact(*factors)

    def ones(self, use: Use) -> str:
        """∂output/∂output, in its shape."""
        return self.write.number(use.consumer.value**0)

    def product(self, factors: list[Array], is_first: bool) -> str:
        """The factors with signs between them; a sign in front of the whole side needs no brackets."""
        sign = self.write.entrywise if all(factor.ndim for factor in factors) else self.write.times
        first = self.write.number if is_first else self.write.bracketed
        return sign.join([*map(first, factors[:1]), *map(self.write.bracketed, factors[1:])])

    def summed(self, use: Use, term: str) -> str:
        """The term, summed over the copies that were made of the node."""
        copies, shape = use.consumer.value.shape, use.node.value.shape
        if copies == shape or use.node.value.size > use.consumer.value.size:
            return term
        if use.node.value.size == 1:  # an array of one entry keeps its brackets
            return "[" * len(shape) + self.write.total.format(term, "") + "]" * len(shape)
        axis, keep = ("0", "") if len(copies) > len(shape) or shape[0] == 1 else ("1", self.write.keep_axis)
        total = self.write.total.format(term, self.write.along.format(axis) + keep)
        return f"[{total}]" if len(copies) == len(shape) and axis == "0" else total

    def sum(self, node: Node, terms: Sequence[str]) -> str:
        """The terms added up, the middle ones left out where there are too many."""
        left_out = 0 if self.in_full(node) else len(self.uses[node]) - len(terms)
        return " + ".join([*terms[:-1], self.write.dots.format(left_out), terms[-1]] if left_out else terms)

    def shown(self, node: Node) -> list[Use]:
        """The uses that are written out."""
        found = self.uses[node]
        return found if len(found) <= MAX_TERMS else [*found[:3], found[-1]]

    def by(self, use: Use) -> str:
        """∂consumer/∂node, of that use."""
        return self.write.derivative(use.consumer, use.node, use.number)

    def is_direct(self, node: Node) -> bool:
        """Whether the node goes into the output alone, once, and entry by entry: its gradient is the local one."""
        found = self.uses[node]
        return len(found) == 1 and found[0].consumer is self.output and not found[0].has_rule

    def in_full(self, node: Node) -> bool:
        """Whether every path is written out: only for numbers, and only where it stays readable."""
        return self.scalar and self.path_count[node] <= MAX_PATHS and self.factor_count[node] <= MAX_FACTORS

    def paths(self, node: Node) -> list[list[Use]]:
        """Every path from the output down to ``node``."""
        found: list[list[Use]] = []
        stack: list[tuple[Node, tuple[Use, ...]]] = [(node, ())]
        while stack:
            end, path = stack.pop()
            if end is self.output:
                found.append(list(path))
            stack.extend((use.consumer, (use, *path)) for use in reversed(self.uses[end]))
        return found


def uses(graph: Graph) -> dict[Node, list[Use]]:
    """Where each node is used, in the order of the computation."""
    found: dict[Node, list[Use]] = {node: [] for node in graph.nodes}
    for consumer in graph.nodes:
        partials = consumer.operation.partials if consumer.operation else ()
        for position, (node, partial) in enumerate(zip(consumer.parents, partials, strict=True)):
            if not node.constant:
                is_several = consumer.parents.count(node) > 1
                number = consumer.parents[: position + 1].count(node) if is_several else 0
                found[node].append(Use(node, consumer, partial, number, position))
    return found


def local(use: Use) -> Array:
    """The derivative of one step by one of its arguments, entry by entry."""
    consumer = use.consumer
    values = [parent.value for parent in consumer.parents]
    with np.errstate(all="ignore"):
        return np.asarray(use.partial.pull_back(consumer.value**0, consumer.value, *values))


def part(use: Use, gradients: Mapping[Node, Array]) -> Array:
    """What reaches a node through one of its uses."""
    values = [parent.value for parent in use.consumer.parents]
    arrived = use.partial.pull_back(gradients[use.consumer], use.consumer.value, *values)
    return unbroadcast(np.asarray(arrived), use.node.value.shape)


def short(value: Array) -> Array:
    """An array of equal entries as that one number."""
    return value.flat[0] * np.ones(()) if value.size > 1 and (value == value.flat[0]).all() else value


def _above(graph: Graph, wrt: tuple[Node, ...]) -> set[Node]:
    """The nodes on the paths from the output to those asked for."""
    on_the_way = set(wrt)
    for node in graph.nodes:
        if any(parent in on_the_way for parent in node.parents):
            on_the_way.add(node)
    return on_the_way

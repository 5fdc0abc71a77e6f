"""A learner's expression becomes an executed graph: one node per step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bpcompare import notebook
from bpcompare.errors import ExpressionError
from bpcompare.graph.node import Node, topological_order
from bpcompare.graph.notation import TEXT
from bpcompare.graph.operation import Array, Operation
from bpcompare.graph.operations import ALIASES, FUNCTIONS, TABLE
from bpcompare.graph.parsing import Apply, Name, Number, Statement, Tree, read
from bpcompare.graph.powers import to_the
from bpcompare.graph.scripts import subscript
from bpcompare.graph.shapes import check_shapes, for_arrays
from bpcompare.graph.tokens import check_name, pointing
from bpcompare.graph.unknown_names import no_function, no_value
from bpcompare.graph.values import checked_value, number
from bpcompare.language import N_, _, english, listed, ngettext

MAX_STEPS = 20_000
MOST_SHOWN = 100  # nodes in a notebook's table


@dataclass(frozen=True, repr=False)
class Graph:
    """What an expression became.

    Args:
        output: The last step.
        inputs: The nodes whose values were given, in the order of their first use.
    """

    output: Node
    inputs: tuple[Node, ...]

    @cached_property
    def nodes(self) -> list[Node]:
        """The inputs and the steps in the order of the computation, without the numbers of the expression."""
        return [node for node in topological_order(self.output) if not node.constant]

    def __repr__(self) -> str:
        return f"<{english(self._caption())}>"

    def _caption(self) -> str:
        names = listed([node.name for node in self.inputs[:6]] + ["…"] * (len(self.inputs) > 6))
        nodes = len(self.nodes)
        return _("Graph of {name} with {nodes} nodes, from {names}", name=self.output.name, nodes=nodes, names=names)

    def _repr_html_(self) -> str:
        """What a notebook shows: a row for each node, in the order of the computation."""
        rows = [
            [node.name, TEXT.formula(node.operation, node) if node.operation else _("given"), TEXT.number(node.value)]
            for node in self.nodes[:MOST_SHOWN]
        ]
        return notebook.table(self._caption(), [_("node"), _("computed as"), _("value")], rows)


def build(expression: str, values: Mapping[str, Any]) -> Graph:
    """The executed graph of ``expression`` at ``values``.

    Limits: 200,000 characters, 20,000 steps, brackets nested 150 deep, arrays of 10,000 entries.

    Args:
        expression: One expression, or statements ``name = expression`` separated by ``;`` or newlines; the last is the
            output. A step without a name is called v₁, v₂, …; a name that is given again becomes v₂, v₃, ….
        values: A number, or an array of at most two axes, for every name that is used before it is set.

    Raises:
        ExpressionError: It is no such expression, a value is missing or left over, or a step has no finite value.

    Example:
        >>> graph = build("z = x*w; r = z - y; loss = r**2", {"x": 2, "w": 1, "y": 4})
        >>> [f"{node.name} = {node.value:g}" for node in graph.nodes]
        ['x = 2', 'w = 1', 'z = 2', 'y = 4', 'r = -2', 'loss = 4']
    """
    given = {check_name(name): checked_value(name, value) for name, value in values.items()}
    builder = _Builder(expression, read(expression), given)
    with np.errstate(all="ignore"):  # a step that is not finite is refused by its name
        return builder.graph()


class _Builder:
    """Walks over the statements once and executes each step as it is met."""

    def __init__(self, text: str, statements: list[Statement], values: dict[str, Array]) -> None:
        self.text = text
        self.statements = statements
        self.values = values
        self.inputs: dict[str, Node] = {}
        self.current: dict[str, Node] = {}  # what each name stands for by now
        self.taken: set[str] = set()
        self.counts: dict[str, int] = {}
        self.written = {name for statement in statements for name in (*_names_in(statement.tree), statement.name)}
        stems = {name.rstrip("_0123456789") for name in self.written}
        self.letter = next((letter for letter in "vutshgpqnm" if letter not in stems), "step")
        self.unnamed = 0

    def graph(self) -> Graph:
        results = [self.statement(line) for line in self.statements]
        output = results[-1]
        used = set(topological_order(output))
        for node in (*results, *self.inputs.values()):
            if node not in used:
                raise ExpressionError(
                    _(
                        "{name} does not feed the last step, {output}; use it or remove it",
                        name=node.name,
                        output=output.name,
                    )
                )
        for name in self.values:
            if name not in self.inputs:
                raise ExpressionError(
                    _("the expression does not use {name}; remove {name}=… or put {name} to use", name=name)
                )
        if output.value.size != 1:
            raise ExpressionError(
                _(
                    "the last step, {output}, must be one number to have a gradient, but its shape is {shape}; "
                    "wrap it in mean(…) or sum(…)",
                    output=output.name,
                    shape=output.value.shape,
                )
            )
        return Graph(output, tuple(self.inputs.values()))

    def statement(self, line: Statement) -> Node:
        name, tree = line.name, line.tree
        if name:
            if name in self.values and name not in self.current and name not in _names_in(tree):
                raise pointing(
                    self.text,
                    line.at,
                    _(
                        "{name} is given as a value and also assigned in the expression; remove one of the two",
                        name=name,
                    ),
                )
            self.current[name] = self.named(tree, name)
            return self.current[name]
        if isinstance(tree, Name) and tree.name in self.current.keys() - self.inputs.keys():
            return self.current[tree.name]
        is_loss = isinstance(tree, Apply) and tree.function == "MSE"
        node = self.named(tree, "Loss" if is_loss and "Loss" not in self.written else "f")
        if node in self.inputs.values():
            raise ExpressionError(
                _("the expression has no name to differentiate by; use one, such as x, and give its value")
            )
        return node

    def named(self, tree: Tree, name: str) -> Node:
        """A step under the name that its statement gives it."""
        node = self.node(tree, name)
        if node.constant:  # x = 2
            self.inputs[name] = Node(self.fresh(name), node.value)
            return self.inputs[name]
        is_other = node in self.inputs.values() or node in self.current.values()
        return self.apply(TABLE["same"], (node,), name) if is_other else node

    def node(self, tree: Tree, name: str = "") -> Node:
        """The node of a tree; down the left side by a loop, as a sum of thousands of terms is that deep."""
        left_side = []
        while isinstance(tree, Apply) and not tree.function and len(tree.arguments) == 2:
            left_side.append(tree)
            tree = tree.arguments[0]
        node = self.leaf(tree, "" if left_side else name)
        for part in reversed(left_side):
            own_name = name if part is left_side[0] else ""
            right = self.node(part.arguments[1])
            if part.operation == "power" and right.constant and right.value.ndim == 0:
                node = self.apply(to_the(float(right.value)), (node,), own_name)
            else:
                node = self.apply(TABLE[part.operation], (node, right), own_name)
        return node

    def leaf(self, tree: Tree, name: str) -> Node:
        if isinstance(tree, Number):
            return number(tree.value)
        if isinstance(tree, Name):
            return self.lookup(tree)
        if tree.function:
            return self.call(tree, name)
        return self.apply(TABLE[tree.operation], (self.node(tree.arguments[0]),), name)

    def call(self, tree: Apply, name: str) -> Node:
        function = ALIASES.get(tree.function, tree.function)
        if function not in FUNCTIONS:
            message = no_function(tree.function, {*self.values, *self.current})
            raise pointing(self.text, tree.at, message)
        operation = FUNCTIONS[function]
        if len(tree.arguments) != len(operation.partials):
            count = len(operation.partials)
            message = ngettext(
                "{function} takes {n} argument; got {got}; write {example}",
                "{function} takes {n} arguments; got {got}; write {example}",
                count,
                function=function,
                got=len(tree.arguments),
                example=f"{function}({', '.join('abc'[:count])})",
            )
            raise pointing(self.text, tree.at, message)
        arguments = tuple(self.node(argument) for argument in tree.arguments)
        if not name and function[0].isupper():  # a layer gives its name to its node
            name = function if function not in self.written - set(FUNCTIONS) else ""
        return self.apply(operation, arguments, name)

    def lookup(self, tree: Name) -> Node:
        name = tree.name
        if name not in self.current:
            if name not in self.values:
                spare = sorted(self.values.keys() - self.written)
                message = no_value(name, [*self.values, *self.current], spare)
                raise pointing(self.text, tree.at, message)
            self.current[name] = self.inputs[name] = Node(self.fresh(name), self.values[name])
        return self.current[name]

    def apply(self, operation: Operation, parents: tuple[Node, ...], name: str) -> Node:
        if len(self.taken) >= MAX_STEPS:
            raise ExpressionError(
                _("an expression may have {max_steps:,} steps; this one has more; make it shorter", max_steps=MAX_STEPS)
            )
        operation = for_arrays(operation, parents)
        check_shapes(operation, parents)
        node = operation(*parents, name="")
        if not np.isfinite(node.value).all():
            step = TEXT.formula(operation, node)
            at = listed(dict.fromkeys(f"{p.name} = {TEXT.number(p.value)}" for p in parents if not p.constant))
            message = N_("the step {step} has no finite value; choose values for which it has one")
            if at:
                message = N_("the step {step} has no finite value at {at}; choose values for which it has one")
            raise ExpressionError(_(message, step=step, at=at))
        if all(parent.constant for parent in parents):
            return number(float(node.value))
        node.name = self.fresh(name)
        return node

    def fresh(self, name: str) -> str:
        """``name``, or with the first free number below it: v₂; a name that is typed has its numbers on the line."""
        if not name:
            self.unnamed += 1
            name = f"{self.letter}{subscript(self.unnamed)}"
        free, count = name, self.counts.get(name, 1)
        while free in self.taken:
            count += 1
            free = f"{name}{subscript(count)}"
        self.counts[name] = count
        self.taken.add(free)
        return free


def _names_in(tree: Tree) -> list[str]:
    """Every name of a tree, functions that are called included."""
    names, stack = [], [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, Name):
            names.append(part.name)
        elif isinstance(part, Apply):
            names += [part.function] if part.function else []
            stack.extend(part.arguments)
    return names

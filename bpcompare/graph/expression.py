"""A learner's expression becomes an executed graph: an allow-list of syntax, one node per step.

Allowed are numbers, names, + − * / ** @, brackets, calls of the known functions, and statements ``name = …``.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.errors import ExpressionError
from bpcompare.graph.node import Array, Node, Operation, topological_order
from bpcompare.graph.notation import TEXT
from bpcompare.graph.operations import FUNCTIONS, TABLE, to_the
from bpcompare.graph.parsing import check_spelling, read, refusal
from bpcompare.graph.shapes import MAX_ENTRIES, check_shapes, for_arrays

MAX_STEPS = 1_000

_BINARY = {
    **{ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divide"},
    **{ast.Pow: "power", ast.MatMult: "matmul"},
}


@dataclass(frozen=True)
class Graph:
    """What an expression became.

    Args:
        output: The last step.
        inputs: The nodes whose values were given, in the order of their first use.
    """

    output: Node
    inputs: tuple[Node, ...]

    @property
    def nodes(self) -> list[Node]:
        """The inputs and the steps in the order of the computation, without the numbers of the expression."""
        return [node for node in topological_order(self.output) if not node.constant]


def build(expression: str, values: Mapping[str, Any]) -> Graph:
    """The executed graph of ``expression`` at ``values``.

    Limits: 20,000 characters, 1,000 steps, statements nested 200 deep, arrays of 10,000 entries.

    Args:
        expression: One expression, or statements ``name = expression`` parted by ``;`` or newlines; the last is the
            output. A step without a name is called v₁, v₂, …; a name that is given again becomes v₂, v₃, ….
        values: A number, or an array of at most two axes, for every name that is used before it is set.

    Raises:
        ExpressionError: It is no such expression, a value is missing or left over, or a step has no finite value.

    Example:
        >>> graph = build("z = x*w; r = z - y; loss = r**2", {"x": 2, "w": 1, "y": 4})
        >>> [f"{node.name} = {node.value:g}" for node in graph.nodes]
        ['x = 2', 'w = 1', 'z = 2', 'y = 4', 'r = -2', 'loss = 4']
    """
    builder = _Builder(read(expression), {name: _checked_value(name, value) for name, value in values.items()})
    with np.errstate(all="ignore"):  # a step that is not finite is refused by its name
        return builder.graph()


def _checked_value(name: str, value: Any) -> Array:
    if not isinstance(name, str) or not name.isidentifier():
        raise ExpressionError(f"a value needs a name such as x or w1; got {name!r:.40}")
    check_spelling(name)
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
        if array.dtype.kind not in "buif":
            raise ValueError
        array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ExpressionError(
            f"the value of {name} must be a number or an array of numbers; got {value!r:.60}"
        ) from None
    if array.ndim > 2 or not 0 < array.size <= MAX_ENTRIES:
        raise ExpressionError(
            f"the value of {name} must have up to two axes and 1 to {MAX_ENTRIES:,} entries; its shape is {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ExpressionError(f"the value of {name} must be finite; got {value!r:.60}")
    return array


class _Builder:
    """Walks over the statements once and executes each step as it is met."""

    def __init__(self, statements: list[ast.stmt], values: dict[str, Array]) -> None:
        self.statements = statements
        self.values = values
        self.inputs: dict[str, Node] = {}
        self.current: dict[str, Node] = {}  # what each name stands for by now
        self.taken: set[str] = set()
        self.written = {part.id for line in statements for part in ast.walk(line) if isinstance(part, ast.Name)}
        stems = {name.rstrip("_0123456789") for name in self.written}
        self.letter = next((letter for letter in "vutshgpqnm" if letter not in stems), "step")
        self.unnamed = 0

    def graph(self) -> Graph:
        results = [self.statement(line, line is self.statements[-1]) for line in self.statements]
        output = results[-1]
        used = set(topological_order(output))
        for node in (*results, *self.inputs.values()):
            if node not in used:
                raise ExpressionError(f"{node.name} does not feed the last step, {output.name}; use it or remove it")
        for name in self.values:
            if name not in self.inputs:
                raise ExpressionError(f"the expression does not use {name}; remove {name}=… or put {name} to use")
        if output.value.size != 1:
            raise ExpressionError(
                f"the last step, {output.name}, must be one number to have a gradient, but its shape is "
                f"{output.value.shape}; wrap it in mean(…) or sum(…)"
            )
        return Graph(output, tuple(self.inputs.values()))

    def statement(self, line: ast.stmt, is_last: bool) -> Node:
        if isinstance(line, ast.Expr) and is_last:
            if isinstance(line.value, ast.Name) and line.value.id in self.current.keys() - self.inputs.keys():
                return self.current[line.value.id]
            is_loss = isinstance(line.value, ast.Call) and getattr(line.value.func, "id", "") == "MSE"
            node = self.named(line.value, "Loss" if is_loss and "Loss" not in self.written else "f")
            if node in self.inputs.values():
                raise ExpressionError(
                    "the expression has no name to differentiate by; use one, such as x, and give its value"
                )
            return node
        if isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name):
            name = line.targets[0].id
            self.current[name] = self.named(line.value, name)
            return self.current[name]
        raise refusal(line)

    def named(self, tree: ast.expr, name: str) -> Node:
        """A step under the name that its statement gives it."""
        node = self.node(tree, name)
        if node.constant:  # x = 2
            self.inputs[name] = Node(self.fresh(name), node.value)
            return self.inputs[name]
        is_other = node in self.inputs.values() or node in self.current.values()
        return self.apply(TABLE["same"], (node,), name) if is_other else node

    def node(self, tree: ast.expr, name: str = "") -> Node:
        if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float) and type(tree.value) is not bool:
            return _number(tree.value)
        if isinstance(tree, ast.Name):
            return self.lookup(tree.id)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.UAdd):
            return self.node(tree.operand, name)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            return self.apply(TABLE["negative"], (self.node(tree.operand),), name)
        if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
            left, right = self.node(tree.left), self.node(tree.right)
            if isinstance(tree.op, ast.Pow) and right.constant and right.value.ndim == 0:
                return self.apply(to_the(float(right.value)), (left,), name)
            return self.apply(TABLE[_BINARY[type(tree.op)]], (left, right), name)
        if isinstance(tree, ast.Call):
            return self.call(tree, name)
        raise refusal(tree)

    def call(self, tree: ast.Call, name: str) -> Node:
        if not isinstance(tree.func, ast.Name):
            raise refusal(tree.func)
        if tree.func.id not in FUNCTIONS:
            raise ExpressionError(
                f"there is no function {tree.func.id}; the functions are {', '.join(sorted(FUNCTIONS))}"
            )
        if tree.keywords:
            raise refusal(tree.keywords[0])
        operation = FUNCTIONS[tree.func.id]
        if len(tree.args) != len(operation.partials):
            count = len(operation.partials)
            raise ExpressionError(
                f"{tree.func.id} takes {count} argument{'s' * (count > 1)}; got {len(tree.args)}; "
                f"write {tree.func.id}({', '.join('abc'[:count])})"
            )
        arguments = tuple(self.node(argument) for argument in tree.args)
        if not name and tree.func.id[0].isupper():  # a layer gives its name to its node
            name = tree.func.id if tree.func.id not in self.written - set(FUNCTIONS) else ""
        return self.apply(for_arrays(operation, arguments), arguments, name)

    def lookup(self, name: str) -> Node:
        if name not in self.current:
            if name not in self.values:
                raise self.missing(name)
            self.current[name] = self.inputs[name] = Node(self.fresh(name), self.values[name])
        return self.current[name]

    def missing(self, name: str) -> ExpressionError:
        if name in FUNCTIONS:
            return ExpressionError(
                f"{name} is a function and needs brackets; write {name}(x), or give {name}=… a value"
            )
        spare = sorted(self.values.keys() - self.written)
        near = [other for other in spare if other.lower() == name.lower()] or difflib.get_close_matches(name, spare)
        hint = f"; did you mean {near[0]}?" if near else f"; add {name}=…, for example {name}=2"
        return ExpressionError(f"{name} has no value{hint}")

    def apply(self, operation: Operation, parents: tuple[Node, ...], name: str) -> Node:
        if len(self.taken) >= MAX_STEPS:
            raise ExpressionError(f"an expression may have {MAX_STEPS:,} steps; this one has more; make it shorter")
        check_shapes(operation, parents)
        node = operation(*parents, name="")
        if not np.isfinite(node.value).all():
            step = TEXT.formula(operation, node)
            at = ", ".join(dict.fromkeys(f"{p.name} = {TEXT.number(p.value)}" for p in parents if not p.constant))
            raise ExpressionError(
                f"the step {step} has no finite value{f' at {at}' if at else ''}; choose values for which it has one"
            )
        if all(parent.constant for parent in parents):
            return _number(float(node.value))
        node.name = self.fresh(name)
        return node

    def fresh(self, name: str) -> str:
        """``name``, or with the first free number below it: v₂; letters with numbers below cannot be typed."""
        if not name:
            self.unnamed += 1
            name = f"{self.letter}{_below(self.unnamed)}"
        free, number = name, 1
        while free in self.taken:
            number += 1
            free = f"{name}{_below(number)}"
        self.taken.add(free)
        return free


def _below(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _number(value: float) -> Node:
    try:
        number = np.asarray(value, np.float64)
    except OverflowError:
        number = np.asarray(np.inf)
    if not np.isfinite(number):
        raise ExpressionError("a number in the expression is beyond the range of float64 (1.8·10³⁰⁸); make it smaller")
    return Node(f"{number:.17g}", number, constant=True)

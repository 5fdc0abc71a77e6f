"""The engine: a computation is a graph of nodes, and backpropagation is one walk over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


class Node:
    """One step of a computation: a name, the value it came to, and the nodes it was computed from.

    Args:
        name: What the step is called.
        value: What it came to, a NumPy array or scalar.
        parents: The nodes it was computed from; none for an input.
        operation: How it was computed, a row of ``operations.TABLE``; None for an input.
        constant: Whether nobody asks for its gradient: a number in the expression, the data of a training problem.

    Example:
        >>> import numpy as np
        >>> from bpcompare.graph.operations import TABLE
        >>> x = Node("x", np.array([1.0, 2.0, 3.0]))
        >>> square = TABLE["times"](x, x, name="square")
        >>> square.value
        array([1., 4., 9.])
    """

    __slots__ = ("constant", "name", "operation", "parents", "value")

    def __init__(
        self,
        name: str,
        value: Array,
        parents: tuple[Node, ...] = (),
        operation: Operation | None = None,
        constant: bool = False,
    ) -> None:
        self.name = name
        self.value = value
        self.parents = parents
        self.operation = operation
        self.constant = constant

    def __repr__(self) -> str:
        return f"Node({self.name} = {self.value})"


@dataclass(frozen=True, slots=True)
class Partial:
    """The derivative of an operation by one of its arguments.

    Args:
        pull_back: (gradient at the output, output, *arguments) → gradient at the argument, broadcast as it comes.
        text: The same as a formula.
        latex: The same in LaTeX.
    """

    pull_back: Callable[..., Array]
    text: str
    latex: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table.

    Args:
        name: What it is called here.
        value: The arguments' values → its value.
        text: It as a formula.
        latex: It in LaTeX.
        partials: Its derivative by each argument.
        corner: The arguments' values → whether one lies where the derivative jumps.
        exponent: The number n of a ↦ aⁿ.
    """

    name: str
    value: Callable[..., Array]
    text: str
    latex: str
    partials: tuple[Partial, ...]
    corner: Callable[..., bool] | None = None
    exponent: float = 1.0

    def __call__(self, *parents: Node, name: str) -> Node:
        """The node called ``name`` that applies this operation to ``parents``."""
        return Node(name, self.value(*[parent.value for parent in parents]), parents, self)


def topological_order(output: Node) -> list[Node]:
    """Every node that feeds ``output``, each after its parents, ``output`` last.

    Example:
        >>> import numpy as np
        >>> from bpcompare.graph.operations import TABLE
        >>> x = Node("x", np.float64(3.0))
        >>> [node.name for node in topological_order(TABLE["sin"](x, name="y"))]
        ['x', 'y']
    """
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[Node | None] = [output]
    path: list[Node] = []
    while stack:  # a stack of our own: Python's would end after a thousand steps
        node = stack.pop()
        if node is None:  # everything that the node on top of the path needs is in the order
            order.append(path.pop())
        elif node not in seen:
            seen.add(node)
            if node.parents:
                path.append(node)
                stack.append(None)
                stack.extend(reversed(node.parents))
            else:
                order.append(node)
    return order


def backward(output: Node) -> dict[Node, Array]:
    """∂output/∂node for every node that feeds ``output``; the nodes stay as they are.

    The chain rule, from the output to the inputs: ∂L/∂p = Σ ∂L/∂n · ∂n/∂p over the nodes n computed from p.

    Args:
        output: The node to differentiate; an array counts as the sum of its entries.

    Returns:
        The gradient of every node, shaped like its value. Constants are left out.

    Example:
        >>> import numpy as np
        >>> from bpcompare.graph.operations import TABLE
        >>> x = Node("x", np.float64(3.0))
        >>> gradients = backward(TABLE["times"](x, x, name="square"))
        >>> float(gradients[x])
        6.0
    """
    gradients = {output: output.value**0}  # ones, in its shape and dtype
    for node in reversed(topological_order(output)):
        if node.operation is None or node not in gradients:
            continue
        gradient = gradients[node]
        values = [parent.value for parent in node.parents]
        for parent, partial in zip(node.parents, node.operation.partials, strict=True):
            if parent.constant:
                continue
            part = partial.pull_back(gradient, node.value, *values)
            if part.shape != parent.value.shape:
                part = unbroadcast(part, parent.value.shape)
            # A node used twice is reached on two paths; the chain rule adds them.
            gradients[parent] = gradients[parent] + part if parent in gradients else part
    return gradients


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """``gradient`` summed over the axes along which a value of this shape had been repeated.

    Example:
        >>> import numpy as np
        >>> unbroadcast(np.ones((20, 3)), (1, 3))
        array([[20., 20., 20.]])
    """
    added = gradient.ndim - len(shape)
    repeated = tuple(added + axis for axis, length in enumerate(shape) if length == 1 < gradient.shape[added + axis])
    total: Array = gradient.sum(axis=(*range(added), *repeated)).reshape(shape)
    return total

"""The engine: a computation is a graph of nodes, and backpropagation is one walk over it.

Example:
    Write a computation on nodes, and ask for its gradient:

    >>> x, w, b, y = Node("x", 2), Node("w", 1), Node("b", 2), Node("y", 1)
    >>> loss = (w * x + b - y) ** 2
    >>> loss.value.item()
    9.0
    >>> gradients = backward(loss)
    >>> gradients[w].item(), gradients[b].item()
    (12.0, 6.0)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bpcompare.errors import InputError
from bpcompare.graph.operation import Array, Operation
from bpcompare.graph.operations import MATMUL, TABLE
from bpcompare.graph.powers import to_the
from bpcompare.language import _

MAX_NAME = 60  # letters of a name that is made from the names of its parents


class Node:
    """One step of a computation: a name, the value it came to, and the nodes it was computed from.

    Nodes, numbers and arrays are joined by + − * / ** @; a step is named as it is written.

    Args:
        name: What the step is called.
        value: What it came to: a number, or an array of numbers.
        parents: The nodes it was computed from; none for an input.
        operation: How it was computed, a row of ``operations.TABLE``; None for an input.
        constant: Whether nobody asks for its gradient: a number in the expression, the data of a training problem.

    Example:
        >>> x = Node("x", [1.0, 2.0, 3.0])
        >>> square = x * x
        >>> square
        Node(x * x = [1. 4. 9.])
        >>> backward(square)[x]
        array([2., 4., 6.])
    """

    __slots__ = ("constant", "name", "operation", "parents", "value")
    __array_ufunc__ = None  # array + node is a node, not an array of nodes

    def __init__(
        self,
        name: str,
        value: npt.ArrayLike,
        parents: tuple[Node, ...] = (),
        operation: Operation | None = None,
        constant: bool = False,
    ) -> None:
        self.name = name
        self.value = np.asarray(value) if operation else _floats(value)
        self.parents = parents
        self.operation = operation
        self.constant = constant

    def __repr__(self) -> str:
        return f"Node({self.name} = {self.value})"

    def __add__(self, other: Node | npt.ArrayLike) -> Node:
        return _join("plus", "+", self, other)

    def __radd__(self, other: npt.ArrayLike) -> Node:
        return _join("plus", "+", other, self)

    def __sub__(self, other: Node | npt.ArrayLike) -> Node:
        return _join("minus", "-", self, other)

    def __rsub__(self, other: npt.ArrayLike) -> Node:
        return _join("minus", "-", other, self)

    def __mul__(self, other: Node | npt.ArrayLike) -> Node:
        return _join("times", "*", self, other)

    def __rmul__(self, other: npt.ArrayLike) -> Node:
        return _join("times", "*", other, self)

    def __truediv__(self, other: Node | npt.ArrayLike) -> Node:
        return _join("divide", "/", self, other)

    def __rtruediv__(self, other: npt.ArrayLike) -> Node:
        return _join("divide", "/", other, self)

    def __matmul__(self, other: Node | npt.ArrayLike) -> Node:
        return _join("matmul", "@", self, other)

    def __rmatmul__(self, other: npt.ArrayLike) -> Node:
        return _join("matmul", "@", other, self)

    def __pow__(self, other: Node | npt.ArrayLike) -> Node:
        if not isinstance(other, Node) and np.ndim(other) == 0:
            exponent = float(_floats(other))
            return to_the(exponent)(self, name=_written(self, "**", f"{exponent:g}"))
        return _join("power", "**", self, other)

    def __rpow__(self, other: npt.ArrayLike) -> Node:
        return _join("power", "**", other, self)

    def __neg__(self) -> Node:
        return TABLE["negative"](self, name=f"-{_operand(self)}")


def _floats(value: npt.ArrayLike) -> Array:
    """A training problem keeps its precision; whole numbers become float64, which has a derivative.

    Raises:
        InputError: These are no real numbers.
    """
    array = np.asarray(value)
    kind = array.dtype.kind
    if kind == "f":
        return array
    # NumPy makes nan of None, and drops the imaginary part of a complex number.
    if kind not in "iubO" or not all(kind != "O" or hasattr(part, "__float__") for part in array.flat):
        raise InputError(_("a node holds real numbers, alone or in an array; got {value!r:.60}", value=value))
    return array.astype(np.float64)


def _join(name: str, sign: str, left: Node | npt.ArrayLike, right: Node | npt.ArrayLike) -> Node:
    a, b = (part if isinstance(part, Node) else _constant(part) for part in (left, right))
    if name == "matmul" and not {a.value.ndim, b.value.ndim} <= {1, 2}:
        shapes = {"left": a.value.shape, "right": b.value.shape}
        raise InputError(_("@ multiplies vectors and matrices; got the shapes {left} and {right}", **shapes))
    row = MATMUL.get((a.value.ndim, b.value.ndim), TABLE[name]) if name == "matmul" else TABLE[name]
    return row(a, b, name=_written(a, sign, _operand(b)))


def _constant(value: npt.ArrayLike) -> Node:
    array = _floats(value)
    return Node(f"{array:g}" if array.ndim == 0 else f"array {array.shape}", array, constant=True)


def _written(left: Node, sign: str, right: str) -> str:
    name = f"{_operand(left)} {sign} {right}"
    return name if len(name) <= MAX_NAME else f"… {sign} {right}"[:MAX_NAME]


def _operand(node: Node) -> str:
    return f"({node.name})" if node.operation and " " in node.name else node.name


def topological_order(output: Node) -> list[Node]:
    """Every node that feeds ``output``, each after its parents, ``output`` last.

    Example:
        >>> x = Node("x", 3)
        >>> [node.name for node in topological_order(x**2 - x)]
        ['x', 'x ** 2', '(x ** 2) - x']
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
        >>> x = Node("x", 3)
        >>> backward(x * x)[x].item()
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

"""Many alternatives of one value at once: stacked along a new first axis, they go through the derivation together."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.marker.calls import Array
from bpcompare.marker.hypotheses.derivation_changes.operations import OPERATIONS
from bpcompare.marker.hypotheses.derivation_changes.program import Step

FAILURES = (ArithmeticError, ValueError, IndexError, np.exceptions.AxisError, np.linalg.LinAlgError)


def stacked(makers: Sequence[Callable[[], Any]], kinds: Sequence[Hashable] = ()) -> Iterator[tuple[list[int], Array]]:
    """What the makers give, stacked by shape: the places of the makers, and their values along the first axis.

    A maker that fails, since the shapes do not allow it, is left out.

    Args:
        makers: Each gives one value.
        kinds: For each maker, what else must be the same in a stack.
    """
    by_shape: dict[Hashable, tuple[list[int], list[Array]]] = {}
    for place, make in enumerate(makers):
        try:
            value = np.asarray(make(), dtype=np.float64)
        except FAILURES:
            continue
        places, values = by_shape.setdefault((value.shape, kinds[place]) if kinds else value.shape, ([], []))
        places.append(place)
        values.append(value)
    for places, values in by_shape.values():
        yield places, np.stack(values)


def through(
    steps: Sequence[Step], values: Mapping[str, Any], alternatives: Mapping[str, Array], answer: str
) -> Array | None:
    """The answer for each alternative, or None where their shape does not fit.

    Args:
        steps: Those that follow from the values with alternatives, in order.
        values: All values of the derivation.
        alternatives: By the name of a value, what stands for it, of shape (how many, …).
        answer: The name of the step that is the answer.
    """
    stacks = dict(alternatives)
    try:
        for step in steps:
            stacks[step.name] = _operated(step, values, stacks)
    except FAILURES:
        return None
    return stacks.get(answer)


def _operated(step: Step, values: Mapping[str, Any], stacks: Mapping[str, Array]) -> Array:
    operands = [(stacks.get(name), values[name]) for name in step.operands]
    special = STACKED.get(step.operation)
    return special(operands) if special else _entrywise(OPERATIONS[step.operation], operands)


Operands = Sequence[tuple[Array | None, Any]]  # of each operand: its stack, or else its one value


def _entrywise(operation: Callable[..., Any], operands: Operands) -> Array:
    """Stacks are given axes of length 1 behind the first, so that the others are aligned from the last on."""
    rank = max(np.ndim(value) if stack is None else stack.ndim - 1 for stack, value in operands)
    aligned = [
        value if stack is None else stack.reshape(len(stack), *[1] * (rank + 1 - stack.ndim), *stack.shape[1:])
        for stack, value in operands
    ]
    return np.asarray(operation(*aligned))


def _product(operands: Operands) -> Array:
    """A @ b; a vector is a row on the left and a column on the right, and is a vector again after it."""
    (a, first), (b, second) = operands
    left, right = first if a is None else a, second if b is None else b
    row, column = np.ndim(left) - (a is not None) == 1, np.ndim(right) - (b is not None) == 1
    product: Array = np.matmul(left[..., None, :] if row else left, right[..., None] if column else right)
    if column:
        product = product[..., 0]
    return product[..., 0, :] if row and not column else product[..., 0] if row else product


def _transposed(operands: Operands) -> Array:
    stack = _only(operands)
    return np.swapaxes(stack, -1, -2) if stack.ndim == 3 else stack


def _only(operands: Operands) -> Array:
    stack = operands[0][0]
    assert stack is not None
    return stack


STACKED: dict[str, Callable[[Operands], Array]] = {
    "matmul": _product,
    "transpose": _transposed,
    "sum over samples": lambda operands: _only(operands).sum(1),
    "count": lambda operands: np.full(len(_only(operands)), float(_only(operands)[0].size)),
}

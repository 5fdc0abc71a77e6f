"""Which shapes an operation takes."""

from __future__ import annotations

import math

import numpy as np

from bpcompare.errors import ExpressionError
from bpcompare.graph.node import Node
from bpcompare.graph.operation import Operation
from bpcompare.graph.operations import MATMUL, TABLE, TIMES_OF_ARRAYS
from bpcompare.language import N_, _, listed

MAX_ENTRIES = 10_000  # of one array


def for_arrays(operation: Operation, arguments: tuple[Node, ...]) -> Operation:
    """The row of the table for these shapes: a layer has one for numbers and one for arrays, a product one a shape."""
    if operation.name == "times" and all(argument.value.ndim for argument in arguments):
        return TIMES_OF_ARRAYS
    if operation.name == "matmul":
        return MATMUL.get((arguments[0].value.ndim, arguments[1].value.ndim), operation)
    is_matrix = operation.name == "Linear" and arguments[1].value.ndim > 0
    is_array = operation.name == "MSE" and arguments[0].value.ndim + arguments[1].value.ndim > 0
    return TABLE[f"{operation.name} of arrays"] if is_matrix or is_array else operation


def check_shapes(operation: Operation, arguments: tuple[Node, ...]) -> None:
    """Refuses shapes that do not fit, before NumPy would stretch them or fill the memory.

    Raises:
        ExpressionError: They do not fit, or the result would be too large.

    Example:
        >>> check_shapes(TABLE["plus"], (Node("x", np.ones(3)), Node("y", np.ones(1))))
    """
    shapes = [argument.value.shape for argument in arguments]
    if operation.name == "matmul":
        rule = N_("the last axis of the first must be as long as the first axis of the second")
        fits = bool(shapes[0] and shapes[1]) and shapes[0][-1] == shapes[1][0]
        result = shapes[0][:-1] + shapes[1][1:]
    elif operation.name == "Linear of arrays":
        rule = N_("Linear(x, weight, bias) takes (N, in), (out, in) and (out,)")
        fits = len(shapes[0]) == len(shapes[1]) == 2 and shapes[0][1] == shapes[1][1] and shapes[2] == shapes[1][:1]
        result = shapes[0][:1] + shapes[1][:1]
    elif operation.name == "MSE of arrays":
        rule = N_("MSE takes two arrays of one shape")
        fits, result = shapes[0] == shapes[1], ()
    else:
        rule = N_("arrays are computed entry by entry when they have one shape, or axes of length 1")
        fits, result = _broadcast(shapes)
    if fits and math.prod(result) <= MAX_ENTRIES:
        return
    written = listed((f"{argument.name} {argument.value.shape}" for argument in arguments), N_(" and "))
    if not fits:
        message = N_("the shapes of {arrays} do not fit {operation}: {rule}")
        raise ExpressionError(_(message, arrays=written, operation=operation.name.split()[0], rule=_(rule)))
    message = N_("{arrays} would make {entries:,} entries, and {most:,} are allowed; use shorter arrays")
    raise ExpressionError(_(message, arrays=written, entries=math.prod(result), most=MAX_ENTRIES))


def _broadcast(shapes: list[tuple[int, ...]]) -> tuple[bool, tuple[int, ...]]:
    if shapes.count(shapes[0]) == len(shapes):
        return True, shapes[0]
    try:
        return True, np.broadcast_shapes(*shapes)
    except ValueError:
        return False, ()

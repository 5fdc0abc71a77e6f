"""The values of an expression: those that are given by name, and the numbers that stand in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.errors import ExpressionError
from bpcompare.graph.node import Node
from bpcompare.graph.operation import Array
from bpcompare.graph.shapes import MAX_ENTRIES
from bpcompare.language import _


def checked_value(name: str, value: Any) -> Array:
    """A value that was given, as an array of float64.

    Raises:
        ExpressionError: It is no number or array of numbers, has more than two axes or too many entries, or is not
            finite.
    """
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
        if array.dtype.kind not in "buif":
            raise ValueError
        array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ExpressionError(
            _("the value of {name} must be a number or an array of numbers; got {value!r:.60}", name=name, value=value)
        ) from None
    if array.ndim > 2 or not 0 < array.size <= MAX_ENTRIES:
        raise ExpressionError(
            _(
                "the value of {name} must have up to two axes and 1 to {max_entries:,} entries; its shape is {shape}",
                name=name,
                max_entries=MAX_ENTRIES,
                shape=array.shape,
            )
        )
    if not np.isfinite(array).all():
        raise ExpressionError(_("the value of {name} must be finite; got {value!r:.60}", name=name, value=value))
    return array


def number(value: float) -> Node:
    """The node of a number of the expression.

    Raises:
        ExpressionError: It is beyond the range of float64.
    """
    try:
        array = np.asarray(value, np.float64)
    except OverflowError:
        array = np.asarray(np.inf)
    if not np.isfinite(array):
        raise ExpressionError(
            _("a number in the expression is beyond the range of float64 (1.8·10³⁰⁸); make it smaller")
        )
    return Node(f"{array:.17g}", array, constant=True)

"""A learner's answers: read as arrays, and compared with a value to the digits that are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np

from bpcompare.errors import ExpressionError, did_you_mean
from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node
from bpcompare.graph.operation import Array
from bpcompare.graph.scripts import on_the_line
from bpcompare.language import _, listed

SAME = 1e-6  # relative; an answer of single precision, or with the six digits that are printed
FEWEST_DIGITS = 3  # of an answer that counts as rounded to what is written


def checked(graph: Graph, answers: Mapping[str, Any]) -> dict[Node, Array]:
    """The learner's answers by node, from the output on.

    Raises:
        ExpressionError: A name is not in the graph, or an answer is no number or array of numbers.
    """
    known = {node.name: node for node in graph.nodes}
    on_line = {on_the_line(name): node for name, node in known.items()}
    found: dict[Node, Array] = {}
    for name, answer in answers.items():
        if name not in known and name not in on_line:
            hint = did_you_mean(str(name), known) or _("choose from {known}", known=listed(known))
            raise ExpressionError(_("there is no step {name!r:.40} to have a gradient; {hint}", name=name, hint=hint))
        try:
            array = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
            # Through text: what is written 0.1 in single precision is 0.1 in double, not 0.10000000149.
            array = array.astype(str).astype(np.float64) if array.dtype.kind in "uif" else np.asarray(np.nan)
        except (TypeError, ValueError, OverflowError):
            array = np.asarray(np.nan)
        if not (array.size and np.isfinite(array).all()):
            raise ExpressionError(
                _(
                    "the answer for {name} must be a finite number or an array of such; got {answer!r:.60}",
                    name=name,
                    answer=answer,
                )
            )
        found[known.get(name) or on_line[name]] = array
    if not found:
        raise ExpressionError(_("no answer was given; give one such as {name}=2", name=graph.inputs[0].name))
    return {node: found[node] for node in reversed(graph.nodes) if node in found}


def agrees(answer: Array, value: Array) -> bool:
    """Whether ``value`` is ``answer``, to the digits in which the answer is written.

    Example:
        >>> agrees(np.array(0.186), np.array(0.18583)), agrees(np.array(0.2), np.array(0.18583))
        (True, False)
    """
    if answer.shape != value.shape and not answer.size == value.size == 1:
        return False
    found, right = answer.ravel().tolist(), value.ravel().tolist()
    if not all(map(math.isfinite, right)):
        return False
    noise = SAME * max(map(abs, right))
    return all(
        abs(a - v) <= (noise if a != round(a) or v != round(v) else 0.0) or abs(a - v) <= _half_a_unit(a)
        for a, v in zip(found, right, strict=True)
    )


@lru_cache
def _half_a_unit(answer: float) -> float:
    """Half a unit in the last digit that is written behind the point."""
    written = Decimal(repr(answer)).normalize().as_tuple()
    exponent = int(written.exponent)
    return 0.5 * 10.0**exponent * (1 + 1e-9) if exponent < 0 and len(written.digits) >= FEWEST_DIGITS else 0.0

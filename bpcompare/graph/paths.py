"""The paths from a node to the output, what each adds to the gradient, and how they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node, unbroadcast
from bpcompare.graph.notation import TEXT
from bpcompare.graph.operation import Array
from bpcompare.graph.scripts import SUBSCRIPTS, SUPERSCRIPTS
from bpcompare.graph.writer import Use, uses

MAX_PATHS = 8  # of more than that the first steps are shown, not the whole paths
MAX_WRITTEN = 24  # letters of a step without a name that is written as its formula
_SUM = r" [-+−@⊙] |^−|/"
_PRODUCT = rf"{_SUM}|·"
_POWER = rf"{_PRODUCT}|[\^ᵀ{SUPERSCRIPTS}]"
_WEAKER = {"divide": _PRODUCT, "power": _POWER, "to_the": _POWER, "transpose": _POWER}  # what needs brackets in them


@dataclass(frozen=True)
class Path:
    """A path from a node up to where all its paths have met, and the part of the gradient that it brings.

    Args:
        uses: The steps of the path, from the node on.
        share: What it adds to the gradient.
        is_whole: Whether it is one path; otherwise all paths that begin with this step.
    """

    uses: tuple[Use, ...]
    share: Array
    is_whole: bool = True

    def __str__(self) -> str:
        names = [self.uses[0].node, *(use.consumer for use in self.uses)]
        return " → ".join(map(written, names)) + (" → …" if not self.is_whole else "")


def paths_of(graph: Graph, gradients: Mapping[Node, Array], node: Node) -> list[Path]:
    """The paths from ``node`` up to where they have met; their shares add up to its gradient.

    Example:
        >>> from bpcompare.graph.expression import build
        >>> from bpcompare.graph.node import backward
        >>> graph = build("a = x**2; z = a + 3*x; z**2", {"x": 2})
        >>> for path in paths_of(graph, backward(graph.output), graph.inputs[0]):
        ...     print(path, path.share)
        x → a → z 80.0
        x → 3·x → z 60.0
    """
    found = uses(graph)
    above, below = _counts(graph, found, node)
    total = below[node]
    meeting = next(m for m in graph.nodes if above.get(m, 0) * below.get(m, 0) == total and below[m] == 1)
    if total > MAX_PATHS:
        return [Path((use,), _share(gradients[use.consumer], (use,)), is_whole=False) for use in found[node]]
    if meeting is node:
        meeting = graph.output
    paths: list[tuple[Use, ...]] = []
    stack: list[tuple[Use, ...]] = [(use,) for use in reversed(found[node])]
    while stack:
        path = stack.pop()
        if path[-1].consumer is meeting:
            paths.append(path)
        else:
            stack.extend((*path, use) for use in reversed(found[path[-1].consumer]))
    return [Path(path, _share(gradients[meeting], path)) for path in paths]


def _counts(graph: Graph, found: Mapping[Node, list[Use]], node: Node) -> tuple[dict[Node, int], dict[Node, int]]:
    """How many paths lead from ``node`` to each node, and from each to the output."""
    above, below = {node: 1}, {graph.output: 1}
    for step in graph.nodes:
        for use in found[step] if step in above else []:
            above[use.consumer] = above.get(use.consumer, 0) + above[step]
    for step in reversed(graph.nodes[:-1]):
        below[step] = sum(below[use.consumer] for use in found[step])
    return above, below


def _share(arrives: Array, path: tuple[Use, ...]) -> Array:
    for use in reversed(path):
        values = [parent.value for parent in use.consumer.parents]
        arrives = unbroadcast(
            np.asarray(use.partial.pull_back(arrives, use.consumer.value, *values)), use.node.value.shape
        )
    return arrives


def written(node: Node, depth: int = 3) -> str:
    """The name that the learner gave a step; of a step without a name its formula, where that is short.

    Example:
        >>> from bpcompare.graph.expression import build
        >>> written(build("3*x**2 + 1", {"x": 2}).output.parents[0])
        '3·x²'
    """
    operation = node.operation
    if operation is None or node.name[-1:] not in tuple(SUBSCRIPTS) or not depth:
        return TEXT.symbol(node)
    is_call = re.fullmatch(r"\w+\([^()]*\)|\|.*\|", operation.text)
    weaker = "$^" if is_call or operation.name == "plus" else _WEAKER.get(operation.name, _SUM)

    def operand(parent: Node) -> str:
        if parent is node:
            return node.name
        text = written(parent, depth - 1)
        return f"({text})" if re.search(weaker, text) else text

    formula = TEXT.filled(operation, node, operand)
    return formula if len(formula) <= MAX_WRITTEN else node.name

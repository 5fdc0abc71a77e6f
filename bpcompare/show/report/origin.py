"""Where it comes from: the derivation, its graph with a text at every node, and the loops with their curves."""

import ast
import inspect
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bpcompare.comparison.linear import Comparison
from bpcompare.graph.derivation import Derivation, derive
from bpcompare.graph.node import Node
from bpcompare.graph.notation import LATEX, TEXT
from bpcompare.language import _, english
from bpcompare.show.report.charts import Chart, Figure, chart, curve, log_axis, looks
from bpcompare.show.report.formulas import mathml
from bpcompare.training import loops

SAMPLES = 3  # first ones, so that every number stands in the formulas
MOST_INPUTS = 3
MOST_PATHS = 4
SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True, eq=False)
class Origin:
    """The section that shows where the gradient comes from.

    Attributes:
        expression: What is derived.
        formulas: Per heading its formulas in MathML.
        checked: How the derivation was checked.
        graph: The graph as SVG; every node has a description.
        nodes: The same descriptions as text.
        loops: Per method its source code and its curve.
    """

    expression: str
    formulas: list[tuple[str, list[str]]]
    checked: str
    graph: str
    nodes: list[str]
    loops: list[tuple[str, str, Chart]]


def origin(comparison: Comparison) -> Origin | None:
    """The derivation of the loss of the first samples at the common start; None where it would not fit on a page."""
    derivation = _derivation(comparison)
    if derivation is None:
        return None
    local = next(s.lines for s in derivation.sections(TEXT) if english(s.heading) == "Local derivatives")
    described = [_described(derivation, local, node) for node in derivation.graph.nodes]
    formulas = [(_(s.heading), [mathml(f) for f in s.lines]) for s in derivation.sections(LATEX) if s.lines]
    return Origin(
        derivation.expression,
        formulas,
        str(derivation.check),
        _with_descriptions(derivation.to_svg(), described),
        described,
        list(_loops(comparison)),
    )


def _derivation(comparison: Comparison) -> Derivation | None:
    problem = comparison.problem
    if problem.in_features > MOST_INPUTS or problem.out_features > 1:
        return None
    rows = slice(0, SAMPLES)
    start = problem.model()
    many = problem.in_features > 1
    values = {
        "w": start.weight[0].tolist() if many else start.weight.item(),
        "x": problem.x[rows].tolist() if many else problem.x[rows, 0].tolist(),
        "y": problem.y[rows, 0].tolist(),
    }
    product = "x @ w" if many else "w*x"
    if problem.has_bias:
        values["b"] = start.bias.item()
        product += " + b"
    return derive(f"ŷ = {product}; r = ŷ - y; loss = mean(r**2)", values, wrt="w,b" if problem.has_bias else "w")


def _described(derivation: Derivation, local: list[str], node: Node) -> str:
    """What a node is told to be: its value, its local derivatives, its gradient, and the paths through it."""
    output = derivation.graph.output
    parts = [f"{node.name} = {TEXT.number(node.value)}"]
    parts += [text for text in local if text.startswith(f"∂{node.name}/∂")]
    if node is not output:
        parts.append(f"∂{output.name}/∂{node.name} = {TEXT.number(derivation.by_node[node])}")
        paths = (" → ".join(step.name for step in path) for path in _paths(derivation, node))
        parts += [_("path {nodes}", nodes=nodes) for nodes in paths]
    return "; ".join(parts)


def _paths(derivation: Derivation, node: Node) -> list[list[Node]]:
    """The ways from a node to the output, the first few."""
    users: dict[Node, list[Node]] = {}
    for step in derivation.graph.nodes:
        for parent in dict.fromkeys(step.parents):
            users.setdefault(parent, []).append(step)
    found: list[list[Node]] = []
    open_paths = [[node]]
    while open_paths and len(found) < MOST_PATHS:
        path = open_paths.pop(0)
        if path[-1] is derivation.graph.output:
            found.append(path)
        open_paths += [[*path, user] for user in users.get(path[-1], [])]
    return found


def _with_descriptions(svg: str, described: list[str]) -> str:
    """The picture with a tooltip at every node that the keyboard reaches, too."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(svg[svg.index("<svg") :])
    root.set("role", "group")
    root.set("aria-label", _("computation graph of the loss, values forward and gradients backward"))
    for group in root.iter(f"{{{SVG}}}g"):
        title = group.find(f"{{{SVG}}}title")
        if title is None or title.text is None:
            continue
        if group.get("class") == "node" and title.text[1:].isdigit():
            title.text = described[int(title.text[1:])]
            group.set("tabindex", "0")
            group.set("role", "img")
            group.set("aria-label", title.text)
        else:
            group.remove(title)
    return ElementTree.tostring(root, encoding="unicode")


def _loops(comparison: Comparison) -> Iterator[tuple[str, str, Chart]]:
    for name, look in looks(comparison.results).items():
        if name in loops.LOOPS:
            yield name, source_of(loops.LOOPS[name]), loss_of(comparison.results[name].losses, name, look)


def loss_of(losses: Tensor, name: str, look: dict[str, Any]) -> Chart:
    """The loss curve of one method."""
    figure = Figure([curve(losses, name, look)])
    log_axis(figure, _("loss"))
    figure.x["title"] = _("epoch")
    return chart(figure, 280)


def source_of(function: Callable[..., object]) -> str:
    """The source code of a function, without its docstring."""
    return _without_docstring(inspect.getsource(function))


def _without_docstring(source: str) -> str:
    function = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(function, ast.FunctionDef)
    text = function.body[0]
    lines = source.splitlines()
    return "\n".join([*lines[: text.lineno - 1], *lines[text.end_lineno :]])

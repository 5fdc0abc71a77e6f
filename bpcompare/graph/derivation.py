"""From one executed graph: the value, every gradient, the derivation in writing, and the picture."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from bpcompare.errors import ExpressionError
from bpcompare.graph.dot import to_dot, to_svg
from bpcompare.graph.expression import Graph, build
from bpcompare.graph.marking import Marking, mark
from bpcompare.graph.node import Node, backward
from bpcompare.graph.notation import LATEX, SHORT, TEXT, Notation
from bpcompare.graph.operation import Array
from bpcompare.graph.verification import Check, verify
from bpcompare.graph.writer import Section, Writer
from bpcompare.language import N_, _, columns_of, english, listed, padded

Number = float | Array


class Step(NamedTuple):
    """What a node came to, and the derivative of the output by it."""

    value: Number
    gradient: Number


@dataclass(frozen=True, eq=False)
class Derivation:
    """An executed graph with its gradients; ``derive`` makes it.

    Args:
        expression: What it was made from.
        graph: The nodes.
        wrt: The nodes to differentiate by.
        by_node: The gradient of every node.
    """

    expression: str
    graph: Graph
    wrt: tuple[Node, ...]
    by_node: Mapping[Node, Array]

    @property
    def value(self) -> float:
        """The value of the output."""
        return float(self.graph.output.value.item())

    @property
    def gradients(self) -> dict[str, Number]:
        """∂output/∂name for every name asked for."""
        return {node.name: _plain(self.by_node[node]) for node in self.wrt}

    @property
    def nodes(self) -> dict[str, Step]:
        """Value and gradient of every input and every step, in the order of the computation."""
        return {node.name: Step(_plain(node.value), _plain(self.by_node[node])) for node in self.graph.nodes}

    @cached_property
    def check(self) -> Check:
        """How far the gradients are from PyTorch's and from a central difference's."""
        return verify(self.graph, self.by_node)

    def mark(self, answers: Mapping[str, Any]) -> Marking:
        """The verdict on a learner's gradients, each wrong one with the smallest mistake that gives exactly it.

        Args:
            answers: A number or an array for the name of an input or a step.

        Raises:
            ExpressionError: A name is not in the graph, or an answer is no number.

        Example:
            >>> print(derive("(w*x - y)**2", {"w": 3, "x": 2, "y": 1}).mark({"w": 10, "x": 30}))
            ∂f/∂x: 30 is right
            ∂f/∂w: 10 is wrong, 20 is right
              ∂v₁/∂w = x is left out
        """
        return mark(self.graph, self.by_node, answers)

    def sections(self, notation: Notation) -> list[Section]:
        """The derivation in writing, section by section, without the check."""
        return Writer(self.graph, self.by_node, self.wrt, notation).sections()

    def to_text(self) -> str:
        """The derivation for a terminal; the last line says how it was checked."""
        sections = [section for section in self.sections(TEXT.spoken()) if section.lines]
        parts = [_(section.heading) + "\n" + _indented(section.lines) for section in sections]
        return "\n\n".join([*parts, _("All digits") + "\n" + _indented(self._table()), str(self.check)]) + "\n"

    def to_markdown(self) -> str:
        """The derivation in Markdown, its formulas in LaTeX between dollars."""
        wanted = listed(TEXT.derivative(self.graph.output, node) for node in self.wrt)
        parts = ["# " + _("Derivation of {derivatives}", derivatives=wanted)]
        for section in self.sections(LATEX.spoken()):
            if section.lines:
                parts += ["## " + _(section.heading), "\n".join(f"- ${line}$" for line in section.lines)]
        rows = [f"| `{n}` | {_digits(s.value)} | {_digits(s.gradient)} |" for n, s in self.nodes.items()]
        head = ["| " + " | ".join([_("step"), _("value"), _("gradient")]) + " |", "|---|---|---|"]
        return "\n\n".join([*parts, "## " + _("All digits"), "\n".join([*head, *rows]), str(self.check)]) + "\n"

    def to_latex(self) -> str:
        """The derivation in LaTeX: one formula a line between dollars, in what mathtext and MathML know."""
        parts = []
        for section in self.sections(LATEX.spoken()):
            if section.lines:
                parts.append("\n\n".join([_heading(_(section.heading)), *(f"${line}$" for line in section.lines)]))
        return "\n\n".join([*parts, _heading(str(self.check))]) + "\n"

    def to_json(self, marking: Marking | None = None) -> str:
        """Values, gradients, the derivation and the check as JSON, in English, every number with all its digits.

        Args:
            marking: The verdict on a learner's answers, to stand there, too.
        """
        nodes = {
            node.name: {
                "operation": node.operation.name if node.operation else "input",
                "parents": [parent.name for parent in node.parents],
                "value": node.value.tolist(),
                "gradient": self.by_node[node].tolist(),
            }
            for node in self.graph.nodes
        }
        check = {"torch": self.check.torch, "central_difference": self.check.central, "passed": self.check.passed}
        content = {
            **{"expression": self.expression, "output": self.graph.output.name, "value": self.value},
            "gradients": {node.name: self.by_node[node].tolist() for node in self.wrt},
            "nodes": nodes,
            "derivation": {section.heading: section.lines for section in self.sections(TEXT)},
            "check": check,
            **({"marking": marking.to_dict()} if marking else {}),
        }
        return json.dumps(english(content), ensure_ascii=False, allow_nan=False, indent=2) + "\n"

    def to_dot(self, marking: Marking | None = None) -> str:
        """The picture in Graphviz's language; of a ``marking`` the edges that were not followed stand out."""
        return to_dot(self.graph, self.by_node, marking.forgotten if marking else ())

    def to_svg(self) -> str:
        """The picture as SVG: forward values in the nodes, gradients on the edges."""
        return to_svg(self.to_dot()).decode()

    def _table(self) -> list[str]:
        head = (_("step"), _("value"), _("∂{output}/∂step", output=self.graph.output.name))
        rows = [head, *((name, _digits(step.value), _digits(step.gradient)) for name, step in self.nodes.items())]
        widths = [max(columns_of(row[column]) for row in rows) for column in range(3)]
        return ["  ".join(map(padded, row, widths)).rstrip() for row in rows]

    def __str__(self) -> str:
        return self.to_text()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a console of IPython shows: the one line of repr."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        output, most = self.graph.output.name, 4
        found = [f"∂{output}/∂{name} = {_in_short(g)}" for name, g in list(self.gradients.items())[:most]]
        more = ["…"] if len(self.wrt) > most else []
        return f"<Derivation {output} = {self.value}: {', '.join(found + more)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture and the derivation, or as much as can be had; it never raises."""
        return "\n".join((_shown(lambda: self.to_svg().partition("?>")[2]), _shown(self._as_html)))

    def _as_html(self) -> str:
        return f"<pre>{html.escape(self.to_text())}</pre>"


def _shown(make: Callable[[], str]) -> str:
    try:
        return make()
    except Exception as error:
        return f"<p>{html.escape(str(error))}</p>"


def derive(expression: str, values: Mapping[str, Any], wrt: Iterable[str] | str | None = None) -> Derivation:
    """The value of ``expression``, its derivative by every name, and the derivation in writing and as a picture.

        ∂L/∂p = Σ ∂L/∂n · ∂n/∂p over the steps n in which p is used

    Args:
        expression: One expression, or statements ``name = expression`` separated by ``;`` or newlines; the last is the
            output. Known are + − * / ** @ and the functions of ``operations.FUNCTIONS``.
        values: A number or an array of numbers for every name.
        wrt: The names, of inputs or of steps, to differentiate by; every input where None.

    Raises:
        ExpressionError: The expression or a value cannot be used, or a derivative is not finite.

    Example:
        >>> derivation = derive("z = x*w; r = z - y; loss = r**2", {"x": 2, "w": 1, "y": 4}, wrt="w")
        >>> derivation.value, derivation.gradients
        (4.0, {'w': -8.0})
        >>> print(derivation.sections(TEXT)[-1].lines[-1])
        ∂loss/∂w = ∂loss/∂r · ∂r/∂z · ∂z/∂w = −4 · 1 · 2 = −8

    Source: 「3 反向传播」, homework 1, for the example's numbers.
    """
    graph = build(expression, values)
    with np.errstate(all="ignore"):  # refused by name just below
        gradients = backward(graph.output)
    for node in reversed(graph.nodes):
        if not np.isfinite(gradients[node]).all():
            raise ExpressionError(
                _(
                    "∂{output}/∂{name} is not finite at {name} = {value}; choose values where every derivative is",
                    output=graph.output.name,
                    name=node.name,
                    value=TEXT.number(node.value),
                )
            )
    return Derivation(expression, graph, _asked_for(graph, wrt), gradients)


def _asked_for(graph: Graph, wrt: Iterable[str] | str | None) -> tuple[Node, ...]:
    if wrt is None:
        return graph.inputs
    names = [name.strip() for name in (wrt.split(",") if isinstance(wrt, str) else wrt)]
    known = {node.name: node for node in graph.nodes}
    for name in names:
        if name not in known:
            message = N_("there is no step {name!r} to differentiate by; choose from {known}")
            raise ExpressionError(_(message, name=name, known=listed(known)))
    if not names:
        message = N_("no name to differentiate by was given; choose from {known}")
        raise ExpressionError(_(message, known=listed(known)))
    return tuple(known[name] for name in dict.fromkeys(names))


def _plain(value: Array) -> Number:
    return float(value) if np.ndim(value) == 0 else np.array(value)


def _digits(value: Number) -> str:
    if isinstance(value, float):
        return repr(value)
    return str(value.tolist()) if value.size <= SHORT else TEXT.number(value)


def _in_short(value: Number) -> str:
    return _digits(value) if isinstance(value, float) or value.size <= SHORT // 2 else f"array {value.shape}"


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _heading(words: str) -> str:
    return rf"$\mathbf{{{words.replace(' ', chr(92) + ' ')}}}$"

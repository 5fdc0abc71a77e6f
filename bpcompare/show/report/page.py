"""The page: every section in its place, in one file that asks nothing of the network."""

import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import jinja2
import plotly.graph_objects as go
import plotly.io
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from bpcompare.comparison.linear import Comparison
from bpcompare.problem.parameter_names import entries
from bpcompare.show.report.formulas import mathml, update
from bpcompare.show.report.one_step import one_step
from bpcompare.show.report.origin import origin
from bpcompare.show.report.pitfalls import pitfalls
from bpcompare.show.report.rates import rates

MOST_PARAMETERS = 12
GLOSSARY = {
    "loss": "The mean of the squared residuals (ŷ − y)². Training makes it small.",
    "gap": "How far the loss is above the least possible one.",
    "converged": "The gap has shrunk to a millionth of the gap at the start, or to rounding.",
    "stopped": "The epochs ended before the gap was small.",
    "diverged": "The numbers grew beyond the range of floating-point numbers.",
    "truth": "The weight and bias that made the data.",
    "optimum": "The weight and bias with the least possible loss. With noisy data they are not the truth.",
    "agreement": "Two gradient sources under one update rule. Both must give the same parameters.",
    "race": "Two update rules on one gradient source: which one is nearer to the optimum sooner.",
    "ulp": "The distance between a floating-point number and the next one.",
    "learning rate": "The factor η of every step. Too large: the steps overshoot. Too small: it takes long.",
    "Adam": "An update rule: running means of the gradient and of its square set the size of each step.",
}
CONFIG = {"displayModeBar": False, "responsive": True}


def page(comparison: Comparison, *, on_part: Callable[[], object] | None = None, with_pitfalls: bool = True) -> bytes:
    """The report of a comparison as one HTML file.

    Args:
        comparison: What was trained.
        on_part: Called after every part that takes a while.
        with_pitfalls: Whether to run and show the ten pitfalls, which are always those of the tutorial's line.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.problem import line
        >>> page(compare(line(), epochs=2), with_pitfalls=False)[:15]
        b'<!doctype html>'
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bpcompare.show.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    moved, stepped = rates(comparison, on_part), one_step(comparison)
    states = {"rates": {"start": moved.start, "states": moved.states}, "step": {"start": 0, "states": stepped.states}}
    content: dict[str, Any] = {
        "comparison": comparison,
        "problem": comparison.problem,
        "entries": list(entries(comparison.problem))[:MOST_PARAMETERS],
        "rates": moved,
        "step": stepped,
        "updates": _updates(comparison, stepped.methods, stepped.parameters),
        "origin": origin(comparison),
        "pitfalls": pitfalls(on_part) if with_pitfalls else [],
        "glossary": GLOSSARY,
        "states": Markup(_json(states)),
        "draw": _draw,
        "markup": Markup,
        "mathml": lambda latex: Markup(mathml(latex)),
        "plotly": Markup(get_plotlyjs()),
        "style": Markup(_file("templates/report.css")),
        "script": Markup(_file("templates/report.js")),
    }
    return environment.get_template("page.html").render(content).encode()


def _updates(comparison: Comparison, methods: list[tuple[str, str]], names: list[str]) -> list[list[list[Markup]]]:
    """Per method and parameter the formulas of its step."""
    return [
        [
            [Markup(f) for f in update(kind, f"{i}.{j}", name, comparison.lr, name.startswith("bias"))]
            for j, name in enumerate(names)
        ]
        for i, (_, kind) in enumerate(methods)
    ]


def _draw(figure: go.Figure | dict[str, Any], name: str) -> Markup:
    made = plotly.io.to_html(
        figure, config=CONFIG, include_plotlyjs=False, full_html=False, div_id=name, auto_play=False, validate=False
    )
    return Markup(made)


def _json(content: object) -> str:
    """JSON that stays data inside a script element."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

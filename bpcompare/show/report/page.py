"""The page: every section in its place, in one file that asks nothing of the network."""

import functools
import json
from collections.abc import Callable, Iterable
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from bpcompare.comparison.base import BaseComparison
from bpcompare.comparison.linear import Comparison
from bpcompare.comparison.network import NetworkComparison
from bpcompare.language import N_, _, language, ngettext
from bpcompare.problem.parameter_names import entries
from bpcompare.show import advice
from bpcompare.show.glossary import meanings
from bpcompare.show.report import network, trained
from bpcompare.show.report.charts import Chart
from bpcompare.show.report.formulas import mathml
from bpcompare.show.report.one_step import one_step
from bpcompare.show.report.origin import origin
from bpcompare.show.report.pitfalls import pitfalls
from bpcompare.show.report.rates import rates
from bpcompare.show.verdicts import winner
from bpcompare.show.visible import visible

MOST_PARAMETERS = 30
TITLES = {
    "answer": N_("The answer"),
    "rates": N_("Move the rate"),
    "step": N_("One step by hand"),
    "origin": N_("Where it comes from"),
    "pitfalls": N_("Break it"),
    "glossary": N_("Glossary"),
}
LANGUAGES = {"en": "en", "zh": "zh-CN"}  # as HTML calls them
PITFALLS, PARTS = 10, 2  # parts that take a while, besides the rates: the pitfalls, the derivation, the page


def steps_of(comparison: BaseComparison[Any]) -> int:
    """How often `page` calls ``on_step``."""
    return PITFALLS + PARTS + (trained.steps_of(comparison) if isinstance(comparison, Comparison) else 0)


def page(
    comparison: BaseComparison[Any], *, on_step: Callable[[], object] | None = None, with_pitfalls: bool = True
) -> bytes:
    """The report of a comparison as one HTML file.

    Args:
        comparison: What was trained, of one `nn.Linear` or of a network.
        on_step: Called after every step that takes a while; see `steps_of`.
        with_pitfalls: Whether to run and show the ten pitfalls, which are always those of the tutorial's line.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> page(compare(line(), epochs=2), with_pitfalls=False)[:15]
        b'<!doctype html>'
    """
    step = on_step or (lambda: None)
    if isinstance(comparison, NetworkComparison):
        content = _network(comparison)
    else:
        assert isinstance(comparison, Comparison)
        content = _linear(comparison, step)
    step()
    content["pitfalls"] = pitfalls(step) if with_pitfalls else []
    written = _written(comparison, content)
    step()
    return written


def _linear(comparison: Comparison, step: Callable[[], object]) -> dict[str, Any]:
    every = list(entries(comparison.problem))
    return {
        "entries": every[:MOST_PARAMETERS],
        "left_out": max(0, len(every) - MOST_PARAMETERS),
        "advice": [sentence.partition(" ")[2].strip() for sentence in advice.sentences(comparison)],
        "rates": rates(comparison, step),
        "step": one_step(comparison),
        "origin": origin(comparison),
    }


def _network(comparison: NetworkComparison) -> dict[str, Any]:
    return {
        "headline": network.title(comparison),
        "fit": network.fit_chart(comparison),
        "rates": None,
        "step": network.network_step(comparison),
        "origin": network.network_origin(comparison),
    }


def _written(comparison: BaseComparison[Any], content: dict[str, Any]) -> bytes:
    """The template filled; ``draw`` puts a chart's place on the page and its data into the one JSON at the end."""
    charts: dict[str, Chart] = {}

    def draw(chart: Chart, name: str, about: str) -> Markup:
        charts[name] = chart
        height = chart["layout"]["height"]
        return Markup('<div class="chart" id="{}" role="img" aria-label="{}" style="height:{}px"></div>').format(
            name, about, height
        )

    present = [name for name in TITLES if name in ("answer", "glossary") or content[name]]
    states = {
        name: {"start": getattr(content[name], "start", 0), "states": _columns(content[name].states)}
        for name in ("rates", "step")
        if content[name]
    }
    template = _environment().get_template("page.html")
    return template.render(
        **content,
        kind="network" if isinstance(comparison, NetworkComparison) else "linear",
        comparison=comparison,
        problem=comparison.problem,
        winners={pair: winner(times) for pair, times in comparison.race.items()},
        sections={name: (number, TITLES[name]) for number, name in enumerate(present, 1)},
        terms=meanings(),
        lang=LANGUAGES[language()],
        draw=draw,
        markup=Markup,
        mathml=lambda latex: Markup(mathml(latex)),
        plotly=Markup(get_plotlyjs()),
        style=Markup(_file("templates/report.css")),
        script=Markup(_file("templates/report.js")),
        data=lambda: Markup(_json({"charts": charts, "parts": states})),
    ).encode()


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bpcompare.show.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["visible"] = visible
    environment.globals |= {"_": _in_html, "ngettext": _in_html_by_number}
    return environment


def _in_html(message: str, /, **values: Any) -> Markup:
    """A message, which may have tags; what is put in has none unless it is markup itself."""
    return Markup(_(message, **_escaped(values)))


def _in_html_by_number(one: str, many: str, n: int, /, **values: Any) -> Markup:
    return Markup(ngettext(one, many, n, **_escaped(values)))


def _escaped(values: dict[str, Any]) -> dict[str, Any]:
    return {name: escape(value) if isinstance(value, str) else value for name, value in values.items()}


def _columns(states: Iterable[Any]) -> dict[str, list[str]]:
    """Per field its text in every state: names are written once."""
    rows = list(states)
    return {name: [row[name] for row in rows] for name in rows[0]}


def _json(content: object) -> str:
    """JSON that stays data inside a script element."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

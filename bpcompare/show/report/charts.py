"""What the charts of the report have in common: colours for light and dark, sane axes, and frames."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import language
from bpcompare.show.fonts import FALLBACK
from bpcompare.show.terminal import wrapped

Coordinates = Sequence[float | None] | Sequence[float]
Trace = dict[str, Any]
Chart = dict[str, Any]

# Each has a contrast of at least 3 : 1 both on white and on the dark page (WCAG 2.2, 1.4.11).
GREY = "#808080"
FONTS = {"en": "system-ui, sans-serif", "zh": ", ".join(["system-ui", *FALLBACK[:6], "sans-serif"])}
LINES: tuple[dict[str, Any], ...] = (
    {"line": {"color": "#3B8BD0", "width": 7}, "marker": {"symbol": "circle"}},
    {"line": {"color": "#12946B", "width": 2.5, "dash": "dash"}, "marker": {"symbol": "square"}},
    {"line": {"color": "#D95F0E", "width": 2.5}, "marker": {"symbol": "triangle-up"}},
    {"line": {"color": "#A15FA8", "width": 2.5, "dash": "dashdot"}, "marker": {"symbol": "diamond"}},
    {"line": {"color": "#8C7A00", "width": 2.5, "dash": "dot"}, "marker": {"symbol": "cross"}},
    {"line": {"color": "#C2506E", "width": 2.5, "dash": "longdash"}, "marker": {"symbol": "x"}},
)
MOST_POINTS = 600  # drawn of the data
MOST_STATES = 400  # drawn of a curve
HIGHEST = 1e250  # drawn on a logarithmic axis
FARTHEST = 1e3  # times what the picture shows: what lies beyond is left out, so that the axes stay sane


@dataclass(eq=False)
class Figure:
    """What is drawn, in Plotly's words. Its own figures check every value again, which takes longer than the training.

    Attributes:
        traces: Curves and points.
        x: The horizontal axis: its title, its range, …
        y: The vertical axis.
        layout: All but the axes and `chart`'s common look.
    """

    traces: list[Trace] = field(default_factory=list)
    x: dict[str, Any] = field(default_factory=dict)
    y: dict[str, Any] = field(default_factory=dict)
    layout: dict[str, Any] = field(default_factory=dict)


def looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour, dash and marker of every method, the same in every chart.

    Example:
        >>> looks(["manual", "adam"])["manual"]["line"]["width"]
        7
    """
    return {name: LINES[place % len(LINES)] for place, name in enumerate(names)}


def line(x: Coordinates, y: Coordinates, name: str, look: Mapping[str, Any], **more: Any) -> Trace:
    """One curve of a method."""
    shown = {"type": "scatter", "mode": "lines", "name": label(name), "line": look["line"], "legendgroup": name}
    return {**shown, "x": list(x), "y": list(y), **more}


def points(x: Coordinates, y: Coordinates, name: str, color: str, symbol: str, size: int = 6) -> Trace:
    """Points without a line: data, a start, an optimum."""
    marker = {"color": color, "symbol": symbol, "size": size}
    return {"type": "scatter", "mode": "markers", "name": label(name), "marker": marker, "x": list(x), "y": list(y)}


def label(text: str) -> str:
    """A user's name as Plotly shows it: its few tags (<b>, <a href>) and entities are written out.

    Example:
        >>> label("<b>mass</b> & <a href='x'>")
        "&lt;b&gt;mass&lt;/b&gt; &amp; &lt;a href='x'&gt;"
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")


def within(values: Tensor, low: float, high: float) -> list[float | None]:
    """The values as far as a picture from ``low`` to ``high`` can use them; None where they lie far outside.

    Example:
        >>> import torch
        >>> within(torch.tensor([1.0, 1e9, float("nan")]), 0.0, 2.0)
        [1.0, None, None]
    """
    reach = FARTHEST * (high - low)
    near = ((v, math.isfinite(v) and low - reach <= v <= high + reach) for v in values.tolist())
    return [float(f"{v:.6g}") if kept else None for v, kept in near]


def drawable(values: Tensor) -> list[float | None]:
    """What a logarithmic axis can show, to six digits; None elsewhere.

    Example:
        >>> import torch
        >>> drawable(torch.tensor([1.0, 0.0, float("inf")]))
        [1.0, None, None]
    """
    return [float(f"{v:.6g}") if 0 < v < HIGHEST else None for v in values.tolist()]


def window(values: Iterable[float], margin: float = 0.08) -> list[float]:
    """An axis around the values, never empty.

    Example:
        >>> window([0.0, 1.0], margin=0.5)
        [-0.5, 1.5]
    """
    finite = [v for v in values if math.isfinite(v)]
    low, high = min(finite), max(finite)
    room = margin * (high - low) or margin * abs(high) or 1.0
    return [low - room, high + room]


def rounded(values: Tensor) -> list[float]:
    """The values with the digits that a picture can show."""
    return [float(f"{v:.5g}") for v in values.tolist()]


def curve(values: Tensor, name: str, look: Mapping[str, Any], **more: Any) -> Trace:
    """A quantity against the epoch, on a logarithmic axis; of a long run evenly many states."""
    epochs = thinned(torch.arange(len(values)))
    return line(epochs.tolist(), drawable(values[epochs]), name, look, **more)


def thinned(states: Tensor) -> Tensor:
    """Evenly many of the states, the first and the last among them.

    Example:
        >>> import torch
        >>> len(thinned(torch.arange(5000)))
        400
    """
    kept: Tensor = torch.linspace(0, len(states) - 1, min(len(states), MOST_STATES)).round().long()
    return states[kept]


def log_axis(figure: Figure, title: str) -> None:
    """A logarithmic axis for what the figure holds, with a handful of ticks."""
    limits = figure.y.get("range")
    if limits is None:
        shown = [math.log10(v) for trace in figure.traces for v in trace["y"] if v is not None and v > 0]
        limits = (min(shown), max(shown)) if shown else (0.0, 1.0)
    decades = limits[1] - limits[0]
    figure.y |= {"title": in_lines(title), "type": "log", "exponentformat": "power"}
    if decades > 0.5:
        figure.y["dtick"] = math.ceil(decades / 8) if decades > 2 else "D2"  # 1, 2, 5, 10, 20, …


def in_lines(title: str) -> str:
    """The title of a vertical axis, in lines that fit next to it.

    Example:
        >>> in_lines("mean squared error above its smallest value")
        'mean squared error above its<br>smallest value'
    """
    return wrapped(title, 30).replace("\n", "<br>")


def chart(figure: Figure, height: int, frames: Sequence[Sequence[Trace]] = (), start: int = 0) -> Chart:
    """The chart as plain data: ``data``, ``layout``, and ``frames``, of which the k-th moves its last curves.

    A frame holds only coordinates.

    Example:
        >>> made = chart(Figure(), 300, [[points([1.0], [2.0], "a", GREY, "circle")]])
        >>> made["frames"], made["layout"]["height"]
        ([{'x': [[1.0]], 'y': [[2.0]]}], 300)
    """
    moved = [{axis: [trace[axis] for trace in traces] for axis in ("x", "y")} for traces in frames]
    return {
        "data": [*figure.traces, *(frames[start] if frames else ())],
        "layout": {**figure.layout, **_common(height), "xaxis": _axis(figure.x, 6), "yaxis": _axis(figure.y, 8)},
        "frames": moved,
    }


def _common(height: int) -> dict[str, Any]:
    """The common look: transparent, so that the page's own light or dark shows through."""
    return {
        "height": height,
        "margin": {"l": 64, "r": 12, "t": 12, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONTS[language()], "size": 13},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        "hovermode": "closest",
        "dragmode": False,
    }


def _axis(said: dict[str, Any], standoff: int) -> dict[str, Any]:
    look = {"gridcolor": "rgba(128,128,128,.25)", "zeroline": False, "automargin": True, "fixedrange": True}
    return {**said, "title": {"text": said.get("title", ""), "standoff": standoff}, **look}

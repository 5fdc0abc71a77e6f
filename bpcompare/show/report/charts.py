"""What the charts of the report have in common: colours for light and dark, sane axes, and frames."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from torch import Tensor

# Each has a contrast of at least 3 : 1 both on white and on the dark page (WCAG 2.2, 1.4.11).
GREY = "#808080"
LINES: tuple[dict[str, Any], ...] = (
    {"line": {"color": "#3B8BD0", "width": 7}, "marker": {"symbol": "circle"}},
    {"line": {"color": "#12946B", "width": 2.5, "dash": "dash"}, "marker": {"symbol": "square"}},
    {"line": {"color": "#D95F0E", "width": 2.5}, "marker": {"symbol": "triangle-up"}},
    {"line": {"color": "#A15FA8", "width": 2.5, "dash": "dashdot"}, "marker": {"symbol": "diamond"}},
    {"line": {"color": "#8C7A00", "width": 2.5, "dash": "dot"}, "marker": {"symbol": "cross"}},
    {"line": {"color": "#C2506E", "width": 2.5, "dash": "longdash"}, "marker": {"symbol": "x"}},
)
MOST_POINTS = 600  # drawn of the data
FARTHEST = 1e3  # times what the picture shows: what lies beyond is left out, so that the axes stay sane


def looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour, dash and marker of every method, the same in every chart.

    Example:
        >>> looks(["manual", "adam"])["manual"]["line"]["width"]
        7
    """
    return {name: LINES[place % len(LINES)] for place, name in enumerate(names)}


def line(x: Sequence[float], y: Sequence[float | None], name: str, look: Mapping[str, Any], **more: Any) -> go.Scatter:
    """One curve of a method."""
    return go.Scatter(x=list(x), y=list(y), name=label(name), mode="lines", line=look["line"], legendgroup=name, **more)


def points(x: Sequence[float], y: Sequence[float], name: str, color: str, symbol: str, size: int = 6) -> go.Scatter:
    """Points without a line: data, a start, an optimum."""
    marker = {"color": color, "symbol": symbol, "size": size}
    return go.Scatter(x=list(x), y=list(y), name=label(name), mode="markers", marker=marker)


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
    return [v if math.isfinite(v) and low - reach <= v <= high + reach else None for v in values.tolist()]


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


def finish(figure: go.Figure, height: int) -> go.Figure:
    """The common look: transparent, so that the page's own light or dark shows through."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 64, "r": 16, "t": 48, "b": 56},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0, "xanchor": "left"},
        hovermode="closest",
        dragmode=False,
    )
    figure.update_xaxes(gridcolor="rgba(128,128,128,.25)", zeroline=False, automargin=True, fixedrange=True)
    figure.update_yaxes(gridcolor="rgba(128,128,128,.25)", zeroline=False, automargin=True, fixedrange=True)
    return figure

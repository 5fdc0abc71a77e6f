"""What the charts of the report have in common: colours for light and dark, sane axes, and frames."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import torch
from torch import Tensor

from bpcompare.show.landscape import Plane

Coordinates = Sequence[float | None] | Sequence[float]

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
GRID = 61
FARTHEST = 1e3  # times what the picture shows: what lies beyond is left out, so that the axes stay sane


def looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour, dash and marker of every method, the same in every chart.

    Example:
        >>> looks(["manual", "adam"])["manual"]["line"]["width"]
        7
    """
    return {name: LINES[place % len(LINES)] for place, name in enumerate(names)}


def line(
    x: Sequence[float | None], y: Sequence[float | None], name: str, look: Mapping[str, Any], **more: Any
) -> go.Scatter:
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
    near = ((v, math.isfinite(v) and low - reach <= v <= high + reach) for v in values.tolist())
    return [float(f"{v:.6g}") if kept else None for v, kept in near]


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


def contours(seen: Plane, low: Sequence[float], high: Sequence[float], gap: float) -> go.Contour:
    """Lines of equal loss above the optimum, at powers of ten of ``gap`` and half-way between."""
    across, up = (torch.linspace(low[i], high[i], GRID, dtype=torch.float64) for i in (0, 1))
    heights = seen.gaps(torch.stack(torch.meshgrid(across, up, indexing="xy"), -1)) / gap
    return go.Contour(
        x=rounded(across),
        y=rounded(up),
        z=[rounded(row) for row in heights.clamp(min=1e-6).log10()],
        contours={"start": -3, "end": 1, "size": 0.5, "coloring": "lines"},
        colorscale=[[0, GREY], [1, GREY]],
        line={"width": 0.8},
        showscale=False,
        hoverinfo="skip",
        showlegend=False,
    )


def rounded(values: Tensor) -> list[float]:
    """The values with the digits that a picture can show."""
    return [float(f"{v:.5g}") for v in values.tolist()]


def with_frames(figure: go.Figure, frames: Sequence[Sequence[go.Scatter]]) -> dict[str, Any]:
    """The chart as plain data, with frame k showing the k-th traces in place of the figure's last ones.

    Plotly's own frames check every number again, which takes longer than all the training.
    """
    places = list(range(len(figure.data) - len(frames[0]), len(figure.data)))
    listed = [
        {"name": str(k), "data": [trace.to_plotly_json() for trace in traces], "traces": places}
        for k, traces in enumerate(frames)
    ]
    return {**figure.to_plotly_json(), "frames": listed}


def finish(figure: go.Figure, height: int) -> go.Figure:
    """The common look: transparent, so that the page's own light or dark shows through."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 64, "r": 12, "t": 12, "b": 56},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "yanchor": "top", "y": -0.24, "x": 0, "xanchor": "left"},
        hovermode="closest",
        dragmode=False,
    )
    figure.update_xaxes(gridcolor="rgba(128,128,128,.25)", zeroline=False, automargin=True, fixedrange=True)
    figure.update_yaxes(gridcolor="rgba(128,128,128,.25)", zeroline=False, automargin=True, fixedrange=True)
    return figure

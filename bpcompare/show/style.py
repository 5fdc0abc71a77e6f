"""The house style of every matplotlib picture, and its bytes: the same on every run.

Methods differ in line style, width and marker as well as in colour, since curves that agree lie on each other.
"""

from __future__ import annotations

import io
import itertools
import math
import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from bpcompare.language import english, language
from bpcompare.show import fonts
from bpcompare.show.page import chosen
from bpcompare.show.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from torch import Tensor

# Okabe and Ito (2008), Color Universal Design: distinct under every common colour vision deficiency.
BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
GREY, WINE = "#666666", "#882255"

DPI = 110
HIGHEST = 1e250  # drawn on a logarithmic axis, which with its margin must end below 1e308

STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.fontsize": "small",
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "bpcompare",
}

_LINES: tuple[dict[str, Any], ...] = (
    {"color": SKY, "linewidth": 5.0, "linestyle": "-"},
    {"color": "black", "linewidth": 1.6, "linestyle": (0, (4, 2)), "marker": "o", "markerfacecolor": "white"},
    {"color": VERMILION, "linewidth": 1.8, "linestyle": "-", "marker": "^"},
    {"color": GREEN, "linewidth": 1.8, "linestyle": "-.", "marker": "s"},
    {"color": BLUE, "linewidth": 1.8, "linestyle": ":", "marker": "D"},
    {"color": PURPLE, "linewidth": 1.8, "linestyle": (0, (8, 2, 1, 2)), "marker": "v"},
    {"color": ORANGE, "linewidth": 1.8, "linestyle": (0, (2, 1)), "marker": "P"},
)

_OF_TICKS = ("_update_ticks", "_get_ticklabel_bboxes")  # how Matplotlib calls it

_formulas: dict[type, Any] = {}  # renderer → what sets its formulas, and keeps the last fifty


class Picture(Figure):
    """A figure that is drawn once for its file; Matplotlib draws it twice, the first time for its layout alone."""

    def draw(self, renderer: RendererBase) -> None:
        """Lays the figure out if a file is being prepared, else draws it."""
        _share_formulas(renderer)
        layout = self.get_layout_engine()
        with _ticks_placed_once(self):
            if isinstance(layout, ConstrainedLayoutEngine) and self.canvas.is_saving():
                layout.execute(self)
            else:
                super().draw(renderer)


def _share_formulas(renderer: Any) -> None:
    """Lets a picture's renderer use formulas that another has set: 10⁻¹ and 10⁰ stand next to every axis."""
    if "mathtext_parser" in vars(renderer):  # for PNG; the others share one anyway
        renderer.mathtext_parser = _formulas.setdefault(type(renderer), renderer.mathtext_parser)


@contextmanager
def _ticks_placed_once(figure: Figure) -> Iterator[None]:
    """Within it an axis places its ticks once for each size; Matplotlib does it whenever it asks for them."""
    panels = figure.axes

    def sizes() -> bytes:  # of all axes: some share their ticks
        return b"".join(box.get_points().tobytes() for axes in panels for box in (axes.bbox, axes.viewLim))

    def once(place: Callable[..., Any]) -> Callable[..., Any]:
        last: dict[Any, Any] = {}

        def placed(*ticks_and_renderer: Any) -> Any:
            key = sizes(), *ticks_and_renderer[1:]
            if key not in last:
                last.clear()
                last[key] = place(*ticks_and_renderer)
            return last[key]

        return placed

    with ExitStack() as stack:
        for axis in [axis for axes in panels for axis in (axes.xaxis, axes.yaxis)]:
            for name in [name for name in _OF_TICKS if hasattr(axis, name)]:
                setattr(axis, name, once(getattr(axis, name)))
                stack.callback(delattr, axis, name)
        yield


def line_styles(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """A line style for each name, the same for the same position everywhere."""
    styles = itertools.cycle(_LINES)
    return {name: {"markersize": 5, **next(styles), "label": plain(name)} for name in names}


def markers_apart(style: dict[str, Any], place: int, points: int) -> dict[str, Any]:
    """``style`` with about eight markers along a curve of that many points, shifted so that no two curves' coincide."""
    every = max(points // 8, 1)
    return {**style, "markevery": ((place * every) // 4 % every, every)}


def drawable(values: Tensor) -> list[float]:
    """``values`` without those of a diverged run that are beyond what a logarithmic axis with its margin can hold.

    Example:
        >>> import torch
        >>> drawable(torch.tensor([1.0, 1e300], dtype=torch.float64))
        [1.0, nan]
    """
    return values.where(values <= HIGHEST, math.nan).tolist()


def shortened(text: str, longest: int = 40) -> str:
    """``text`` on one line of at most that many characters, what cannot be seen made visible.

    Example:
        >>> shortened("speed, km/h", 9)
        'speed, k…'
    """
    short = visible(text)
    return short if len(short) <= longest else short[: longest - 1] + "…"


def plain(text: str, longest: int = 40) -> str:
    """``text`` as it is read, on one line: a ``$`` would begin a formula."""
    return shortened(text, longest).replace("$", r"\$")


@contextmanager
def house_style(*texts: str) -> Iterator[None]:
    """Within it figures are made in the house style; ``texts`` are what the user named, in whatever script."""
    page = chosen()
    with fonts.of_labels():
        families = fonts.families("".join(texts) + fonts.CHINESE * (language() == "zh"))
        look = {**STYLE, "font.family": families, "font.size": page.type_size, "figure.dpi": page.dpi or DPI}
        with matplotlib.rc_context(look), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
            yield


def as_drawn(text: str) -> str:
    """A message made beforehand, in the language of the picture that is drawn now."""
    return str(english(text)) if language() == "en" else text


def letters_of(figure: Figure) -> str:
    """What is written in a picture, except next to ticks."""
    return "".join(texts(figure))


def texts(artist: Artist) -> Iterator[str]:
    """What is written in a part of a picture, except next to ticks: numbers, and to go through them takes long."""
    if isinstance(artist, Text):
        yield artist.get_text()
    for part in [artist.label] if isinstance(artist, Axis) else artist.get_children():
        yield from texts(part)


def to_bytes(figure: Figure, format: str) -> bytes:
    """The picture as a PNG, SVG or PDF file, byte-identical on every run.

    Args:
        figure: What to draw.
        format: "png", "svg" or "pdf".

    Example:
        >>> to_bytes(Figure(), "png")[1:4]
        b'PNG'
    """
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[format]
    buffer, page = io.BytesIO(), chosen()
    if page.size:
        _fit(figure, page.size)
    # where no font has the letters, text stays text in SVG: there it is right
    kept: dict[Any, Any] = {"svg.fonttype": "none"} if fonts.note_missing(letters_of(figure)) else {}
    with house_style(), matplotlib.rc_context(kept):
        figure.savefig(buffer, format=format, metadata=metadata, dpi=page.dpi or "figure")
    return buffer.getvalue()


def _fit(figure: Figure, size: tuple[float, float]) -> None:
    """Gives a figure that size; one whose parts have fixed places gets margins of the same shape instead."""
    if figure.get_layout_engine() is not None:
        figure.set_size_inches(*size)
        return
    old, shape = figure.get_size_inches(), size[0] / size[1]
    new = max(old[0], old[1] * shape), max(old[1], old[0] / shape)
    for axes in figure.axes:
        box = axes.get_position()
        left, bottom = 0.5 + (box.x0 - 0.5) * old[0] / new[0], 0.5 + (box.y0 - 0.5) * old[1] / new[1]
        axes.set_position((left, bottom, box.width * old[0] / new[0], box.height * old[1] / new[1]))
    figure.set_size_inches(*new)


def grid_of(panels: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure of that many panels in rows, each of ``size`` inches."""
    columns = min(panels, columns)
    rows = -(-panels // columns)
    figure = Picture(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for empty in axes[panels:]:
        empty.remove()
    return figure, axes[:panels]

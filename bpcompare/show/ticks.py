"""The ticks of a picture while it is drawn: placed once, and only those that are seen; to place them takes long."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

QUESTIONS = ("_update_ticks", "_get_ticklabel_bboxes")  # which ticks there are, and where: Matplotlib's names
SLACK = 1e-6  # relative: Matplotlib draws a tick that is beyond the end by less


@contextmanager
def placed_once(figure: Figure) -> Iterator[None]:
    """Within it an axis places its ticks once for each size of the figure's parts, which are drawn as ever.

    Matplotlib has them placed for the margins, the labels, the titles and each of the four sides, and on a logarithmic
    axis for three decades more than are seen.

    Example:
        >>> from matplotlib.figure import Figure
        >>> drawn = Figure()
        >>> axes = drawn.add_subplot(xscale="log", xlim=(1, 10))
        >>> with placed_once(drawn):
        ...     axes.xaxis.get_minorticklocs().tolist()
        [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    """
    panels = figure.axes
    with ExitStack() as stack:
        for axis in [axis for axes in panels for axis in (axes.xaxis, axes.yaxis)]:
            answers = {name: _once(getattr(axis, name), panels) for name in QUESTIONS if hasattr(axis, name)}
            for name, answer in {**answers, "get_minorticklocs": _seen(axis)}.items():
                setattr(axis, name, answer)
                stack.callback(delattr, axis, name)
        yield


def _once(place: Callable[..., Any], panels: Sequence[Axes]) -> Callable[..., Any]:
    last: dict[Any, Any] = {}

    def placed(*ticks_and_renderer: Any) -> Any:
        # the sizes of all axes: some share their ticks
        sizes = b"".join(box.get_points().tobytes() for axes in panels for box in (axes.bbox, axes.viewLim))
        key = sizes, *ticks_and_renderer[1:]
        if key not in last:
            last.clear()
            last[key] = place(*ticks_and_renderer)
        return last[key]

    return placed


def _seen(axis: Axis) -> Callable[[], np.ndarray[Any, Any]]:
    """Where the small ticks of an axis are, without those beyond its ends."""
    everywhere = axis.get_minorticklocs

    def seen() -> np.ndarray[Any, Any]:
        places = everywhere()
        if axis.get_scale() != "log":
            return places
        low, high = sorted(axis.get_view_interval())
        return places[(places >= low * (1 - SLACK)) & (places <= high * (1 + SLACK))]

    return seen

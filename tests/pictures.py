"""Pictures as tests of numbers, words and exit codes want them: composed, but not rendered as they are.

That every picture can be rendered is what tests/show is about.
"""

import collections
import contextlib
import hashlib
from collections.abc import Iterator
from unittest import mock

TO_BYTES = "bpcompare.show.style.to_bytes"


@contextlib.contextmanager
def unrendered() -> Iterator[None]:
    """Within it the file of every figure is empty: to render it would take most of the time of a command."""
    with mock.patch(TO_BYTES, return_value=b""):
        yield


@contextlib.contextmanager
def unpictured() -> Iterator[None]:
    """Within it the file of every figure is empty, and figures of runs are not even composed: that takes as long."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(unrendered())
        for kind in ("comparison", "network", "sweep"):
            figures = f"bpcompare.show.{kind}_figures.figures"
            stack.enter_context(mock.patch(figures, return_value=collections.defaultdict(object)))
        yield


def without_ticks(figure):
    """The figure for a test of names: to place and to set its ticks takes long, and what stands there is no name."""
    from matplotlib.ticker import NullLocator

    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        axis.set_major_locator(NullLocator())
        axis.set_minor_locator(NullLocator())
    return figure


@contextlib.contextmanager
def unticked() -> Iterator[None]:
    """Within it every figure is rendered without its ticks."""
    from bpcompare.show.style import to_bytes

    with mock.patch(TO_BYTES, lambda figure, format: to_bytes(without_ticks(figure), format)):
        yield


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Within it the file of every figure holds its texts, all but the numbers next to ticks."""
    from bpcompare.show.style import texts

    def written(figure, format):
        return "\n".join(texts(figure)).encode()

    with mock.patch(TO_BYTES, written):
        yield


@contextlib.contextmanager
def sketched() -> Iterator[None]:
    """Within it every figure is a small real file of its format, with one line, which differs where its lines do."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from bpcompare.show.style import to_bytes

    def sketch(figure, format):
        lines = [line.get_xydata().tobytes() for axes in figure.axes for line in axes.lines]
        heights = [byte / 255 for byte in hashlib.sha256(b"".join(lines)).digest()]
        small = Figure(figsize=(1, 0.5), dpi=50)
        small.add_artist(Line2D([place / 31 for place in range(32)], heights))  # a text would bring its font
        return to_bytes(small, format)

    with mock.patch(TO_BYTES, sketch):
        yield

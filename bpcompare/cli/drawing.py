"""Graphs as pictures: where PyTorch has yet to load, a second process gets ready to draw them meanwhile."""

from __future__ import annotations

import pickle
import sys
from contextlib import contextmanager, suppress
from functools import partial

from bpcompare.language import language
from bpcompare.workers import cores, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection, Iterator

    Draw = Callable[[str, str], bytes]  # a picture in Graphviz's language, and a format

BY_MATPLOTLIB = {"png", "pdf"}


@contextmanager
def ready(formats: Collection[str], style: str = "paper", dpi: int | None = None) -> Iterator[Draw]:
    """Within it graphs can be drawn, by a second process if that saves time.

    Args:
        formats: What will be asked for; SVG needs nothing that takes long to load.
        style: What the pictures are drawn for.
        dpi: Their dots per inch; None for those of the style.
    """
    worker = None
    if "torch" not in sys.modules and cores() > 1 and not BY_MATPLOTLIB.isdisjoint(formats):
        with suppress(OSError):  # where no further process may be started
            worker = start("bpcompare.cli.drawing_worker", language(), style, str(dpi or ""))
    if worker is None:
        yield _drawn_here
        return
    try:
        yield partial(_drawn_by, worker)
    finally:
        worker.kill()  # it has nothing to put away
        worker.communicate()  # waits for that, and closes what leads to it


def _drawn_here(dot: str, format: str) -> bytes:
    from bpcompare.show.graph_pictures import picture

    return picture(dot, format)


def _drawn_by(worker: subprocess.Popen[bytes], dot: str, format: str) -> bytes:
    """The picture by that process; by this one where that cannot, so that whatever is to be said is said here."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    content = b""
    if format in BY_MATPLOTLIB:
        with suppress(OSError, EOFError, pickle.UnpicklingError):
            pickle.dump((dot, format), worker.stdin)
            worker.stdin.flush()
            content = pickle.load(worker.stdout)
    return content or _drawn_here(dot, format)

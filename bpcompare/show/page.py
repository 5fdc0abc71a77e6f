"""What pictures are drawn for, a page or a slide, and how finely: chosen once per command."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """The size of pictures and of their type.

    Attributes:
        dpi: Dots per inch of a PNG; None for those of each picture.
        type_size: Of the text, in points.
        size: Width and height of every picture in inches; None for that of each picture.
    """

    dpi: int | None = None
    type_size: float = 10.0
    size: tuple[float, float] | None = None


PAGES = {"paper": Page(), "slides": Page(dpi=200, type_size=14.0, size=(9.6, 5.4))}

_chosen: ContextVar[Page] = ContextVar("page", default=PAGES["paper"])


def chosen() -> Page:
    """The page that pictures are drawn for now.

    Example:
        >>> chosen().type_size
        10.0
    """
    return _chosen.get()


@contextmanager
def drawn_for(style: str, dpi: int | None = None) -> Iterator[None]:
    """Within it every picture is drawn in a style, "paper" or "slides", at ``dpi`` or the style's own.

    Example:
        >>> with drawn_for("slides", 96):
        ...     chosen().size, chosen().dpi
        ((9.6, 5.4), 96)
    """
    page = PAGES[style]
    token = _chosen.set(page if dpi is None else Page(dpi, page.type_size, page.size))
    try:
        yield
    finally:
        _chosen.reset(token)

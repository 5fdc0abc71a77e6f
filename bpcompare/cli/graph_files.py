"""The files that a graph is drawn into: one ordered map, name → maker, that both predicts and produces them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bpcompare.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bpcompare.cli.drawing import Draw

    Maker = Callable[[Mapping[str, str], Draw], bytes]  # of the pictures by name, in Graphviz's language


def picture_makers(names: Iterable[str], formats: Iterable[str]) -> dict[str, Maker]:
    """For every picture its source NAME.gv, and NAME.svg, NAME.png and NAME.pdf as asked for."""
    return {
        f"{name}.{format}": partial(_picture, name=name, format=format) for name in names for format in ("gv", *formats)
    }


def made(
    makers: Mapping[str, Maker], dots: Mapping[str, str], draw: Draw
) -> tuple[dict[str, bytes], InputError | None]:
    """The files, and why some of them could not be drawn; the sources are always there."""
    files: dict[str, bytes] = {}
    reason = None
    for name, maker in makers.items():
        try:
            files[name] = maker(dots, draw)
        except InputError as error:
            reason = error
    return files, reason


def _picture(dots: Mapping[str, str], draw: Draw, *, name: str, format: str) -> bytes:
    return dots[name].encode() if format == "gv" else draw(dots[name], format)

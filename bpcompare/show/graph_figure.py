"""A computation graph as a figure: Graphviz lays it out, matplotlib draws it."""

import json
import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, PathPatch, Polygon
from matplotlib.path import Path as Curve

from bpcompare.graph.dot import layout
from bpcompare.show import fonts

FONTS = {"Courier": "DejaVu Sans Mono"}
DPI = 200


def figure(dot: str) -> Figure:
    """The picture that Graphviz lays out, drawn by matplotlib at its true size.

    Raises:
        InputError: It has more than 150 nodes.
    """
    laid_out = json.loads(layout(dot, "json"))
    left, bottom, right, top = map(float, laid_out["bb"].split(","))
    margin = 6.0
    size = (right - left + 2 * margin, top - bottom + 2 * margin)
    families = fonts.families(dot)
    drawn = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=DPI, facecolor="white")
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(left - margin, right + margin), ylim=(bottom - margin, top + margin))
    for part in [laid_out, *laid_out.get("edges", []), *laid_out.get("objects", [])]:
        for stage in ("_draw_", "_hdraw_", "_tdraw_", "_ldraw_"):
            _draw(axes, part.get(stage, []), is_background=part is laid_out, families=families)
    return drawn


def _draw(axes: Axes, steps: list[dict[str, Any]], is_background: bool, families: list[str]) -> None:
    """Graphviz's drawing steps: first the pens, then what is drawn with them."""
    line, fill, dashes, width, font, size = "black", "white", "solid", 0.9, "DejaVu Sans", 12.0
    for step in steps:
        kind = step["op"]
        look: Any = {
            "edgecolor": line,
            "facecolor": fill if kind.isupper() else "none",
            "linestyle": dashes,
            "linewidth": width,
        }
        if kind == "c":
            line = step["color"]
        elif kind == "C":
            fill = step["color"]
        elif kind == "S":
            width = float((re.findall(r"setlinewidth\(([\d.]+)\)", step["style"]) or [width])[0])
            dashes = step["style"] if step["style"] in ("dashed", "dotted") else "solid"
        elif kind == "F":
            font, size = FONTS.get(step["face"], "DejaVu Sans"), step["size"]
        elif kind == "T":
            place = {"l": "left", "c": "center", "r": "right"}[step["align"]]
            x, y = step["pt"]
            font_of = {"family": list(dict.fromkeys([font, *families])), "size": size}  # each is looked for
            axes.text(x, y, step["text"], font_of, ha=place, va="baseline", color=line, parse_math=False)
        elif kind in "bB":
            points = step["points"]
            axes.add_artist(PathPatch(Curve(points, [Curve.MOVETO, *[Curve.CURVE4] * (len(points) - 1)]), **look))
        elif kind in "pP" and not is_background:
            axes.add_artist(Polygon(step["points"], closed=True, **look))
        elif kind in "eE":
            x, y, width, height = step["rect"]
            axes.add_artist(Ellipse((x, y), 2 * width, 2 * height, **look))

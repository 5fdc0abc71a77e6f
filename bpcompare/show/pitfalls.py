"""A pitfall as a picture and as a page: what was predicted next to what was measured."""

import io
import math
from collections.abc import Collection, Sequence

from matplotlib.figure import Figure
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table

from bpcompare.language import N_, _, english
from bpcompare.lessons.pitfalls.pitfall import Pitfall, Prediction
from bpcompare.show.style import Picture, as_drawn, house_style, line_styles, markers_apart, plain
from bpcompare.show.terminal import wrapped

WIDTH = 80  # characters
LABELS = {
    "predicted": N_("the mistake, as predicted"),
    "mistake": N_("the mistake, as measured"),
    "right": N_("the right way"),
}


def figure(pitfall: Pitfall) -> Figure:
    """The curves of a pitfall: the mistake over its own prediction, and the right way.

    Example:
        >>> from bpcompare.lessons.pitfalls.learning_rate import run
        >>> [line.get_label() for line in figure(run("ascent")).axes[0].lines]
        ['the mistake, as predicted', 'the mistake, as measured', 'the right way']
    """
    with house_style():
        picture = Picture(figsize=(7.0, 4.2), layout="constrained")
        axes = picture.add_subplot()
        for place, (name, style) in enumerate(line_styles(LABELS).items()):
            values = [value if math.isfinite(value) else math.nan for value in pitfall.curves[name]]
            look = {**markers_apart(style, place, len(values)), "label": _(LABELS[name])}
            axes.plot(range(len(values)), values, **look)
        if "nodes" not in english(pitfall.quantity):
            axes.set_yscale("log")
        axes.set_xlabel(_("step"))
        axes.set_ylabel(_(as_drawn(pitfall.quantity)))
        axes.set_title(wrapped(plain(as_drawn(pitfall.title), 200), 70), y=1.0)  # given: to look for it takes long
        picture.legend(loc="outside lower center", ncols=3)
    return picture


def page(pitfall: Pitfall) -> str:
    """Everything about one pitfall: the mistake, what is predicted, what was measured, the remedy."""
    headings = (_("predicted beforehand"), _("predicted"), _("measured"), _("within"), "")
    rows = [_row(prediction) for prediction in pitfall.predictions]
    return "\n".join(
        [
            wrapped(_("{name}: {title}", name=pitfall.name, title=pitfall.title), WIDTH),
            "",
            _code(_("mistake"), pitfall.mistake),
            _code(_("remedy"), pitfall.remedy),
            "",
            wrapped(pitfall.explanation, WIDTH),
            _table(headings, rows, words=(0,)),
        ]
    )


def _code(label: str, line: str) -> str:
    """A line of code, its comment below it where both together are too long."""
    text = f"  {set_cell_size(label, 9)}{line}"
    return text if cell_len(text) <= WIDTH else text.replace("  # ", f"\n{'':11}# ")


def overview(pitfalls: list[Pitfall]) -> str:
    """One line for each pitfall: its first prediction, and whether all of them hold."""
    headings = (_("pitfall"), _("first prediction"), _("predicted"), _("measured"), _("all hold"))
    rows = [(pitfall.name, *_row(pitfall.predictions[0])[:3], "✓" if pitfall.holds else "✗") for pitfall in pitfalls]
    return _table(headings, rows, words=(0, 1, 4))


def _row(prediction: Prediction) -> tuple[str, str, str, str, str]:
    within = _("exactly") if prediction.tolerance == 0 and not prediction.at_most else f"{prediction.tolerance:.2g}"
    predicted = f"{'≤ ' if prediction.at_most else ''}{prediction.predicted:.6g}"
    return prediction.what, predicted, f"{prediction.measured:.6g}", within, "✓" if prediction.holds else "✗"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[int]) -> str:
    """The rows below each other in `WIDTH`; the widest column breaks as sentences do."""
    sizes = [max(map(cell_len, column)) for column in zip(headings, *rows, strict=True)]
    widest = sizes.index(max(sizes))
    room = WIDTH - 2 - sum(size + 3 for place, size in enumerate(sizes) if place != widest)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        kept = min(room, sizes[place]) if place == widest else None
        table.add_column(heading, justify="left" if place in words else "right", min_width=kept, overflow="fold")
    for row in rows:
        table.add_row(*(wrapped(cell, room) if place == widest else cell for place, cell in enumerate(row)))
    stream = io.StringIO()
    Console(file=stream, width=WIDTH, highlight=False, legacy_windows=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())

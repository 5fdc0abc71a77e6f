"""A sweep as tables for the terminal, with what is to be said of them."""

import math
from collections.abc import Iterator

from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from torch import Tensor

from bpcompare.language import _, ngettext
from bpcompare.problem.parameter_names import entries
from bpcompare.show.sweep_sentences import sentences
from bpcompare.show.terminal import new_table, percent, text
from bpcompare.show.verdicts import on_device
from bpcompare.sweeps.summary import Spread, Summary

ROOM = 78  # characters for a row of a table that fits 80 columns
MOST_PARAMETERS = 20  # rows of the table of spreads; the rest is in sweep.json


def render(summary: Summary, *, width: int | None = None, color: bool = False) -> str:
    """The best rate of each method, the spread over the seeds, and what theory says of both.

    Example:
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.sweeps.sweep import sweep
        >>> print(render(Summary(sweep([line()], [0.01, 0.1], ["manual"]))).splitlines()[0])
        line: 2 runs = 1 method × 2 rates × 1 seed, 50 epochs each
    """
    sweep = summary.sweep
    methods, rates, seeds = len(sweep.methods), len(sweep.rates), len(sweep.problems)
    head = _(
        "{name}: {runs:,} runs = {methods} × {rates} × {seeds}, {epochs:,} epochs each",
        name=sweep.problems[0].name,
        runs=methods * rates * seeds,
        methods=ngettext("{n:,} method", "{n:,} methods", methods),
        rates=ngettext("{n:,} rate", "{n:,} rates", rates),
        seeds=ngettext("{n:,} seed", "{n:,} seeds", seeds),
        epochs=sweep.epochs,
    )
    head = on_device(head, sweep.device, sweep.device_name)
    parts: list[Table | str] = [
        head,
        "",
        _best(summary, width),
        "",
        _stable(summary, width),
    ]
    if summary.spread is not None:
        parts += _spreads(summary, summary.spread, width)
    return text([*parts, "", *sentences(summary)], width, color)


def _best(summary: Summary, width: int | None) -> Table:
    table = _of_methods(width, _("best lr"), _("median loss"), _("gap left"))
    for row in summary.best:
        if row.lr is None or row.loss is None or row.gap_left is None:
            table.add_row(_folded(row.method), _("none"), "–", "–")
        else:
            table.add_row(
                _folded(row.method),
                f"{row.lr:.4g}",
                f"{row.loss:.6g}",
                percent(100 * row.gap_left, ".3g"),
            )
    return table


def _stable(summary: Summary, width: int | None) -> Table:
    table = _of_methods(width, _("stable up to lr"), _("diverged"), _("ended worse"), _("runs"))
    for row in summary.best:
        highest = _("none") if row.highest_good_lr is None else f"{row.highest_good_lr:.4g}"
        counts = (f"{number:,}" for number in (row.diverged, row.worse, row.runs))
        table.add_row(_folded(row.method), f"≥ {highest}" if row.all_rates_good else highest, *counts)
    return table


def _of_methods(width: int | None, *headings: str) -> Table:
    table = new_table(width)
    table.add_column(_("method"))
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _folded(method: str) -> str:
    """A method's name, in two lines where it is long."""
    name = escape(method)
    return name.replace("+", "+\n", 1) if len(method) > 16 else name


def _spreads(summary: Summary, spread: Spread, width: int | None) -> Iterator[Table | str]:
    columns = {_("theory"): spread.theory, _("least squares"): spread.least_squares, **spread.learned}
    names = [entry.name for entry in entries(summary.sweep.problems[0])]
    first = _("spread over the seeds")
    for group in _groups(columns, ROOM - 2 - max(map(cell_len, [first, *names[:MOST_PARAMETERS]]))):
        table = new_table(width)
        table.add_column(first)
        for heading in group:
            table.add_column(_folded(heading), justify="right")
        for k, name in enumerate(names[:MOST_PARAMETERS]):
            table.add_row(escape(name), *[_cell(columns[heading], k) for heading in group])
        yield ""
        yield table
    if len(names) > MOST_PARAMETERS:
        yield _("… and {count:,} more numbers in sweep.json", count=len(names) - MOST_PARAMETERS)


def _groups(headings: dict[str, Tensor | None], room: int) -> Iterator[list[str]]:
    """As many columns at a time as fit."""
    group: list[str] = []
    for heading in headings:
        if group and sum(_room(other) for other in [*group, heading]) > room:
            yield group
            group = []
        group.append(heading)
    yield group


def _room(heading: str) -> int:
    return max(10, *map(cell_len, _folded(heading).split("\n"))) + 3


def _cell(values: Tensor | None, k: int) -> str:
    value = math.nan if values is None else values.flatten()[k].item()
    return "–" if math.isnan(value) else f"{value:.4g}"

"""A sweep as tables and sentences for the terminal."""

import math
from collections.abc import Iterator

import torch
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from torch import Tensor

from bpcompare.language import N_, _, listed, ngettext
from bpcompare.problem.parameter_names import entries
from bpcompare.show.terminal import new_table, percent, text
from bpcompare.show.verdicts import on_device
from bpcompare.sweeps.best_rate import BestRate
from bpcompare.sweeps.summary import Spread, Summary

ROOM = 78  # characters for a row of a table that fits 80 columns
MOST_PARAMETERS = 20  # rows of the table of spreads; the rest is in sweep.json
UNIQUE_SPREAD = N_(
    "spread     every seed has the same table and another start, so that least squares has no spread; what is spread "
    "has not converged."
)
START_SPREAD = N_(
    "spread     every seed has the same table and another start, so that least squares has no spread; what is spread "
    "is the start, in directions in which nothing ever moves."
)


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
    return text([*parts, "", *_sentences(summary)], width, color)


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


def _sentences(summary: Summary) -> Iterator[str]:
    if not bool(summary.limits.isfinite().all()):
        yield _("limit      the inputs are all 0: gradient descent never moves, at any rate.")
        return
    yield _(
        "limit      gradient descent converges below lr 2/λmax = {limit}, however many epochs it has.",
        limit=_over_seeds(summary.limits),
    )
    yield _(
        "best       in the long run lr 2/(λmin + λmax) = {lr:.6g} is the fastest for it; the table has the fastest of "
        "the rates tried, after {epochs}.",
        lr=summary.best_by_theory.median().item(),
        epochs=ngettext("{n:,} epoch", "{n:,} epochs", summary.sweep.epochs),
    )
    for row in summary.best:
        yield from _remarks(summary, row)
    yield _("gradients  for speed, gradients come from XᵀX and Xᵀy: the same numbers but for rounding.")
    if summary.spread is not None:
        yield from _about_spread(summary, summary.spread)


def _over_seeds(values: Tensor) -> str:
    low, high = values.min().item(), values.max().item()
    if high - low <= 1e-3 * high:
        return f"{low:.6g}"
    return _("{low:.4g} to {high:.4g}, by the seed", low=low, high=high)


def _remarks(summary: Summary, row: BestRate) -> Iterator[str]:
    """What is to be said of a method's row, so that its end of the grid is not taken for a result."""
    rates = summary.sweep.rates
    if row.place is None:
        yield _(
            "note       {method}: nothing worked. At every rate tried {failure}; {remedy}.",
            method=row.method,
            failure=_failure(row),
            remedy=_what_to_try(summary, row),
        )
        return
    last, first = rates[-1].item(), rates[0].item()
    if row.all_rates_good:
        yield _(
            "note       {method}: no rate tried was too large. The rates end at {last:.4g}; its limit is higher.",
            method=row.method,
            last=last,
        )
    if row.lr == last and len(rates) > 1:
        yield _(
            "note       {method}: the best rate is the largest one tried; larger ones may be better.", method=row.method
        )
    elif row.lr == first and len(rates) > 1:
        yield _(
            "note       {method}: the best rate is the smallest one tried; smaller ones may be better.",
            method=row.method,
        )


def _failure(row: BestRate) -> str:
    if row.diverged == row.runs:
        return _("all runs diverged")
    return _(
        "most runs diverged or ended worse than they began ({diverged:,} and {worse:,} of {runs:,})",
        diverged=row.diverged,
        worse=row.worse,
        runs=row.runs,
    )


def _what_to_try(summary: Summary, row: BestRate) -> str:
    sweep = summary.sweep
    kind = next(m.canonical_update for m in sweep.methods if m.name == row.method)
    limit, smallest = summary.limits.min().item(), sweep.rates[0].item()
    descent = kind == "GradientDescent" and math.isfinite(limit)
    high = 0.99 * min(limit, smallest) if descent else min(smallest, 1.0)
    remedy = _("try {options}", options=f"--lr {high / 1000:.3g}:{high:.3g}:log:50")
    if sweep.problems[0].scaling is None:
        remedy = _("{remedy}, or --standardize with rates up to 1", remedy=remedy)
    if descent and smallest >= limit:
        return _("gradient descent is stable only below lr {limit:.4g}: {remedy}", limit=limit, remedy=remedy)
    return remedy


def _about_spread(summary: Summary, spread: Spread) -> Iterator[str]:
    seeds = len(summary.sweep.problems)
    if summary.noise is None:
        unique = all(optimum.unique for optimum in summary.optima)
        yield _(UNIQUE_SPREAD if unique else START_SPREAD)
        return
    if spread.theory is not None and summary.noise > 0:
        yield _(
            "spread     theory is √diag σ²(XᵀX)⁻¹ with σ = {noise:g}. Over {seeds:,} seeds the spread of least squares "
            "is {ratio} times as large; chance alone moves it by about {part}.",
            noise=summary.noise,
            seeds=seeds,
            ratio=_ratio(spread.least_squares, spread.theory),
            part=percent(100 / math.sqrt(2 * (seeds - 1)), ".0f"),
        )
    ratios = [
        f"{name} {_ratio(values, spread.least_squares)}"
        for name, values in spread.learned.items()
        if bool((spread.least_squares > 0).all()) and not bool(values.isnan().any())
    ]
    if ratios and summary.noise > 0:
        yield _(
            "           Next to least squares: {ratios} times as large; above 1 the start still shows.",
            ratios=listed(ratios),
        )


def _ratio(values: Tensor, others: Tensor) -> str:
    ratios = torch.as_tensor(values / others)
    low, high = f"{ratios.min().item():.2f}", f"{ratios.max().item():.2f}"
    return low if low == high else _("{low} to {high}", low=low, high=high)

"""A sweep as tables and sentences for the terminal."""

import math
from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from bpcompare.problem.parameter_names import entries
from bpcompare.show.terminal import new_table, text
from bpcompare.sweeps.summary import Spread, Summary


def render(summary: Summary, *, width: int | None = None, color: bool = False) -> str:
    """The best rate of each way, the spread over the seeds, and what theory says of both.

    Example:
        >>> from bpcompare.problem.problem import line
        >>> from bpcompare.sweeps.sweep import sweep
        >>> print(render(Summary(sweep([line()], [0.01, 0.1], ["manual"]))).splitlines()[0])
        line: 2 runs = 1 methods × 2 rates × 1 seeds, 50 epochs each
    """
    sweep = summary.sweep
    counts = len(sweep.methods), len(sweep.rates), len(sweep.problems)
    head = (
        f"{sweep.problems[0].name}: {math.prod(counts):,} runs = {counts[0]} methods × {counts[1]:,} rates × "
        f"{counts[2]:,} seeds, {sweep.epochs:,} epochs each"
    )
    parts: list[Table | str] = [head, _best(summary, width)]
    if summary.spread is not None:
        parts.append(_spreads(summary, summary.spread, width))
    return text([*parts, "", *_sentences(summary)], width, color)


def _best(summary: Summary, width: int | None) -> Table:
    table = new_table(width)
    table.add_column("method")
    for heading in ("best lr", "median loss", "gap left", "stable up to lr", "diverged", "ended worse", "runs"):
        table.add_column(heading, justify="right")
    for row in summary.best:
        table.add_row(
            escape(row.method),
            f"{row.lr:.4g}",
            f"{row.loss:.6g}",
            f"{100 * row.gap_left:.3g} %",
            "none" if row.highest_good_lr is None else f"{row.highest_good_lr:.4g}",
            f"{row.diverged:,}",
            f"{row.worse:,}",
            f"{row.runs:,}",
        )
    return table


def _spreads(summary: Summary, spread: Spread, width: int | None) -> Table:
    table = new_table(width)
    table.add_column("spread over the seeds of")
    for heading in ("theory", "least squares", *spread.learned):
        table.add_column(escape(heading), justify="right")
    for k, entry in enumerate(entries(summary.sweep.problems[0])):
        theory = "–" if spread.theory is None else f"{spread.theory.flatten()[k].item():.4g}"
        columns = [spread.least_squares, *spread.learned.values()]
        table.add_row(escape(entry.name), theory, *[f"{values.flatten()[k].item():.4g}" for values in columns])
    return table


def _sentences(summary: Summary) -> Iterator[str]:
    limits, seeds = summary.limits, len(summary.sweep.problems)
    low, high = limits.min().item(), limits.max().item()
    told = f"{low:.6g}" if high - low <= 1e-3 * high else f"{low:.4g} to {high:.4g} over the seeds"
    yield f"limit      gradient descent is stable up to lr 2/λmax = {told}, whatever the number of epochs."
    yield (
        f"best       in the long run lr 2/(λmin + λmax) = {summary.best_by_theory.median().item():.6g} is best for it; "
        f"after {summary.sweep.epochs:,} epochs the best of the rates tried is in the table."
    )
    yield "gradients  of every way are taken from the moments of the data: the same numbers but for rounding."
    if seeds < 2:
        return
    if summary.noise is None:
        yield "spread     the table is the same for every seed, only the start differs: what is spread has not arrived."
    else:
        yield (
            f"spread     theory is √diag σ²(XᵀX)⁻¹ with σ = {summary.noise:g}; {seeds:,} seeds tell a deviation to "
            f"within {100 / math.sqrt(2 * (seeds - 1)):.0f} %, and what has not converged keeps some of its start."
        )

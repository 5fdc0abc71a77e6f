"""What is to be said of a sweep, under its tables."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from bpcompare.language import N_, _, listed, ngettext
from bpcompare.show.terminal import percent
from bpcompare.sweeps.best_rate import BestRate
from bpcompare.sweeps.summary import Spread, Summary

UNIQUE_SPREAD = N_(
    "spread     every seed has the same table and another start, so that least squares has no spread; what is spread "
    "has not converged."
)
START_SPREAD = N_(
    "spread     every seed has the same table and another start, so that least squares has no spread; what is spread "
    "is the start, in directions in which nothing ever moves."
)


def sentences(summary: Summary) -> Iterator[str]:
    """What theory says of the rates, what is to be known of a method's row, and of the spread over the seeds."""
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

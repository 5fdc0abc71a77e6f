"""The pictures of a sweep."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from bpcompare.language import _
from bpcompare.show import sweep_spread
from bpcompare.show.style import GREY, Picture, grid_of, house_style, line_styles, plain
from bpcompare.sweeps.summary import Summary
from bpcompare.sweeps.sweep import Sweep
from bpcompare.training.methods import Method

HIGHEST = 30.0  # starting gaps: what ends higher leaves the picture
LOWEST = 1e-9  # of the starting gap: less is shown as that
FARTHEST = 1e250  # the highest rate drawn; a logarithmic axis with its margin must end below 1e308
# Dashes that no method has, each for one thing in every picture.
LIMIT: dict[str, Any] = {"color": "black", "linewidth": 1.4, "linestyle": "-"}
BEST: dict[str, Any] = {"color": "black", "linewidth": 1.4, "linestyle": (0, (7, 2, 1, 2, 1, 2))}
OUTLINE: list[patheffects.AbstractPathEffect] = [patheffects.withStroke(linewidth=3.4, foreground="white")]
DIVERGED: dict[str, Any] = {"facecolor": "white", "edgecolor": "#c8c8c8", "hatch": "///", "linewidth": 0}
MOST_PANELS = 6


def figures(summary: Summary, on_picture: Callable[[], object] | None = None) -> dict[str, Figure]:
    """The pictures of a sweep by file name: "sweep", "sweep_map" and, of more than one seed, "sweep_spread".

    Args:
        summary: What to draw.
        on_picture: Called after every picture.

    Example:
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.sweeps.sweep import sweep
        >>> list(figures(Summary(sweep([line()], [0.01, 0.1], ["manual"], epochs=2))))
        ['sweep', 'sweep_map']
    """
    problem = summary.sweep.problems[0]
    makers: dict[str, Callable[[Summary], Figure]] = {"sweep": _curves, "sweep_map": _map}
    if summary.spread is not None:
        makers["sweep_spread"] = partial(sweep_spread.figure, styles=_styles(summary))
    drawn = {}
    with house_style(problem.name, *problem.x_names, *problem.y_names):
        for name, make in makers.items():
            drawn[name] = make(summary)
            if on_picture:
                on_picture()
    return drawn


def _rates(summary: Summary) -> Tensor:
    return summary.sweep.rates.clamp(1 / FARTHEST, FARTHEST)


def _curves(summary: Summary) -> Figure:
    """What is left of the starting gap against the rate, and below it how many runs ended worse than they began."""
    figure = Picture(figsize=(8.6, 6.6), layout="constrained")
    left, lost = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    rates = _rates(summary).tolist()
    for i, (name, style) in enumerate(_styles(summary).items()):
        look = {**style, "linewidth": min(style["linewidth"], 3.0), "markevery": max(1, len(rates) // 16)}
        if len(rates) == 1:  # a point has no line
            look.setdefault("marker", "o")
        _gaps(left, summary, i, look)
        worse = (summary.gaps_left[i, -1] > 1).double().mean(0) * 100
        lost.plot(rates, worse.tolist(), **{**look, "drawstyle": "steps-mid", "label": "_" + name})
    if any(map(_descends, summary.sweep.methods)):
        _theory(left, summary, label=True)
        _theory(lost, summary, label=False)
    bottom = min(_least(summary.gaps_left[:, -1]) / 3, 0.1)
    left.set(xscale="log", yscale="log", ylim=(bottom, HIGHEST), ylabel=_("part of the starting gap that is left"))
    left.axhline(1, color=GREY, linewidth=0.8)
    left.set_title(_title(summary))
    left.legend(loc="lower left")
    lost.set(xlabel=_("learning rate"), ylabel=_("runs that ended\nworse, %"), ylim=(-4, 104))
    return figure


def _title(summary: Summary) -> str:
    """Says what is drawn, and only that."""
    seeds = len(summary.sweep.problems)
    said = _("after {epochs:,} epochs", epochs=summary.sweep.epochs)
    if not bool((summary.medians[:, -1] <= HIGHEST).any()):
        return _("{after}: no run of any rate ended where this picture reaches", after=said)
    if seeds > 1:
        said = _("{after}; median of {seeds:,} seeds, band 10–90 %", after=said, seeds=seeds)
    if any(row.place is not None for row in summary.best):
        said = _("{said}; star: best rate", said=said)
    return said


def _gaps(axes: Axes, summary: Summary, method: int, look: dict[str, Any]) -> None:
    """The median over the seeds with its band, and a star at the best rate."""
    rates, final = _rates(summary).tolist(), summary.gaps_left[method, -1].clamp(min=LOWEST)
    low, middle, high = (final.quantile(q, dim=0, interpolation="nearest") for q in (0.1, 0.5, 0.9))
    shown = middle <= HIGHEST**3  # far enough for the line to leave the picture
    if len(final) > 1:
        band = low.tolist(), high.clamp(max=1e6).tolist()
        axes.fill_between(rates, *band, where=shown.tolist(), color=look["color"], alpha=0.2)
    axes.plot(rates, torch.where(shown, middle, math.nan).tolist(), **look)
    row = summary.best[method]
    if row.lr is not None and row.gap_left is not None:
        star = {"color": look["color"], "markersize": 15, "markeredgecolor": "black"}
        axes.plot(row.lr, max(row.gap_left, LOWEST), "*", **star)


def _styles(summary: Summary) -> dict[str, dict[str, Any]]:
    """A line style for each method; the second, made to lie on the first, is left out: no two coincide here."""
    first, *others = [method.name for method in summary.sweep.methods]
    styles = line_styles([first, "", *others])
    return {name: styles[name] for name in (first, *others)}


def _descends(method: Method) -> bool:
    return method.canonical_update == "GradientDescent"


def _theory(axes: Axes, summary: Summary, label: bool) -> None:
    """Gradient descent's largest stable rate as a line, or as a band where the seeds' inputs differ; and its best."""
    limits = summary.limits
    if not bool(limits.isfinite().all()):
        return
    middle = limits.median().item()
    text = _("gradient descent's limit by theory, 2/λmax = {limit:.4g}", limit=middle)
    axes.axvline(middle, **LIMIT, label=text if label else None)
    if (limits.max() - limits.min()).item() > 0.01 * middle:
        axes.axvspan(limits.min().item(), limits.max().item(), color="black", alpha=0.12, linewidth=0)
    best = summary.best_by_theory.median().item()
    text = _("its best in the long run, 2/(λmin + λmax) = {best:.4g}", best=best)
    axes.axvline(best, **BEST, label=text if label else None)


def _map(summary: Summary) -> Figure:
    """What is left of the gap (colour) after k epochs (up) at each rate (across), a panel for every method."""
    sweep, medians = summary.sweep, summary.medians
    figure, panels = grid_of(len(sweep.methods), 2, (5.0, 4.2))
    norm = LogNorm(min(10 ** math.floor(math.log10(_least(medians))), 0.1), 1.0)
    edges = _edges(_rates(summary).log()).exp().numpy(), _edges(sweep.checkpoints.double()).numpy()
    for part, method, axes in zip(medians, sweep.methods, panels, strict=True):
        colors = torch.where(part > 1, math.nan, part.clamp(min=norm.vmin)).numpy()
        worse = torch.where((part > 1) & part.isfinite(), 0.0, math.nan).numpy()
        mesh = axes.pcolormesh(*edges, colors, norm=norm, cmap="viridis", rasterized=True)
        axes.pcolormesh(*edges, worse, vmin=0, vmax=1, cmap="Greys", rasterized=True)
        axes.patch.set(**DIVERGED)
        axes.set(xscale="log", xlabel=_("learning rate"), ylabel=_("epoch"), title=plain(method.name))
        low, high = edges[0][0], edges[0][-1]
        if _descends(method) and low < summary.limits.median().item() < high:
            _theory(axes, summary, label=method is next(filter(_descends, sweep.methods)))
            for drawn in axes.lines:
                drawn.set_path_effects(OUTLINE)  # seen on dark cells too
        axes.set(xlim=(low, high), ylim=(0, edges[1][-1]))
        axes.grid(False)
    if bool((medians <= 1).any()):
        figure.colorbar(mesh, ax=panels, label=_left(sweep))
    handles = [handle for axes in panels for handle in axes.get_legend_handles_labels()[0]]
    if bool((medians.isfinite() & (medians > 1)).any()):
        handles.append(Patch(facecolor="white", edgecolor=GREY, label=_("white: worse than the start")))
    if bool(medians.isinf().any()):
        label = _("hatched: diverged, beyond the range of numbers")
        handles.append(Patch(**{**DIVERGED, "linewidth": 0.5}, label=label))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _left(sweep: Sweep) -> str:
    seeds = len(sweep.problems)
    return _("part of the gap left, median of {seeds:,} seeds", seeds=seeds) if seeds > 1 else _("part of the gap left")


def _least(parts: Tensor) -> float:
    return max(parts.min().item(), LOWEST) if bool(parts.isfinite().any()) else LOWEST


def _edges(centres: Tensor) -> Tensor:
    """Where the cells around these centres meet."""
    if len(centres) == 1:
        return torch.stack([centres[0] - 0.5, centres[0] + 0.5])
    middles = (centres[1:] + centres[:-1]) / 2
    return torch.cat([(centres[:1] - (middles[:1] - centres[:1])), middles, 2 * centres[-1:] - middles[-1:]])

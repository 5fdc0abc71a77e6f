"""The pictures of a sweep."""

import math
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from bpcompare.problem.parameter_names import entries
from bpcompare.show.style import GREY, grid_of, house_style, line_styles, plain
from bpcompare.sweeps.summary import Summary

HIGHEST = 30.0  # starting gaps: what ends higher leaves the picture
LOWEST = 1e-9  # of the starting gap: less is shown as that
LIMIT: dict[str, Any] = {"color": "black", "linewidth": 1.4, "linestyle": "-"}
BEST: dict[str, Any] = {"color": GREY, "linewidth": 1.4, "linestyle": (0, (1, 1.5))}
MOST_PANELS = 6


def figures(summary: Summary) -> dict[str, Figure]:
    """The pictures of a sweep by file name: "sweep", "sweep_map" and, of more than one seed, "sweep_spread".

    Example:
        >>> from bpcompare.problem.problem import line
        >>> from bpcompare.sweeps.sweep import sweep
        >>> list(figures(Summary(sweep([line()], [0.01, 0.1], ["manual"], epochs=2))))
        ['sweep', 'sweep_map']
    """
    problem = summary.sweep.problems[0]
    with house_style(problem.name, *problem.x_names, *problem.y_names):
        drawn = {"sweep": _curves(summary), "sweep_map": _map(summary)}
        if summary.spread is not None:
            drawn["sweep_spread"] = _spread(summary)
    return drawn


def _curves(summary: Summary) -> Figure:
    """What is left of the starting gap against the rate, and below it how many runs ended worse than they began."""
    figure = Figure(figsize=(8.6, 6.6), layout="constrained")
    left, lost = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    rates = summary.sweep.rates.tolist()
    for i, (name, style) in enumerate(_styles(summary).items()):
        final = summary.gaps_left[i, -1].clamp(min=LOWEST)
        low, middle, high = (final.quantile(q, dim=0, interpolation="nearest") for q in (0.1, 0.5, 0.9))
        shown = middle <= HIGHEST**3  # far enough for the line to leave the picture
        look = {**style, "linewidth": min(style["linewidth"], 3.0), "markevery": 0.06}
        left.fill_between(
            rates, low.tolist(), high.clamp(max=1e6).tolist(), where=shown.tolist(), color=style["color"], alpha=0.2
        )
        left.plot(rates, torch.where(shown, middle, math.nan).tolist(), **look)
        row = summary.best[i]
        if shown[summary.places[i]]:
            left.plot(
                row.lr, max(row.gap_left, LOWEST), "*", color=style["color"], markersize=15, markeredgecolor="black"
            )
        worse = (summary.gaps_left[i, -1] > 1).double().mean(0) * 100
        lost.plot(rates, worse.tolist(), **{**look, "drawstyle": "steps-mid", "label": "_" + name})
    _theory(left, summary, label=True)
    _theory(lost, summary, label=False)
    bottom = min(_least(summary.gaps_left[:, -1]) / 3, 0.1)
    left.set(xscale="log", yscale="log", ylim=(bottom, HIGHEST), ylabel="part of the starting gap that is left")
    left.axhline(1, color=GREY, linewidth=0.8)
    seeds = len(summary.sweep.problems)
    left.set_title(f"after {summary.sweep.epochs:,} epochs; median of {seeds:,} seeds, band 10–90 %, star: best rate")
    left.legend(loc="lower left")
    lost.set(xlabel="learning rate", ylabel="runs that ended\nworse, %", ylim=(-4, 104))
    return figure


def _styles(summary: Summary) -> dict[str, dict[str, Any]]:
    """A line style for each way; the second one, made to lie on the first, is left out: no two ways coincide here."""
    first, *others = [method.name for method in summary.sweep.methods]
    styles = line_styles([first, "", *others])
    return {name: styles[name] for name in (first, *others)}


def _theory(axes: Axes, summary: Summary, label: bool) -> None:
    """The largest stable rate as a line, or as a band where the seeds' inputs differ."""
    limits = summary.limits
    if not bool(limits.isfinite().all()):
        return
    middle = limits.median().item()
    text = f"gradient descent's limit by theory, 2/λmax = {middle:.4g}"
    axes.axvline(middle, **LIMIT, label=text if label else None)
    if (limits.max() - limits.min()).item() > 0.01 * middle:
        axes.axvspan(limits.min().item(), limits.max().item(), color="black", alpha=0.12, linewidth=0)
    best = summary.best_by_theory.median().item()
    axes.axvline(best, **BEST, label=f"its best in the long run, 2/(λmin + λmax) = {best:.4g}" if label else None)


def _map(summary: Summary) -> Figure:
    """What is left of the gap (colour) after k epochs (up) at each rate (across), a panel for every way."""
    sweep = summary.sweep
    figure, panels = grid_of(len(sweep.methods), 2, (5.0, 4.2))
    norm = LogNorm(10 ** math.floor(math.log10(_least(summary.medians))), 1.0)
    for i, axes in enumerate(panels):
        part = summary.medians[i]
        colors = torch.where(part > 1, math.nan, part.clamp(min=norm.vmin)).numpy()
        worse = torch.where((part > 1) & part.isfinite(), 0.0, math.nan).numpy()
        edges = _edges(sweep.rates.log()).exp().numpy(), _edges(sweep.checkpoints.double()).numpy()
        mesh = axes.pcolormesh(*edges, colors, norm=norm, cmap="viridis", rasterized=True)
        axes.pcolormesh(*edges, worse, vmin=0, vmax=1, cmap="Greys", rasterized=True)
        axes.set_facecolor("#555555")
        _theory(axes, summary, label=i == 0)
        axes.axvline(summary.limits.median().item(), color="white", linewidth=1.4, linestyle=(0, (5, 5)))
        axes.set(xscale="log", xlabel="learning rate", ylabel="epoch", title=plain(sweep.methods[i].name))
        axes.set(xlim=(edges[0][0], edges[0][-1]), ylim=(0, edges[1][-1]))
        axes.grid(False)
    figure.colorbar(mesh, ax=panels, label="part of the gap left, median of seeds")
    handles, _ = panels[0].get_legend_handles_labels()
    handles += [
        Patch(facecolor="white", edgecolor=GREY, label="worse than the start"),
        Patch(facecolor="#555555", label="diverged: beyond the range of numbers"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _least(parts: Tensor) -> float:
    return max(parts.min().item(), LOWEST) if bool(parts.isfinite().any()) else LOWEST


def _edges(centres: Tensor) -> Tensor:
    """Where the cells around these centres meet."""
    if len(centres) == 1:
        return torch.stack([centres[0] - 0.5, centres[0] + 0.5])
    middles = (centres[1:] + centres[:-1]) / 2
    return torch.cat([(centres[:1] - (middles[:1] - centres[:1])), middles, 2 * centres[-1:] - middles[-1:]])


def _spread(summary: Summary) -> Figure:
    """What the seeds learned: two parameters against each other, with the ellipse of theory; else one at a time."""
    problem = summary.sweep.problems[0]
    names = [plain(entry.name) for entry in entries(problem)]
    if len(names) == 2 and problem.out_features == 1:
        return _cloud(summary, names)
    figure, panels = grid_of(min(len(names), MOST_PANELS), 3, (4.0, 2.6))
    styles = _styles(summary)
    for k, axes in enumerate(panels):
        for i, (name, style) in enumerate(styles.items()):
            values = summary.learned(i, summary.places[i]).flatten(1)[:, k]
            axes.plot(values.tolist(), [i] * len(values), **_dots(style))
            axes.text(0.01, i + 0.15, plain(name, 24), transform=axes.get_yaxis_transform(), fontsize=8)
        found = torch.stack([torch.cat([o.weight, o.bias[:, None]], 1) for o in summary.optima])
        values = found[:, :, : problem.in_features + problem.has_bias].flatten(1)[:, k]
        axes.plot(values.tolist(), [len(styles)] * len(values), "x", color=GREY)
        axes.text(0.01, len(styles) + 0.15, "least squares", transform=axes.get_yaxis_transform(), fontsize=8)
        if summary.spread is not None and summary.spread.theory is not None and problem.truth is not None:
            right = torch.cat([problem.truth.weight.double(), problem.truth.bias.double()[:, None]], 1)
            centre = right[:, : problem.in_features + problem.has_bias].flatten()[k].item()
            width = 2 * summary.spread.theory.flatten()[k].item()
            axes.axvspan(centre - width, centre + width, color="black", alpha=0.12, linewidth=0)
            axes.axvline(centre, color="black", linewidth=1)
        axes.locator_params(axis="x", nbins=5)
        axes.set(title=names[k], yticks=[], ylim=(-0.5, len(styles) + 0.6))
    figure.suptitle("learned at each way's best rate, a dot for every seed; band: the truth ± 2σ by theory")
    return figure


def _dots(style: dict[str, Any]) -> dict[str, Any]:
    marker = style.get("marker", "o")
    return {"linestyle": "", "marker": marker, "color": style["color"], "markersize": 4, "label": style["label"]}


def _cloud(summary: Summary, names: list[str]) -> Figure:
    problem = summary.sweep.problems[0]
    figure = Figure(figsize=(7.2, 6.0), layout="constrained")
    axes = figure.add_subplot()
    for i, (_, style) in enumerate(_styles(summary).items()):
        points = summary.learned(i, summary.places[i])[:, 0]
        look = {**_dots(style), "label": f"{style['label']} at lr {summary.best[i].lr:.4g}"}
        axes.plot(points[:, 0].tolist(), points[:, 1].tolist(), **look)
    found = torch.stack([torch.cat([o.weight[0], o.bias])[:2] for o in summary.optima])
    axes.plot(found[:, 0].tolist(), found[:, 1].tolist(), "x", color="black", markersize=6, label="least squares")
    if summary.covariance is not None and problem.truth is not None:
        centre = torch.cat([problem.truth.weight[0], problem.truth.bias])[:2].double()
        turn = torch.linspace(0, 2 * math.pi, 181, dtype=torch.float64)
        circle = torch.stack([turn.cos(), turn.sin()])
        for sigmas, line in ((1, "-"), (2, (0, (5, 2)))):
            ring = centre[:, None] + sigmas * torch.linalg.cholesky(summary.covariance) @ circle
            share = 100 * (1 - math.exp(-(sigmas**2) / 2))
            label = f"theory, σ²(XᵀX)⁻¹: {sigmas}σ, {share:.0f} % of seeds"
            axes.plot(ring[0].tolist(), ring[1].tolist(), color=GREY, linestyle=line, label=label)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.set_title(f"learned after {summary.sweep.epochs:,} epochs, a mark for every seed")
    figure.legend(loc="outside lower center", ncols=2)
    return figure

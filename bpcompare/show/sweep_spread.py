"""The picture of what the seeds of a sweep learned, next to what theory expects."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from bpcompare.language import _
from bpcompare.problem.parameter_names import entries
from bpcompare.show.style import GREY, Picture, grid_of, plain
from bpcompare.show.terminal import percent
from bpcompare.sweeps.summary import Summary

MOST_PANELS = 6

Styles = Mapping[str, dict[str, Any]]


def figure(summary: Summary, styles: Styles) -> Figure:
    """What the seeds learned: two parameters against each other, with the ellipse of theory; else one at a time.

    Args:
        summary: What to draw, of more than one seed.
        styles: How each method is drawn, by its name.
    """
    problem = summary.sweep.problems[0]
    names = [plain(entry.name) for entry in entries(problem)]
    if len(names) == 2 and problem.out_features == 1 and problem.has_bias:
        return _cloud(summary, styles, names)
    drawn, panels = grid_of(min(len(names), MOST_PANELS), 3, (4.0, 2.6))
    for k, axes in enumerate(panels):
        rows = [(plain(name, 24), _dots(style), summary.learned(i)) for i, name, style in _working(summary, styles)]
        rows.append((_("least squares"), {"linestyle": "", "marker": "x", "color": GREY}, _optima(summary)))
        for height, (name, look, values) in enumerate(rows):
            numbers = values.flatten(1)[:, k].tolist()
            axes.plot(numbers, [height] * len(numbers), **look)
            axes.text(0.01, height + 0.15, name, transform=axes.get_yaxis_transform(), fontsize=8)
        if (band := _truth_and_deviation(summary)) is not None:
            centre, width = (values.flatten()[k].item() for values in band)
            axes.axvspan(centre - 2 * width, centre + 2 * width, color="black", alpha=0.12, linewidth=0)
            axes.axvline(centre, color="black", linewidth=1)
        axes.locator_params(axis="x", nbins=5)
        axes.set(title=names[k], yticks=[], ylim=(-0.5, len(rows) - 0.4))
    if _truth_and_deviation(summary) is None:
        drawn.suptitle(_("learned at each method's best rate, a mark for every seed"))
    else:
        drawn.suptitle(_("learned at each method's best rate, a mark for every seed; band: the truth ± 2σ by theory"))
    return drawn


def _working(summary: Summary, styles: Styles) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Place, name and style of every method for which a rate worked."""
    for i, (name, style) in enumerate(styles.items()):
        if summary.best[i].place is not None:
            yield i, name, style


def _optima(summary: Summary) -> Tensor:
    """The least-squares solutions, (seeds, out, in + bias)."""
    found = torch.stack([torch.cat([o.weight, o.bias[:, None]], 1) for o in summary.optima])
    problem = summary.sweep.problems[0]
    return found[..., : problem.in_features + problem.has_bias]


def _truth_and_deviation(summary: Summary) -> tuple[Tensor, Tensor] | None:
    problem = summary.sweep.problems[0]
    if summary.spread is None or summary.spread.theory is None or problem.truth is None:
        return None
    right = torch.cat([problem.truth.weight.double(), problem.truth.bias.double()[:, None]], 1)
    return right[:, : problem.in_features + problem.has_bias], summary.spread.theory


def _dots(style: dict[str, Any]) -> dict[str, Any]:
    marker = style.get("marker", "o")
    return {"linestyle": "", "marker": marker, "color": style["color"], "markersize": 4, "label": style["label"]}


def _cloud(summary: Summary, styles: Styles, names: list[str]) -> Figure:
    drawn = Picture(figsize=(7.2, 6.0), layout="constrained")
    axes = drawn.add_subplot()
    for i, __, style in _working(summary, styles):
        points = summary.learned(i)[:, 0]
        look = {**_dots(style), "label": _("{method} at lr {lr:.4g}", method=style["label"], lr=summary.best[i].lr)}
        axes.plot(points[:, 0].tolist(), points[:, 1].tolist(), **look)
    found = _optima(summary)[:, 0]
    axes.plot(found[:, 0].tolist(), found[:, 1].tolist(), "x", color="black", markersize=6, label=_("least squares"))
    if summary.covariance is not None and summary.noise:
        _ellipses(axes, summary, summary.covariance)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.set_title(_("learned after {epochs:,} epochs, a mark for every seed", epochs=summary.sweep.epochs))
    drawn.legend(loc="outside lower center", ncols=2)
    return drawn


def _ellipses(axes: Axes, summary: Summary, covariance: Tensor) -> None:
    """Where theory expects the least-squares solutions, around the truth."""
    if summary.sweep.problems[0].truth is None:
        return
    truth = summary.sweep.problems[0].truth
    centre = torch.cat([truth.weight[0], truth.bias])[:2].double()
    turn = torch.linspace(0, 2 * math.pi, 181, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(covariance)  # unlike Cholesky's, a root of one that is flat to rounding too
    ring = vectors @ (values.clamp(min=0).sqrt()[:, None] * torch.stack([turn.cos(), turn.sin()]))
    for sigmas, width in ((1, 2.2), (2, 1.0)):
        across, up = centre[:, None] + sigmas * ring
        share = 100 * (1 - math.exp(-(sigmas**2) / 2))
        label = _("theory, σ²(XᵀX)⁻¹: {sigmas}σ, {part} of seeds", sigmas=sigmas, part=percent(share, ".0f"))
        axes.plot(across.tolist(), up.tolist(), color=GREY, linewidth=width, linestyle="-", label=label)

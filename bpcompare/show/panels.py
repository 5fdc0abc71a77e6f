"""What the pictures of a line and those of a network share: title, legend, data, predicted against measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from bpcompare.language import _
from bpcompare.problem.problem import Problem
from bpcompare.show.style import line_styles, plain

MOST_PANELS = 6
MOST_POINTS = 2_000  # drawn of the data
FEW_POINTS = 200  # up to here each is drawn in full

NOT_DRAWN: dict[str, Any] = {"linestyle": "", "marker": ""}


def title(problem: Problem, lr: float, epochs: int, batch_size: int | None) -> str:
    """The data and how it was trained, in one line.

    Example:
        >>> from bpcompare.problem.line import line
        >>> title(line(), 0.1, 50, None)
        'line, 100 samples: lr 0.1, 50 epochs'
    """
    name, samples = plain(problem.name), problem.samples
    if problem.scaling:
        what = _("{name}, {samples:,} samples, standardised", name=name, samples=samples)
    else:
        what = _("{name}, {samples:,} samples", name=name, samples=samples)
    if batch_size:
        how = _("lr {lr:g}, {epochs:,} epochs, batches of {size:,}", lr=lr, epochs=epochs, size=batch_size)
    else:
        how = _("lr {lr:g}, {epochs:,} epochs", lr=lr, epochs=epochs)
    return _("{data}: {training}", data=what, training=how)


def legend_below(figure: Figure, handles: Sequence[Artist], columns: int = 3) -> None:
    """The legend under all panels, where it hides nothing."""
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), columns))


def drawn_rows(problem: Problem) -> Tensor:
    """The samples that are drawn: all, or one by chance from each of `MOST_POINTS` equal stretches.

    At even distances, data with a period, such as the hours of a day, would show the same few of its samples.
    """
    if problem.samples <= MOST_POINTS:
        return torch.arange(problem.samples)
    ends = torch.arange(MOST_POINTS + 1) * problem.samples // MOST_POINTS
    chance = torch.rand(MOST_POINTS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return ends[:-1] + (chance * ends.diff()).long()


def cloud(points: int, size: float) -> dict[str, Any]:
    """How to draw that many points so that many on one place look denser than few, and none hides a line."""
    if points <= FEW_POINTS:
        return {"markersize": size, "zorder": 1}
    return {
        "markersize": min(size, 4),
        "alpha": max(0.25, (FEW_POINTS / points) ** 0.5),
        "markeredgewidth": 0.6,
        "zorder": 1,
    }


def data(axes: Axes, problem: Problem, rows: Tensor, output: int) -> None:
    """One output against the first input, as measured."""
    x, y = problem.measured_x[rows, 0], problem.measured_y[rows, output]
    axes.plot(x.tolist(), y.tolist(), ".", color="#777777", label=_("data"), **cloud(len(rows), 6))
    axes.set_xlabel(plain(problem.x_names[0]))
    axes.set_ylabel(plain(problem.y_names[output]))


def absent(axes: Axes, style: Mapping[str, Any], what: str) -> None:
    """An entry of the legend without a line, for a run that ran away."""
    axes.plot([], [], **NOT_DRAWN, label=_("({method} ran away: no {what})", method=style["label"], what=what))


def predicted_against_measured(
    axes: Axes, problem: Problem, predictions: Mapping[str, Tensor | None], rows: Tensor, output: int
) -> None:
    """One output as every method predicts it, (N, out) or None of one that ran away, against what was measured."""
    measured = problem.measured_y[rows, output]
    ends = [measured.min().item(), measured.max().item()]
    axes.plot(ends, ends, color="black", linewidth=1, label=_("predicted = measured"), zorder=3)
    for place, (name, style) in enumerate(line_styles(predictions).items()):
        if (predicted := predictions[name]) is None:
            absent(axes, style, _("points"))
            continue
        size = max(9 - 2 * place, 3)  # equal predictions stay visible inside each other
        look = {"marker": style.get("marker", "o"), "color": style["color"], "linestyle": "", "markerfacecolor": "none"}
        axes.plot(measured.tolist(), predicted[rows, output].tolist(), **look, **cloud(len(rows), size))
        axes.plot([], [], **look, markersize=size, label=style["label"])  # in the legend without the cloud's haze
    axes.set_xlabel(_("{name}, measured", name=plain(problem.y_names[output])))
    axes.set_ylabel(_("{name}, predicted", name=plain(problem.y_names[output])))

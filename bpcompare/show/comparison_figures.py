"""The pictures of a comparison: loss curves, parameter paths, and the fit."""

from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from bpcompare.comparison.linear import Comparison, Result
from bpcompare.language import _
from bpcompare.problem.parameter_names import Entry, entries
from bpcompare.show.panels import (
    MOST_PANELS,
    absent,
    data,
    drawn_rows,
    legend_below,
    predicted_against_measured,
    title,
)
from bpcompare.show.style import GREY, WINE, Picture, drawable, grid_of, house_style, line_styles, markers_apart, plain
from bpcompare.theory.least_squares import Optimum

FLOOR_REACH = 1e-3  # of the lowest loss

AFAR = 1.5  # starting distances: of a path that runs away, only what is nearer is drawn

THIN = 2.5  # points: a broad band that goes steeply, or to and fro, would be a block

TRUTH: dict[str, Any] = {"color": "black", "linewidth": 1.0, "linestyle": "-"}
PREDICTION: dict[str, Any] = {"linestyle": "", "marker": "x", "color": WINE, "markersize": 6, "markeredgewidth": 1.8}
OPTIMUM: dict[str, Any] = {"color": GREY, "linewidth": 1.4, "linestyle": (0, (1, 1.5))}


def figures(comparison: Comparison) -> dict[str, Figure]:
    """The pictures of a comparison by file name: "loss", "parameters" and "fit".

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> list(figures(compare(line(), epochs=2)))
        ['loss', 'parameters', 'fit']
    """
    problem = comparison.problem
    with house_style(problem.name, *problem.x_names, *problem.y_names):
        return {"loss": _loss(comparison), "parameters": _parameters(comparison), "fit": _fit(comparison)}


def _loss(comparison: Comparison) -> Figure:
    """Every method by itself on the same scale, and all of them together."""
    styles = line_styles(comparison.results)
    count = len(styles)
    rows = -(-count // 4)
    columns = -(-count // rows)
    figure = Picture(figsize=(max(2.8 * columns, 7.0), 2.3 * rows + 3.8), layout="constrained")
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[2.0] * rows + [3.0])
    together = figure.add_subplot(grid[rows, :])
    together.set_yscale("log")
    together.set_xlabel(_("epoch"))
    together.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=True))  # for the small panels, too
    together.set_ylabel(_("mean squared error"))
    for place, (name, result) in enumerate(comparison.results.items()):
        alone = figure.add_subplot(grid[place // columns, place % columns], sharex=together, sharey=together)
        alone.set_title(plain(name, 32))
        alone.set_ylabel("" if place % columns else _("mean squared error"))
        alone.tick_params(labelbottom=place + columns >= count, labelleft=place % columns == 0)
        style = markers_apart(styles[name], place, len(result.losses))
        for axes in (alone, together):
            _curve(axes, result, style)
        _prediction(alone, comparison.predicted(name), label=False)
        _floor(alone, comparison, label=False)
    predictions = [comparison.predicted(name) for name in comparison.results]
    _prediction(together, next((p for p in predictions if p is not None), None), label=True)
    _floor(together, comparison, label=True)
    _keep_in_sight(together, comparison)
    together.set_title(_("together"))
    figure.suptitle(title(comparison.problem, comparison.lr, comparison.epochs, comparison.batch_size))
    legend_below(figure, together.get_legend_handles_labels()[0])
    return figure


def _curve(axes: Axes, result: Result, style: dict[str, Any]) -> None:
    losses = drawable(result.losses)
    diverged = result.run.diverged_at
    label = style["label"]
    if diverged:
        label = _("{method}, diverged at step {step}", method=label, step=diverged)
    if result.ran_away:
        style = {**style, "linewidth": min(style["linewidth"], THIN)}
    axes.plot(range(len(losses)), losses, **{**style, "label": label})


def _keep_in_sight(axes: Axes, comparison: Comparison) -> None:
    """A curve that runs away leaves at the top, where an arrow says so; to show all of it would flatten the others."""
    results = comparison.results.values()
    if not any(result.ran_away for result in results):
        return
    highest = max(float(r.losses[0] if r.ran_away else r.losses.max()) for r in results)
    lowest = min(float(r.losses.min()) for r in results)
    floor = comparison.optimum.loss
    axes.set_ylim((floor if lowest * FLOOR_REACH < floor else lowest) / 3, min(highest * 1e4, 1e300))
    axes.annotate(_("↑ runs away"), (0.1, 0.97), xycoords="axes fraction", va="top", fontsize="small")


def _prediction(axes: Axes, numbers: Tensor | None, label: bool) -> list[Line2D]:
    """What theory gives without training, as crosses over the curve that was measured."""
    if numbers is None:
        return []
    every = max(len(numbers) // 16, 1)
    text = _("gradient descent as theory predicts it") if label else None
    return axes.plot(range(len(numbers)), drawable(numbers), **PREDICTION, markevery=(every // 2, every), label=text)


def _floor(axes: Axes, comparison: Comparison, label: bool) -> None:
    """The loss of the optimum, where the axis reaches that far: a floor of 1e-30 would flatten everything else."""
    floor = comparison.optimum.loss
    lowest = min(float(result.losses.min()) for result in comparison.results.values())
    text = _("least-squares optimum, {loss:.4g}", loss=floor)
    if floor > lowest * FLOOR_REACH:
        axes.axhline(floor, **OPTIMUM, label=text if label else None)
    elif label:
        axes.plot([], [], **OPTIMUM, label=_("{what}: below this axis", what=text))


def _parameters(comparison: Comparison) -> Figure:
    """The path of every weight and bias, against the truth and the optimum."""
    parameters = list(entries(comparison.problem))
    shown = parameters[:MOST_PANELS]
    figure, panels = grid_of(len(shown), 2 if len(shown) in (2, 4) else 3, (4.4, 3.3))
    for axes, entry in zip(panels, shown, strict=True):
        lines = _paths(axes, comparison, entry)
    legend_below(figure, lines, 4)
    if len(parameters) > len(shown):
        counts = {"shown": len(shown), "count": len(parameters)}
        figure.suptitle(_("{shown} of {count} parameters; all of them are in history.csv", **counts))
    return figure


def _paths(axes: Axes, comparison: Comparison, entry: Entry) -> list[Line2D]:
    """One number of every method over the epochs; returns a line of each method for the legend."""
    truth, optimum = comparison.problem.truth, comparison.optimum
    styles = line_styles(comparison.results)
    best = entry.of(optimum.weight, optimum.bias)
    lines, stable = [], [torch.tensor([best], dtype=torch.float64)]
    for place, (name, result) in enumerate(comparison.results.items()):
        path, style = entry.path(result.weights, result.biases), styles[name]
        if result.ran_away:
            path, style = _in_sight(path, best), {**style, "linewidth": min(style["linewidth"], THIN)}
        lines += axes.plot(range(len(path)), path.tolist(), **markers_apart(style, place, len(path)))
        stable.append(path[:1] if result.ran_away else path)
    predictions = [comparison.predicted_path(name) for name in comparison.results]
    if (prediction := next((p for p in predictions if p is not None), None)) is not None:
        lines += _prediction(axes, entry.path(*prediction), label=True)
    ends = axes.get_xlim()
    levels = axes.plot(ends, [best, best], **OPTIMUM, label=_by_least_squares(best, optimum))
    if truth is not None:
        right = entry.of(truth.weight, truth.bias)
        levels += axes.plot(ends, [right, right], **TRUTH, label=_("{value:.6g} in truth", value=right))
    axes.set_xlim(ends)
    axes.set_title(plain(entry.name))
    axes.set_xlabel(_("epoch"))
    axes.legend(handles=levels, loc="best")
    if any(result.ran_away for result in comparison.results.values()):
        # A path that runs away leaves the picture; the others are what can be read.
        low, high = torch.cat(stable).min().item(), torch.cat(stable).max().item()
        margin = 0.08 * (high - low) or 1.0
        axes.set_ylim(low - margin, high + margin)
        axes.set_title(_("{name}; runaway paths leave the picture", name=axes.get_title()))
    return lines


def _in_sight(path: Tensor, best: float) -> Tensor:
    """A path that runs away, up to where it first is far off: drawn whole it would go to and fro over everything."""
    far = (path - best).abs() > AFAR * (path[0] - best).abs()
    return path[: int(far.int().argmax()) + 1] if bool(far.any()) else path


def _by_least_squares(value: float, optimum: Optimum) -> str:
    if optimum.unique:
        return _("{value:.6g} by least squares", value=value)
    return _("{value:.6g} by least squares, one of many", value=value)


def _fit(comparison: Comparison) -> Figure:
    """The data with the fitted lines; with several inputs, what is predicted against what was measured."""
    problem = comparison.problem
    outputs = min(problem.out_features, MOST_PANELS)
    figure, panels = grid_of(outputs, 3, (5.6, 4.2) if outputs == 1 else (4.4, 3.6))
    rows = drawn_rows(problem)
    for j, axes in enumerate(panels):
        if problem.in_features == 1:
            _lines(axes, comparison, rows, j)
        else:
            predicted_against_measured(axes, problem, _predictions(comparison), rows, j)
        axes.legend(loc="best")
    if len(rows) < problem.samples:
        counts = {"shown": len(rows), "count": problem.samples}
        figure.suptitle(_("{shown:,} of {count:,} samples are drawn", **counts))
    return figure


def _lines(axes: Axes, comparison: Comparison, rows: Tensor, output: int) -> None:
    problem, optimum = comparison.problem, comparison.optimum
    data(axes, problem, rows, output)
    ends = torch.stack([problem.measured_x.min(), problem.measured_x.max()])
    grid = torch.linspace(0, 1, 9, dtype=torch.float64) * (ends[1] - ends[0]) + ends[0]
    styles = line_styles(comparison.results)
    for place, (name, result) in enumerate(comparison.results.items()):
        if result.ran_away:
            absent(axes, styles[name], _("line"))
            continue
        fitted = grid * result.weight[output, 0] + result.bias[output]
        axes.plot(grid.tolist(), fitted.tolist(), **{**styles[name], "markevery": (place % 4, 4)})
    best = grid * optimum.weight[output, 0] + optimum.bias[output]
    axes.plot(grid.tolist(), best.tolist(), **OPTIMUM, label=_("least squares"))


def _predictions(comparison: Comparison) -> dict[str, Tensor | None]:
    x = comparison.problem.measured_x
    return {n: None if r.ran_away else x @ r.weight.T + r.bias for n, r in comparison.results.items()}

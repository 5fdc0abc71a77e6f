"""Move the rate: every method trained at many learning rates, as frames of three charts."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import torch
from torch import Tensor

from bpcompare.comparison.linear import Comparison, Result, compare
from bpcompare.show.landscape import Plane, plane
from bpcompare.show.report.charts import (
    GREY,
    MOST_POINTS,
    contours,
    finish,
    label,
    line,
    looks,
    points,
    window,
    with_frames,
    within,
)
from bpcompare.training.gradients import SOURCES

BELOW, ABOVE, COUNT = 1 / 200, 1.6, 29  # of the limit: the range of the rates; and how many there are
MOST_EPOCHS = 60  # points of a curve
TALLEST = 30.0  # starting gaps: the top of the loss axis

Range = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Rates:
    """The section.

    Attributes:
        charts: Loss curves, paths on the contours, and fitted lines, by name; frame k is the k-th rate.
        states: Per rate what to say of it.
        start: The place of the rate that the comparison trained at.
    """

    charts: dict[str, dict[str, Any]]
    states: list[dict[str, str]]
    start: int


def rates_of(comparison: Comparison) -> list[float]:
    """Learning rates evenly spaced in the logarithm, through the stable limit and past it; the comparison's own too.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.problem import line
        >>> rates = rates_of(compare(line(), epochs=2))
        >>> 0.1 in rates, rates[0] < 0.01, rates[-1] > 0.78
        (True, True, True)
    """
    limit, lr = comparison.curvature.largest_stable_lr, comparison.lr
    if not math.isfinite(limit):  # all inputs are 0: nothing ever moves
        limit = lr
    low, high = math.log10(min(BELOW * limit, lr)), math.log10(max(ABOVE * limit, lr))
    spaced = [10 ** (low + (high - low) * k / (COUNT - 1)) for k in range(COUNT)]
    return sorted({*(float(f"{rate:.3g}") for rate in spaced), lr})


def rates(comparison: Comparison, on_rate: Callable[[], object] | None = None) -> Rates:
    """Trains every method at every rate, and draws.

    Of the data a gradient of all samples needs only the moments, so each run is the one of the sweep: the source
    `moments` under the method's own update rule.

    Args:
        comparison: What was trained.
        on_rate: Called after every rate.
    """
    values = rates_of(comparison)
    runs = []
    for rate in values:
        runs.append(comparison if rate == comparison.lr else _at(comparison, rate))
        if on_rate:
            on_rate()
    start = values.index(comparison.lr)
    seen = plane(comparison)
    path, fit = path_axes(comparison, seen), _fit_axes(comparison)
    charts = {
        "loss": _chart(_loss_axes(comparison), [_losses(run, _top(comparison)) for run in runs], start),
        "path": _chart(path, [_paths(run, seen, *ranges(path)) for run in runs], start),
        "fit": _chart(fit, [_fits(run, *ranges(fit)) for run in runs], start),
    }
    return Rates(charts, [_state(run, rate) for run, rate in zip(runs, values, strict=True)], start)


def _chart(figure: go.Figure, frames: list[list[go.Scatter]], start: int) -> dict[str, Any]:
    figure.add_traces(frames[start])
    return with_frames(finish(figure, 380), frames)


def _at(comparison: Comparison, rate: float) -> Comparison:
    methods = [result.run.method for result in comparison.results.values()]
    if comparison.batch_size in (None, comparison.problem.samples):
        methods = [dataclasses.replace(m, gradient="moments", source=SOURCES["moments"]) for m in methods]
    return compare(
        comparison.problem,
        methods,
        lr=rate,
        epochs=comparison.epochs,
        batch_size=comparison.batch_size,
        seed=comparison.seed,
    )


def _start_gap(comparison: Comparison) -> float:
    return max(float(next(iter(comparison.results.values())).gaps[0]), 1e-300)


def _top(comparison: Comparison) -> float:
    return TALLEST * (_start_gap(comparison) + comparison.optimum.loss)


def _loss_axes(comparison: Comparison) -> go.Figure:
    figure = go.Figure()
    gap, floor = _start_gap(comparison), comparison.optimum.loss
    lowest = min(float(result.losses.min()) for result in comparison.results.values())
    bottom = max(min(lowest, floor + 1e-3 * gap) if floor > 1e-6 * gap else min(lowest, 1e-4 * gap), 1e-12 * gap)
    figure.update_xaxes(title="epoch", range=[0, comparison.epochs])
    limits = [math.log10(bottom) - 0.1, math.log10(_top(comparison))]
    figure.update_yaxes(title="mean squared error", type="log", range=limits, exponentformat="power", dtick=1)
    return figure


def _losses(run: Comparison, top: float) -> list[go.Scatter]:
    traces = []
    for name, look in looks(run.results).items():
        losses = run.results[name].losses
        kept = _checkpoints(len(losses))
        traces.append(line(kept.tolist(), within(losses[kept], 0.0, top), name, look))
    return traces


def path_axes(comparison: Comparison, seen: Plane) -> go.Figure:
    """The plane of the two parameters, or of two eigenvectors where there are more, with the contours of the loss.

    The picture holds the start and the optimum; what goes far beyond is cut off.
    """
    figure = go.Figure()
    start = path_of(next(iter(comparison.results.values())), seen)[:1]
    two = torch.cat([start, seen.bottom[None]])
    name, *second = (label(name.replace("\n", " ")) for name in seen.names)
    figure.update_xaxes(title=name)
    if second:
        middle, half = two.mean(0), 0.95 * max(float((two[0] - two[1]).abs().max()), 1e-9)
        low, high = (middle - half).tolist(), (middle + half).tolist()
        figure.add_trace(contours(seen, low, high, max(float(seen.gaps(start)), 1e-300)))
        figure.update_xaxes(range=[low[0], high[0]])
        figure.update_yaxes(title=second[0], range=[low[1], high[1]])
    else:
        first, last = window(two[:, 0].tolist(), 0.6)
        across = torch.linspace(first, last, 61, dtype=torch.float64)
        heights = seen.gaps(across[:, None]).tolist()
        valley = go.Scatter(x=across.tolist(), y=heights, mode="lines", line={"color": GREY}, showlegend=False)
        figure.add_trace(valley)
        figure.update_xaxes(range=[first, last])
        figure.update_yaxes(title="loss above the optimum", range=window(heights))
    figure.add_trace(points(*pair(seen, start), "start", GREY, "circle", 10))
    figure.add_trace(points(*pair(seen, seen.bottom[None]), "least squares", "#B8860B", "star", 14))
    return figure


def path_of(result: Result, seen: Plane) -> Tensor:
    """A run's states in the plane, (steps + 1, coordinates)."""
    weights = result.run.parameters["weight"]
    return seen.place(weights, result.run.parameters.get("bias", weights.new_zeros(weights.shape[:2])))


def pair(seen: Plane, path: Tensor) -> tuple[list[float], list[float]]:
    """What to plot of a path: its two coordinates, or the only one and the loss above the optimum."""
    second = seen.gaps(path) if len(seen.names) == 1 else path[:, 1]
    return path[:, 0].tolist(), second.tolist()


def ranges(figure: go.Figure) -> tuple[Range, Range]:
    """Where the axes of a chart begin and end."""
    return tuple(figure.layout.xaxis.range), tuple(figure.layout.yaxis.range)


def _paths(run: Comparison, seen: Plane, across: Range, up: Range) -> list[go.Scatter]:
    traces = []
    for name, look in looks(run.results).items():
        path = path_of(run.results[name], seen)
        first, second = (torch.tensor(values, dtype=torch.float64) for values in pair(seen, path))
        kept = _checkpoints(len(path))
        trace = line(within(first[kept], *across), within(second[kept], *up), name, look)
        trace.update(mode="lines+markers", marker={**look["marker"], "size": 5})
        traces.append(trace)
    return traces


def _fit_axes(comparison: Comparison) -> go.Figure:
    figure = go.Figure()
    x, y, across, up = _data(comparison)
    figure.add_trace(points(x, y, "data", GREY, "circle-open", 5))
    figure.update_xaxes(title=label(across), range=window(x))
    figure.update_yaxes(title=label(up), range=window(y, 0.25))
    return figure


def _data(comparison: Comparison) -> tuple[list[float], list[float], str, str]:
    """One input: x and y. Several: what least squares says, and what was measured."""
    problem, chosen = comparison.problem, _some(comparison.problem.samples)
    y = problem.measured_y[chosen, 0].tolist()
    if problem.in_features == 1:
        return problem.measured_x[chosen, 0].tolist(), y, problem.x_names[0], problem.y_names[0]
    best = problem.measured_x[chosen] @ comparison.optimum.weight[0] + comparison.optimum.bias[0]
    return best.tolist(), y, f"{problem.y_names[0]}, predicted", f"{problem.y_names[0]}, measured"


def _fits(run: Comparison, across: Range, up: Range) -> list[go.Scatter]:
    problem, traces = run.problem, []
    for name, look in looks(run.results).items():
        result = run.results[name]
        if problem.in_features == 1:
            ends = torch.tensor(across, dtype=torch.float64)
            fitted = within(ends * result.weight[0, 0] + result.bias[0], *up)
            traces.append(line(ends.tolist(), fitted, name, look))
        else:
            chosen = _some(problem.samples)
            predicted = problem.measured_x[chosen] @ result.weight[0] + result.bias[0]
            cloud = points([], [], name, look["line"]["color"], look["marker"]["symbol"] + "-open", 6)
            cloud.update(x=within(predicted, *across), y=problem.measured_y[chosen, 0].tolist())
            traces.append(cloud)
    return traces


def _some(samples: int) -> Tensor:
    return torch.linspace(0, samples - 1, min(samples, MOST_POINTS)).round().long()


def _checkpoints(states: int) -> Tensor:
    spread: Tensor = torch.linspace(0, states - 1, min(states, MOST_EPOCHS + 1)).round().long().unique()
    return spread


def _state(run: Comparison, rate: float) -> dict[str, str]:
    """What to say of one rate: each method's end, and where the limit of gradient descent is."""
    limit = run.curvature.largest_stable_lr
    side = "below" if rate < limit else "above"
    verdicts = [f"{name}: {_end(result, run)}" for name, result in run.results.items()]
    return {
        "rate": f"{rate:g}",
        "limit": f"The limit of gradient descent is 2/λmax = {limit:.6g}; this rate is {side} it.",
        "ends": "; ".join(verdicts) + ".",
    }


def _end(result: Result, run: Comparison) -> str:
    if result.run.diverged_at is not None:
        return f"diverges at step {result.run.diverged_at}"
    losses = result.losses
    if losses[-1] > losses[0]:
        falls = (losses[1:] <= losses[:-1]).nonzero()
        step = int(falls[-1]) + 2 if len(falls) else 1
        return f"diverges: its loss grows from step {step} on, to {result.loss:.3g}"
    return f"loss {result.loss:.4g} after {run.epochs:,} epochs ({result.status})"

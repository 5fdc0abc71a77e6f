"""Move the rate: every method trained at many learning rates, as frames of one chart."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from bpcompare.comparison.linear import Comparison, Result, compare
from bpcompare.show.landscape import Plane, plane
from bpcompare.show.report.charts import GREY, MOST_POINTS, finish, label, line, looks, points, window, within
from bpcompare.training.gradients import SOURCES
from bpcompare.training.methods import Method

BELOW, ABOVE, COUNT = 1 / 200, 1.6, 29  # of the limit: the slider's range; and its steps
MOST_EPOCHS = 60  # points of a curve
LEVELS = (0.001, 0.01, 0.1, 0.3, 1.0, 3.0)  # of the starting gap
TALLEST = 30.0  # starting gaps: the top of the loss axis
GRID = 61


@dataclass(frozen=True, eq=False)
class Rates:
    """The section.

    Attributes:
        figure: Loss curves, paths on the contours, and fitted lines; frame k is the k-th rate.
        states: Per rate what to say of it.
        start: The place of the rate that the comparison trained at.
    """

    figure: go.Figure
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
    limit = comparison.curvature.largest_stable_lr
    lr = comparison.lr
    if not math.isfinite(limit):
        limit = lr
    low, high = math.log10(min(BELOW * limit, lr)), math.log10(max(ABOVE * limit, lr))
    spaced = [10 ** (low + (high - low) * k / (COUNT - 1)) for k in range(COUNT)]
    return sorted({*(float(f"{rate:.3g}") for rate in spaced), lr})


def rates(comparison: Comparison, on_rate: Callable[[], object] | None = None) -> Rates:
    """Trains every method at every rate, and draws.

    Of the data a full-batch gradient needs only the moments, so each run is that of the sweep: `moments` and the
    method's own update rule.
    """
    values = rates_of(comparison)
    runs = []
    for rate in values:
        runs.append(comparison if rate == comparison.lr else _at(comparison, rate))
        if on_rate:
            on_rate()
    seen = plane(comparison)
    figure = _frame(comparison, seen)
    fixed = len(figure.data)
    frames = [_traces(run, seen, figure) for run in runs]
    start = values.index(comparison.lr)
    for trace, cell in zip(frames[start], _cells(comparison), strict=True):
        figure.add_trace(trace, *cell)
    places = list(range(fixed, len(figure.data)))
    figure.frames = [go.Frame(name=str(k), data=traces, traces=places) for k, traces in enumerate(frames)]
    return Rates(figure, [_state(run, rate) for run, rate in zip(runs, values, strict=True)], start)


def _at(comparison: Comparison, rate: float) -> Comparison:
    whole = comparison.batch_size in (None, comparison.problem.samples)
    methods = [result.run.method for result in comparison.results.values()]
    if whole:
        methods = [dataclasses.replace(m, gradient="moments", source=SOURCES["moments"]) for m in methods]
    return compare(
        comparison.problem,
        methods,
        lr=rate,
        epochs=comparison.epochs,
        batch_size=comparison.batch_size,
        seed=comparison.seed,
    )


def _frame(comparison: Comparison, seen: Plane) -> go.Figure:
    """All that does not move: the axes, the contours, the data, start and optimum."""
    problem = comparison.problem
    figure = make_subplots(1, 3, subplot_titles=("loss", "path of the parameters", "fit"), horizontal_spacing=0.09)
    gap = max(float(next(iter(comparison.results.values())).gaps[0]), 1e-300)
    floor = comparison.optimum.loss
    lowest = min(float(r.losses.min()) for r in comparison.results.values())
    bottom = max(min(lowest, floor + 1e-3 * gap) if floor else min(lowest, 1e-4 * gap), 1e-12 * gap)
    top = math.log10(TALLEST * (gap + floor))
    figure.update_xaxes(title="epoch", range=[0, comparison.epochs], row=1, col=1)
    figure.update_yaxes(
        title="mean squared error", type="log", range=[math.log10(bottom) - 0.1, top], exponentformat="power", col=1
    )
    _landscape(figure, comparison, seen)
    x, y, across, up = fit_points(comparison)
    figure.add_trace(points(x, y, "data", GREY, "circle-open", 5), 1, 3)
    figure.update_xaxes(title=label(across), range=window(x), row=1, col=3)
    figure.update_yaxes(title=label(up), range=window(y, 0.25), row=1, col=3)
    del problem
    return finish(figure, 440)


def _landscape(figure: go.Figure, comparison: Comparison, seen: Plane) -> None:
    """Contours of the loss in the plane of the two parameters, or of the two extreme eigenvectors."""
    start = path_of(next(iter(comparison.results.values())), seen)[0]
    two = torch.stack([start, seen.bottom])
    if len(seen.names) == 1:
        across = torch.linspace(*window(two[:, 0].tolist(), 0.6), GRID, dtype=torch.float64)
        heights = seen.gaps(across[:, None])
        valley = go.Scatter(x=across.tolist(), y=heights.tolist(), mode="lines", line={"color": GREY}, showlegend=False)
        figure.add_trace(valley, 1, 2)
        figure.update_xaxes(title=label(seen.names[0]), range=window(across.tolist(), 0), row=1, col=2)
        figure.update_yaxes(title="loss above the optimum", range=window(heights.tolist()), row=1, col=2)
    else:
        middle, half = two.mean(0), 0.95 * max(float((two[0] - two[1]).abs().max()), 1e-9)
        low, high = middle - half, middle + half
        across, up = (torch.linspace(float(low[i]), float(high[i]), GRID, dtype=torch.float64) for i in (0, 1))
        gaps = seen.gaps(torch.stack(torch.meshgrid(across, up, indexing="xy"), -1))
        gap = max(float(seen.gaps(start)), 1e-300)
        contour = go.Contour(
            x=across.tolist(),
            y=up.tolist(),
            z=(gaps / gap).clamp(min=1e-6).log10().tolist(),
            contours={"start": math.log10(LEVELS[0]), "end": math.log10(LEVELS[-1]), "size": 0.5, "coloring": "lines"},
            colorscale=[[0, GREY], [1, GREY]],
            line={"width": 0.8},
            showscale=False,
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_trace(contour, 1, 2)
        first, second = (label(name.replace("\n", " ")) for name in seen.names)
        figure.update_xaxes(title=first, range=[float(low[0]), float(high[0])], row=1, col=2)
        figure.update_yaxes(title=second, range=[float(low[1]), float(high[1])], row=1, col=2)
    figure.add_trace(points(*_pair(seen, start[None]), "start", GREY, "circle", 10), 1, 2)
    figure.add_trace(points(*_pair(seen, seen.bottom[None]), "least squares", "#B8860B", "star", 14), 1, 2)


def path_of(result: Result, seen: Plane) -> Tensor:
    """A run's states in the plane, (steps + 1, coordinates)."""
    weights = result.run.parameters["weight"]
    return seen.place(weights, result.run.parameters.get("bias", weights.new_zeros(weights.shape[:2])))


def _pair(seen: Plane, path: Tensor) -> tuple[list[float], list[float]]:
    second = seen.gaps(path) if len(seen.names) == 1 else path[:, 1]
    return path[:, 0].tolist(), second.tolist()


def fit_points(comparison: Comparison) -> tuple[list[float], list[float], str, str]:
    """What the fit is drawn over: x and y of one input, or measured against predicted by least squares for several."""
    problem = comparison.problem
    chosen = _some(problem.samples)
    y = problem.measured_y[chosen, 0]
    if problem.in_features == 1:
        return problem.measured_x[chosen, 0].tolist(), y.tolist(), problem.x_names[0], problem.y_names[0]
    best = problem.measured_x[chosen] @ comparison.optimum.weight[0] + comparison.optimum.bias[0]
    return best.tolist(), y.tolist(), f"{problem.y_names[0]}, predicted", f"{problem.y_names[0]}, measured"


def _some(samples: int) -> Tensor:
    return torch.linspace(0, samples - 1, min(samples, MOST_POINTS)).round().long()


def _cells(comparison: Comparison) -> list[tuple[int, int]]:
    return [(1, column) for _ in comparison.results for column in (1, 2, 3)]


def _traces(run: Comparison, seen: Plane, figure: go.Figure) -> list[go.Scatter]:
    """Of every method its loss, its path and its fit, cut where they leave the picture far behind."""
    problem, traces = run.problem, []
    ranges = {axis: figure.layout[axis].range for axis in ("yaxis", "xaxis2", "yaxis2", "xaxis3", "yaxis3")}
    for name, look in looks(run.results).items():
        result = run.results[name]
        kept = _checkpoints(len(result.losses))
        losses = within(result.losses[kept], 0.0, 10 ** ranges["yaxis"][1])
        traces.append(line(kept.tolist(), losses, name, look))
        path = path_of(result, seen)[kept]
        first = within(path[:, 0], *ranges["xaxis2"])
        second = within(seen.gaps(path) if len(seen.names) == 1 else path[:, 1], *ranges["yaxis2"])
        traces.append(_path(first, second, name, look))
        if problem.in_features == 1:
            ends = torch.tensor(ranges["xaxis3"], dtype=torch.float64)
            fitted = within(ends * result.weight[0, 0] + result.bias[0], *ranges["yaxis3"])
            traces.append(line(ends.tolist(), fitted, name, look, showlegend=False))
        else:
            chosen = _some(problem.samples)
            predicted = problem.measured_x[chosen] @ result.weight[0] + result.bias[0]
            cloud = points([], [], name, look["line"]["color"], look["marker"]["symbol"] + "-open", 6)
            cloud.update(x=within(predicted, *ranges["xaxis3"]), y=problem.measured_y[chosen, 0].tolist())
            cloud.update(showlegend=False, legendgroup=name)
            traces.append(cloud)
    return traces


def _path(x: list[float | None], y: list[float | None], name: str, look: dict[str, object]) -> go.Scatter:
    marker = {"size": 5, **look["marker"]}  # type: ignore[dict-item]
    return go.Scatter(
        x=x, y=y, name=label(name), mode="lines+markers", line=look["line"], marker=marker, showlegend=False,
        legendgroup=name,
    )


def _checkpoints(states: int) -> Tensor:
    return torch.linspace(0, states - 1, min(states, MOST_EPOCHS + 1)).round().long().unique()


def _state(run: Comparison, rate: float) -> dict[str, str]:
    """What to say of one rate: each method's end, and of gradient descent where the limit is."""
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
        grows = int((losses[1:] <= losses[:-1]).nonzero()[-1]) + 2 if bool((losses[1:] <= losses[:-1]).any()) else 1
        return f"is diverging: its loss grows from step {grows} on, to {result.loss:.3g}"
    return f"loss {result.loss:.4g} after {run.epochs:,} epochs ({result.status})"

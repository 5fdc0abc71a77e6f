"""Move the rate: every method trained at many learning rates, as frames of three charts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bpcompare.comparison.linear import Comparison
from bpcompare.language import N_, _, listed
from bpcompare.show.loss_plane import Plane
from bpcompare.show.report.charts import Chart, Figure, Trace, chart, line, log_axis, looks, within
from bpcompare.show.report.fits import fit_figure, least_squares_predictions, linear_fits
from bpcompare.show.report.planes import directions, drawn_path, path_figure, path_of, steepest_and_flattest
from bpcompare.show.report.trained import Trained, at_rates

TALLEST = 30.0  # starting losses: the top of the loss axis
HEIGHT = 380


@dataclass(frozen=True, eq=False)
class Rates:
    """The section in which the learning rate is moved.

    Attributes:
        charts: Loss curves, paths on the contours, and fitted lines, by name; frame k is the k-th rate.
        states: Per rate what to say of it.
        start: The place of the rate that the comparison trained at.
        directions: Of more than two parameters what the axes of the paths are made of.
    """

    charts: dict[str, Chart]
    states: list[dict[str, str]]
    start: int
    directions: list[tuple[str, str]]


def rates(comparison: Comparison, on_step: Callable[[], object] | None = None) -> Rates | None:
    """Trains every method at every rate, and draws; None where that would take too long.

    Args:
        comparison: What was trained.
        on_step: Called after every epoch of all rates, or after every run.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> found = rates(compare(line(), epochs=3))
        >>> list(found.charts), found.states[found.start]["rate"]
        (['loss', 'path', 'fit'], '0.1')
    """
    runs = at_rates(comparison, on_step)
    if runs is None:
        return None
    start = runs.rates.index(comparison.lr)
    places = range(len(runs.rates))
    by_rate = [{name: trained[k] for name, trained in runs.methods.items()} for k in places]
    states = [_state(comparison, rate, found) for rate, found in zip(runs.rates, by_rate, strict=True)]
    seen = steepest_and_flattest(comparison)
    return Rates(_charts(comparison, seen, by_rate, start), states, start, directions(seen))


def _charts(comparison: Comparison, seen: Plane, by_rate: Sequence[dict[str, Trained]], start: int) -> dict[str, Chart]:
    problem = comparison.problem
    loss, path = _loss_figure(comparison), path_figure(comparison, seen)
    fit = fit_figure(problem, least_squares_predictions(comparison))
    fits = [linear_fits(problem, {n: (t.weights[-1], t.biases[-1]) for n, t in runs.items()}, fit) for runs in by_rate]
    return {
        "loss": chart(loss, HEIGHT, [_losses(comparison, runs) for runs in by_rate], start),
        "path": chart(path, HEIGHT, [_paths(comparison, runs, seen, path) for runs in by_rate], start),
        "fit": chart(fit, HEIGHT, fits, start),
    }


def _top(comparison: Comparison) -> float:
    return TALLEST * max(float(next(iter(comparison.results.values())).losses[0]), 1e-300)


def _loss_figure(comparison: Comparison) -> Figure:
    figure = Figure()
    first = next(iter(comparison.results.values()))
    gap, floor = max(float(first.gaps[0]), 1e-300), comparison.optimum.loss
    lowest = min(float(result.losses.min()) for result in comparison.results.values())
    bottom = max(min(lowest, floor + 1e-3 * gap) if floor > 1e-6 * gap else min(lowest, 1e-4 * gap), 1e-9 * gap)
    figure.x |= {"title": _("epoch"), "range": [0, comparison.epochs]}
    figure.y["range"] = [math.log10(bottom) - 0.1, math.log10(_top(comparison))]
    log_axis(figure, _("loss"))
    return figure


def _losses(comparison: Comparison, runs: dict[str, Trained]) -> list[Trace]:
    top = _top(comparison)
    return [
        line(runs[name].epochs, within(runs[name].losses, 0.0, top), name, look) for name, look in looks(runs).items()
    ]


def _paths(comparison: Comparison, runs: dict[str, Trained], seen: Plane, figure: Figure) -> list[Trace]:
    traces = []
    for name, look in looks(runs).items():
        path = path_of(comparison, runs[name].weights, runs[name].biases, seen)
        more = {"mode": "lines+markers", "marker": {**look["marker"], "size": 5}}
        traces.append(drawn_path(figure, seen, path, name, look, **more))
    return traces


def _state(comparison: Comparison, rate: float, runs: dict[str, Trained]) -> dict[str, str]:
    """What to say of one rate: each method's end, and where the limit of gradient descent is."""
    limit = comparison.curvature.largest_stable_lr
    ends: dict[str, list[str]] = {}
    for name, trained in runs.items():
        ends.setdefault(_end(trained, comparison), []).append(name)
    sentence = listed((_of(names, end) for end, names in ends.items()), N_("; "))
    return {
        "rate": f"{rate:.4g}",
        "limit": _("The limit of gradient descent is 2/λmax = {limit:.6g}; this rate is below it.", limit=limit)
        if rate < limit
        else _("The limit of gradient descent is 2/λmax = {limit:.6g}; this rate is above it.", limit=limit),
        "ends": _("{sentence}.", sentence=sentence),
    }


def _of(names: list[str], end: str) -> str:
    methods = listed(names, N_(" and "))
    return _("{methods}: {end}", methods=methods, end=end)


def _end(trained: Trained, comparison: Comparison) -> str:
    losses = trained.losses[trained.losses.isfinite()]
    if trained.diverged_at:
        return _("diverges at step {step:,}, where a number becomes infinite", step=trained.diverged_at)
    last = {"loss": losses[-1].item(), "epochs": comparison.epochs}
    if losses[-1] > losses[0]:
        falls = (losses[1:] <= losses[:-1]).nonzero()
        step = trained.epochs[int(falls[-1]) + 1] + 1 if len(falls) else 1
        return _(
            "diverges at step {step:,}: from there on its loss grows, to {loss:.4g} after {epochs:,} epochs",
            step=step,
            **last,
        )
    return _("loss {loss:.4g} after {epochs:,} epochs", **last)

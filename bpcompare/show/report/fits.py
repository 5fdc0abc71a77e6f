"""What the learned models say of the data."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bpcompare.comparison.linear import Comparison
from bpcompare.language import _
from bpcompare.problem.networks import along
from bpcompare.problem.problem import Problem
from bpcompare.show.report.charts import (
    GREY,
    MOST_POINTS,
    Figure,
    Trace,
    label,
    line,
    looks,
    points,
    window,
    within,
)

Learned = Mapping[str, tuple[Tensor, Tensor]]  # per method its weight (out, in) and bias (out,), in the user's units

Styles = Mapping[str, dict[str, Any]]


def fit_figure(problem: Problem, best: Tensor | None = None) -> Figure:
    """The data: y against x where there is one input, otherwise what was measured against what is predicted.

    Args:
        problem: What is learned.
        best: What least squares predicts, (N, out), to be the horizontal axis; needed where there are several inputs.
    """
    figure, chosen = Figure(), some(problem.samples)
    y = problem.measured_y[chosen, 0].tolist()
    figure.y |= {"range": window(y, 0.25), "title": label(problem.y_names[0])}
    if best is None:
        x = problem.measured_x[chosen, 0].tolist()
        figure.x |= {"title": label(problem.x_names[0]), "range": window(x)}
        figure.traces.append(points(x, y, _("data"), GREY, "circle-open", 5))
        return figure
    name = label(problem.y_names[0])
    figure.x |= {"title": _("{name}, measured", name=name), "range": window(y)}
    seen = window([*y, *best[chosen, 0].tolist()], 0.25)
    figure.y |= {"title": _("{name}, predicted", name=name), "range": seen}
    ends = window(y)
    look: dict[str, Any] = {"line": {"color": GREY, "width": 1}}
    figure.traces.append(line(ends, ends, _("predicted = measured"), look, hoverinfo="skip"))
    return figure


def linear_fits(problem: Problem, learned: Learned, figure: Figure) -> list[Trace]:
    """Each method's line; of several inputs its predictions."""
    up = figure.y["range"]
    traces = []
    for name, look in looks(learned).items():
        weight, bias = learned[name]
        if problem.in_features == 1:
            ends = torch.tensor(figure.x["range"], dtype=torch.float64)
            traces.append(line(ends.tolist(), within(ends * weight[0, 0] + bias[0], *up), name, look))
        else:
            chosen = some(problem.samples)
            predicted = problem.measured_x[chosen] @ weight[0] + bias[0]
            traces.append(_cloud(problem, chosen, predicted, name, look, up))
    return traces


def _cloud(problem: Problem, chosen: Tensor, predicted: Tensor, name: str, look: Any, up: Any) -> Trace:
    cloud = points([], [], name, look["line"]["color"], f"{look['marker']['symbol']}-open", 6)
    return {**cloud, "x": problem.measured_y[chosen, 0].tolist(), "y": within(predicted, *up)}


def network_fits(problem: Problem, models: Mapping[str, Any], styles: Styles, figure: Figure) -> list[Trace]:
    """Each network's curve; where several inputs vary independently its predictions."""
    curve, up, traces = along(problem), figure.y["range"], []
    for name, model in models.items():
        look = styles[name]
        if curve is not None:
            fitted = problem.predict(model, curve[1])[:, 0]
            traces.append(line(curve[0].tolist(), within(fitted, *up), name, look))
        else:
            chosen = some(problem.samples)
            predicted = problem.predict(model, problem.measured_x[chosen])[:, 0]
            traces.append(_cloud(problem, chosen, predicted, name, look, up))
    return traces


def least_squares_predictions(comparison: Comparison) -> Tensor | None:
    """What the optimum says of every sample, (N, out); None with one input, where a line is drawn instead."""
    problem, best = comparison.problem, comparison.optimum
    return None if problem.in_features == 1 else problem.measured_x @ best.weight.T + best.bias


def some(samples: int) -> Tensor:
    """The places of at most `MOST_POINTS` samples, evenly spaced."""
    return torch.linspace(0, samples - 1, min(samples, MOST_POINTS)).round().long()

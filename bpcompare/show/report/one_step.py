"""One step by hand: the formulas of an epoch with that epoch's numbers put in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import torch
from torch import Tensor

from bpcompare.comparison.adam_ledger import Ledger, column, ledger, rule_by_hand
from bpcompare.comparison.linear import Comparison, Result
from bpcompare.errors import InputError
from bpcompare.problem.parameter_names import Entry, entries
from bpcompare.show.landscape import plane
from bpcompare.show.report.charts import finish, line, looks, points, with_frames, within
from bpcompare.show.report.rates import pair, path_axes, path_of, ranges

MOST_STATES = 240  # of the control; of longer runs the first ten epochs and evenly many of the rest
MOST_PARAMETERS = 4
HIGHEST = 1e250  # drawn on a logarithmic axis
SAMPLES = 3  # first ones whose ŷ and δ are shown
ADAM = ("g", "m", "v", "m_hat", "v_hat", "step")


@dataclass(frozen=True, eq=False)
class OneStep:
    """The section.

    Attributes:
        charts: The paths and the loss curves, with a point for every method; frame k is the k-th state.
        epochs: The epoch of each state.
        states: Per state the number of every field that stands in the formulas.
        parameters: The names of the numbers that are followed.
        samples: Of the samples shown their number, x and y.
        methods: Every method, its kind ("descent", "adam" or "other") and its place.
    """

    charts: dict[str, dict[str, Any]]
    epochs: list[int]
    states: list[dict[str, str]]
    parameters: list[str]
    samples: list[tuple[int, str, str]]
    methods: list[tuple[str, str]]


def one_step(comparison: Comparison) -> OneStep:
    """The numbers of every epoch, and the chart on which the points move."""
    followed = list(entries(comparison.problem))[:MOST_PARAMETERS]
    epochs = states_of(comparison)
    ledgers = dict(_ledgers(comparison))
    kinds = [(name, _kind(result, ledgers.get(name))) for name, result in comparison.results.items()]
    states = [dict(_fields(comparison, followed, ledgers, epoch)) for epoch in epochs]
    return OneStep(_charts(comparison, epochs), epochs, states, [e.name for e in followed], _samples(comparison), kinds)


def states_of(comparison: Comparison) -> list[int]:
    """The epochs that the control stops at: every one of a short run.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.problem import line
        >>> states_of(compare(line(), epochs=3))
        [0, 1, 2, 3]
    """
    last = max(len(result.losses) for result in comparison.results.values()) - 1
    if last < MOST_STATES:
        return list(range(last + 1))
    spread = torch.linspace(10, last, MOST_STATES - 10).round().long().tolist()
    return sorted({*range(10), *spread})


def _ledgers(comparison: Comparison) -> Iterator[tuple[str, Ledger]]:
    if comparison.batch_size not in (None, comparison.problem.samples):
        return
    for name, result in comparison.results.items():
        try:
            rule_by_hand(result.run.method)
        except InputError:
            continue
        yield name, ledger(result.run, comparison.lr)


def _kind(result: Result, books: Ledger | None) -> str:
    if books is not None:
        return "adam"
    return "descent" if result.run.method.canonical_update == "GradientDescent" else "other"


def _fields(
    comparison: Comparison, followed: list[Entry], ledgers: dict[str, Ledger], epoch: int
) -> Iterator[tuple[str, str]]:
    """Every number of one epoch, as the units of training have it; method by method."""
    yield "epoch", f"{epoch:,}"
    for place, (name, result) in enumerate(comparison.results.items()):
        run = result.run
        last = len(run.parameters["weight"]) - 1
        k = min(epoch, last)
        ended = epoch >= last
        weight, bias = run.parameters["weight"], run.parameters.get("bias")
        gradient, bias_gradient = run.gradients["weight"], run.gradients.get("bias")
        yield f"{place}.loss", repr(run.losses[k].item())
        for number, entry in enumerate(followed):
            value = entry.path(weight, weight[..., 0] if bias is None else bias)
            slope = entry.path(gradient, gradient[..., 0] if bias_gradient is None else bias_gradient)
            key = f"{place}.{number}"
            yield f"{key}.p", _short(value[k].item())
            yield f"{key}.p.full", repr(value[k].item())
            yield f"{key}.g", _short(slope[k].item())
            yield f"{key}.g.full", repr(slope[k].item())
            yield f"{key}.next", "–" if ended else _short(value[k + 1].item())
            yield f"{key}.next.full", "–" if ended else repr(value[k + 1].item())
            if name in ledgers:
                for quantity in ADAM:
                    kept = column(ledgers[name], quantity, entry)
                    yield f"{key}.{quantity}", "–" if k >= len(kept) else _short(kept[k].item())
        yield from _per_sample(comparison, run.parameters, place, k)


def _per_sample(comparison: Comparison, parameters: dict[str, Tensor], place: int, k: int) -> Iterator[tuple[str, str]]:
    problem = comparison.problem
    x, y = problem.x[:SAMPLES], problem.y[:SAMPLES]
    bias = parameters.get("bias")
    outputs = x @ parameters["weight"][k].T + (0 if bias is None else bias[k])
    delta = 2 / problem.y.numel() * (outputs - y)
    for i in range(len(x)):
        yield f"{place}.s{i}.out", _short(outputs[i, 0].item())
        yield f"{place}.s{i}.delta", _short(delta[i, 0].item())
        yield f"{place}.s{i}.product", _short((delta[i, 0] * x[i, 0]).item())


def _samples(comparison: Comparison) -> list[tuple[int, str, str]]:
    problem = comparison.problem
    rows = zip(problem.x[:SAMPLES].tolist(), problem.y[:SAMPLES].tolist(), strict=True)
    return [(i + 1, ", ".join(map(_short, x)), ", ".join(map(_short, y))) for i, (x, y) in enumerate(rows)]


def _short(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def _charts(comparison: Comparison, epochs: list[int]) -> dict[str, dict[str, Any]]:
    """The path and the loss of every method, and on both the point of the epoch."""
    seen, styles = plane(comparison), looks(comparison.results)
    paths = {name: pair(seen, path_of(result, seen)) for name, result in comparison.results.items()}
    losses = {name: result.losses.tolist() for name, result in comparison.results.items()}
    path, loss = path_axes(comparison, seen), go.Figure()
    across, up = ranges(path)
    for name, look in styles.items():
        x, y = (torch.tensor(values, dtype=torch.float64) for values in paths[name])
        path.add_trace(line(within(x, *across), within(y, *up), name, look))
        drawable = [value if 0 < value < HIGHEST else None for value in losses[name]]
        loss.add_trace(line(list(range(len(drawable))), drawable, name, look))
    loss.update_xaxes(title="epoch")
    loss.update_yaxes(title="mean squared error", type="log", exponentformat="power", dtick=1)
    on_path = [_points(styles, {n: (x[_at(x, k)], y[_at(x, k)]) for n, (x, y) in paths.items()}) for k in epochs]
    on_loss = [_points(styles, {n: (_at(v, k), v[_at(v, k)]) for n, v in losses.items()}) for k in epochs]
    path.add_traces(on_path[0])
    loss.add_traces(on_loss[0])
    return {"path": with_frames(finish(path, 400), on_path), "loss": with_frames(finish(loss, 400), on_loss)}


def _at(values: list[float], epoch: int) -> int:
    """The epoch, or the last one of a run that ended before."""
    return min(epoch, len(values) - 1)


def _points(styles: dict[str, dict[str, Any]], where: dict[str, tuple[float, float]]) -> list[go.Scatter]:
    traces = []
    for place, (name, (x, y)) in enumerate(where.items()):
        look, size = styles[name], 15 - 4 * min(place, 2)  # methods that agree stand inside each other
        point = points([x], [y], name, look["line"]["color"], look["marker"]["symbol"], size)
        traces.append(point.update(showlegend=False, legendgroup=name))
    return traces

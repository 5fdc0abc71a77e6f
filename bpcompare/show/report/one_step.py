"""One step by hand: the formulas of an epoch with that epoch's numbers put in."""

from collections.abc import Iterator
from dataclasses import dataclass

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from bpcompare.comparison.adam_ledger import Ledger, column, ledger, rule_by_hand
from bpcompare.comparison.linear import Comparison, Result
from bpcompare.errors import InputError
from bpcompare.problem.parameter_names import Entry, entries
from bpcompare.show.landscape import Plane, plane
from bpcompare.show.report.charts import finish, label, line, looks, points, window, within
from bpcompare.show.report.rates import path_of

MOST_STATES = 240  # of the control; of longer runs the first ten epochs and evenly many of the rest
MOST_PARAMETERS = 4
SAMPLES = 3  # first ones whose ŷ and δ are shown
ADAM = ("g", "m", "v", "m_hat", "v_hat", "step")


@dataclass(frozen=True, eq=False)
class OneStep:
    """The section.

    Attributes:
        figure: The landscape and the loss curves, with a point for every method; frame k is the k-th state.
        epochs: The epoch of each state.
        states: Per state the number of every field that stands in the formulas.
        parameters: The names of the numbers that are followed.
        samples: Of the samples shown their number, x and y.
        methods: Every method, its kind ("descent", "adam" or "other") and its place.
    """

    figure: go.Figure
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
    seen = plane(comparison)
    kinds = [(name, _kind(result, ledgers.get(name))) for name, result in comparison.results.items()]
    states = [dict(_fields(comparison, followed, ledgers, epoch)) for epoch in epochs]
    return OneStep(
        _figure(comparison, seen, epochs), epochs, states, [e.name for e in followed], _samples(comparison), kinds
    )


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
        yield f"{place}.loss", repr(run.all_losses[k].item())
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


def _per_sample(
    comparison: Comparison, parameters: dict[str, Tensor], place: int, k: int
) -> Iterator[tuple[str, str]]:
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


def _figure(comparison: Comparison, seen: Plane, epochs: list[int]) -> go.Figure:
    figure = make_subplots(1, 2, subplot_titles=("path of the parameters", "loss"), horizontal_spacing=0.12)
    styles = looks(comparison.results)
    paths = {name: path_of(result, seen) for name, result in comparison.results.items()}
    every = torch.cat([path[:2] for path in paths.values()] + [seen.bottom[None]])
    highs = {name: _second(seen, path) for name, path in paths.items()}
    across = window(every[:, 0].tolist(), 0.6)
    up = window(_second(seen, every).tolist(), 0.6)
    for name, result in comparison.results.items():
        drawn = line(within(paths[name][:, 0], *across), within(highs[name], *up), name, styles[name])  # type: ignore[arg-type]
        figure.add_trace(drawn, 1, 1)
        curve = line(list(range(len(result.losses))), _drawable(result.losses), name, styles[name], showlegend=False)
        figure.add_trace(curve, 1, 2)
    figure.add_trace(points([seen.bottom[0].item()], [_second(seen, seen.bottom[None]).item()], "least squares",
                            "#B8860B", "star", 14), 1, 1)
    figure.update_xaxes(title=label(seen.names[0].replace("\n", " ")), range=across, row=1, col=1)
    second = seen.names[1].replace("\n", " ") if len(seen.names) > 1 else "loss above the optimum"
    figure.update_yaxes(title=label(second), range=up, row=1, col=1)
    figure.update_xaxes(title="epoch", row=1, col=2)
    figure.update_yaxes(title="mean squared error", type="log", exponentformat="power", row=1, col=2)
    fixed = len(figure.data)
    frames = [_points(comparison, paths, highs, epoch) for epoch in epochs]
    for trace, cell in zip(frames[0], [c for _ in paths for c in ((1, 1), (1, 2))], strict=True):
        figure.add_trace(trace, *cell)
    places = list(range(fixed, len(figure.data)))
    figure.frames = [go.Frame(name=str(k), data=traces, traces=places) for k, traces in enumerate(frames)]
    return finish(figure, 420)


def _second(seen: Plane, path: Tensor) -> Tensor:
    return seen.gaps(path) if len(seen.names) == 1 else path[:, 1]


def _drawable(losses: Tensor) -> list[float | None]:
    return [loss if 0 < loss < 1e250 else None for loss in losses.tolist()]


def _points(
    comparison: Comparison, paths: dict[str, Tensor], highs: dict[str, Tensor], epoch: int
) -> list[go.Scatter]:
    traces = []
    for place, (name, look) in enumerate(looks(paths).items()):
        k = min(epoch, len(paths[name]) - 1)
        size = 15 - 4 * min(place, 2)  # methods that agree stand inside each other
        for x, y in (
            (paths[name][k, 0].item(), highs[name][k].item()),
            (k, comparison.results[name].losses[k].item()),
        ):
            point = points([x], [y], name, look["line"]["color"], look["marker"]["symbol"], size)
            point.update(showlegend=False, legendgroup=name)
            traces.append(point)
    return traces

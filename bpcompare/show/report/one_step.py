"""One step by hand: the formulas of an epoch with that epoch's numbers put in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bpcompare.comparison.adam_ledger import Ledger, column, ledger, rule_by_hand
from bpcompare.comparison.base import BaseComparison
from bpcompare.comparison.linear import Comparison, Result
from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem.parameter_names import Entry, entries
from bpcompare.show.report.charts import Chart, Figure, Trace, chart, curve, drawable, log_axis, looks, points, thinned
from bpcompare.show.report.formulas import update
from bpcompare.show.report.planes import drawn_path, pair, path_figure, path_of, steepest_and_flattest

MOST_STATES = 240  # of the control; of longer runs the first ten epochs and evenly many of the rest
MOST_PARAMETERS = 6
SAMPLES = 3  # first ones whose ŷ and δ are shown
MOST_INPUTS = 2  # whose values are shown
HEIGHT = 400
ADAM = ("m", "v", "m_hat", "v_hat", "step")

Fields = dict[str, str]


@dataclass(frozen=True, eq=False)
class OneMethod:
    """One method in the section.

    Attributes:
        name: The method.
        kind: "descent", "adam", "batches" or "other".
        rule: What its update rule is called.
        formulas: Per parameter the formulas of its step.
    """

    name: str
    kind: str
    rule: str
    formulas: list[list[str]]


@dataclass(frozen=True, eq=False)
class OneStep:
    """The section that shows a step by hand.

    Attributes:
        charts: The paths and the loss curves, with a point for every method; frame k is the k-th state.
        states: Per state the number of every field that stands in the formulas.
        parameters: The names of the numbers that are followed.
        samples: Of the samples shown their number, x and y.
        methods: Every method.
    """

    charts: dict[str, Chart]
    states: list[Fields]
    parameters: list[str]
    samples: list[tuple[int, str, str]]
    methods: list[OneMethod]


def one_step(comparison: Comparison) -> OneStep:
    """The numbers of every epoch, and the charts on which the points move.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> one_step(compare(line(), epochs=2)).states[0]["0.0.g.full"]
        '-2.46537446975708'
    """
    followed = list(entries(comparison.problem))[:MOST_PARAMETERS]
    epochs = states_of(comparison)
    ledgers = dict(_ledgers(comparison))
    states = [dict(_fields(comparison, followed, ledgers, epoch)) for epoch in epochs]
    methods = [
        _method(comparison, followed, place, result, result.run.method.name in ledgers)
        for place, result in enumerate(comparison.results.values())
    ]
    names = [entry.name for entry in followed]
    return OneStep(_charts(comparison, epochs), states, names, _samples(comparison), methods)


def states_of(comparison: BaseComparison[Any]) -> list[int]:
    """The epochs that the control stops at: every one of a short run.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> states_of(compare(line(), epochs=3))
        [0, 1, 2, 3]
    """
    last = max(len(result.losses) for result in comparison.results.values()) - 1
    if last < MOST_STATES:
        return list(range(last + 1))
    spread = torch.linspace(10, last, MOST_STATES - 10).round().long().tolist()
    return sorted({*range(10), *spread})


def _in_batches(comparison: Comparison) -> bool:
    return comparison.batch_size not in (None, comparison.problem.samples)


def _ledgers(comparison: Comparison) -> Iterator[tuple[str, Ledger]]:
    if _in_batches(comparison):
        return
    for name, result in comparison.results.items():
        try:
            rule_by_hand(result.run.method)
        except InputError:
            continue
        yield name, ledger(result.run, comparison.lr)


def _method(comparison: Comparison, followed: list[Entry], place: int, result: Result, has_ledger: bool) -> OneMethod:
    method = result.run.method
    if _in_batches(comparison):
        kind = "batches"
    elif has_ledger:
        kind = "adam" if method.canonical_update == "Adam" else "ledger"
    else:
        kind = "descent" if method.canonical_update == "GradientDescent" else "other"
    sizes = comparison.problem.in_features, comparison.problem.out_features
    formulas = [update(kind, f"{place}.{number}", entry, comparison.lr, sizes) for number, entry in enumerate(followed)]
    return OneMethod(method.name, kind, method.update, formulas)


def _fields(
    comparison: Comparison, followed: list[Entry], ledgers: dict[str, Ledger], epoch: int
) -> Iterator[tuple[str, str]]:
    """Every number of one epoch, in the units of training; method by method."""
    yield "epoch", f"{epoch:,}"
    for place, (name, result) in enumerate(comparison.results.items()):
        run = result.run
        last = len(run.losses) - 1
        k, ended = min(epoch, last), epoch >= last
        yield f"{place}.state", state_of(result.run.diverged_at, ended=ended)
        yield f"{place}.loss", repr(run.losses[k].item())
        for number, entry in enumerate(followed):
            key = f"{place}.{number}"
            values, slopes = _of_entry(run.parameters, entry), _of_entry(run.gradients, entry)
            yield from _both(f"{key}.p", values[k].item())
            yield from _both(f"{key}.g", slopes[k].item())
            if ended:
                yield from ((f"{key}.next", "–"), (f"{key}.next.full", "–"))
            else:
                yield from _both(f"{key}.next", values[k + 1].item())
            if name in ledgers:
                for quantity in ADAM:
                    kept = column(ledgers[name], quantity, entry)
                    yield f"{key}.{quantity}", "–" if k >= len(kept) else short(kept[k].item())
        yield from _per_sample(comparison, run.parameters, place, k)


def state_of(diverged_at: int | None, *, ended: bool) -> str:
    """What to say of a state that is the last one of its run."""
    if not ended:
        return ""
    if diverged_at:
        return _("Diverged at step {step:,}: this is its last finite state.", step=diverged_at)
    return _("This is the last state.")


def _of_entry(numbers: dict[str, Tensor], entry: Entry) -> Tensor:
    """One number in every state."""
    weight = numbers["weight"]
    return entry.path(weight, numbers.get("bias", weight[..., 0]))


def _both(key: str, value: float) -> Iterator[tuple[str, str]]:
    """A number as it stands in a formula, and with all its digits."""
    yield key, short(value)
    yield f"{key}.full", repr(value)


def _per_sample(comparison: Comparison, parameters: dict[str, Tensor], place: int, k: int) -> Iterator[tuple[str, str]]:
    problem = comparison.problem
    x, y = problem.x[:SAMPLES], problem.y[:SAMPLES]
    bias = parameters.get("bias")
    outputs = x @ parameters["weight"][k].T + (0 if bias is None else bias[k])
    delta = 2 / problem.y.numel() * (outputs - y)
    for i in range(len(x)):
        yield f"{place}.s{i}.out", short(outputs[i, 0].item())
        yield f"{place}.s{i}.delta", short(delta[i, 0].item())


def _samples(comparison: Comparison) -> list[tuple[int, str, str]]:
    """The first samples; of several outputs the first."""
    problem = comparison.problem
    rows = zip(problem.x[:SAMPLES].tolist(), problem.y[:SAMPLES, 0].tolist(), strict=True)
    digits, more = (6, "") if problem.in_features == 1 else (3, ", …" if problem.in_features > MOST_INPUTS else "")
    return [
        (i + 1, ", ".join(short(v, digits) for v in x[:MOST_INPUTS]) + more, short(y)) for i, (x, y) in enumerate(rows)
    ]


def short(value: float, digits: int = 6) -> str:
    """A few digits, with a proper minus sign.

    Example:
        >>> short(-0.00001234567)
        '−1.23457e−05'
    """
    return f"{value:.{digits}g}".replace("-", "−")


def _charts(comparison: Comparison, epochs: list[int]) -> dict[str, Chart]:
    """The path and the loss of every method, and on both the point of the epoch."""
    seen, styles = steepest_and_flattest(comparison), looks(comparison.results)
    places = {n: path_of(comparison, r.weights, r.biases, seen) for n, r in comparison.results.items()}
    path = path_figure(comparison, seen)
    for name, look in styles.items():
        path.traces.append(drawn_path(path, seen, thinned(places[name]), name, look))
    paths = {name: pair(seen, place) for name, place in places.items()}
    on_path = [moved_points(styles, {n: (x[at(x, k)], y[at(x, k)]) for n, (x, y) in paths.items()}) for k in epochs]
    return {"path": chart(path, HEIGHT, on_path), "loss": loss_chart(comparison, epochs)}


def loss_chart(comparison: BaseComparison[Any], epochs: list[int]) -> Chart:
    """The loss curves, and on them the point of the epoch."""
    figure, styles = Figure(), looks(comparison.results)
    losses = {name: drawable(result.losses) for name, result in comparison.results.items()}
    for name, look in styles.items():
        figure.traces.append(curve(comparison.results[name].losses, name, look))
    figure.x["title"] = _("epoch")
    log_axis(figure, _("loss"))
    moved = [moved_points(styles, {n: (at(v, k), v[at(v, k)]) for n, v in losses.items()}) for k in epochs]
    return chart(figure, HEIGHT, moved)


def at(values: list[Any], epoch: int) -> int:
    """The epoch, or the last one of a run that ended before."""
    return min(epoch, len(values) - 1)


def moved_points(
    styles: dict[str, dict[str, Any]], where: Mapping[str, tuple[float | None, float | None]]
) -> list[Trace]:
    """A point for every method; where methods agree they stand inside each other."""
    traces = []
    for place, (name, (x, y)) in enumerate(where.items()):
        look, size = styles[name], 15 - 4 * min(place, 2)
        point = points([x], [y], name, look["line"]["color"], look["marker"]["symbol"], size)
        traces.append({**point, "showlegend": False, "legendgroup": name})
    return traces

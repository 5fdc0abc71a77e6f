"""The sections of a network: the sizes of its tensors over the epochs, and where they come from."""

from collections.abc import Iterator
from dataclasses import dataclass

from bpcompare.comparison.network import NetworkComparison
from bpcompare.language import _
from bpcompare.problem.networks import along
from bpcompare.show.network_figures import different_sizes
from bpcompare.show.network_table import LayerNames, headline
from bpcompare.show.report.charts import Chart, Figure, chart, curve, log_axis, looks
from bpcompare.show.report.fits import fit_figure, network_fits
from bpcompare.show.report.formulas import mathml
from bpcompare.show.report.one_step import HEIGHT, Fields, at, loss_chart, moved_points, short, state_of, states_of
from bpcompare.show.report.origin import loss_of, source_of
from bpcompare.training import backpropagation

SLOPES = {
    "Sigmoid": r"\sigma'(z) = \sigma(z)(1 - \sigma(z))",
    "Tanh": r"\tanh'(z) = 1 - \tanh^2(z)",
    "ReLU": r"\text{relu}'(z) = 1 \text{ %s } z > 0, \text{ %s } 0",
}
MOST_LAYERS = 8  # whose formulas are written out


@dataclass(frozen=True, eq=False)
class NetworkStep:
    """The section that shows a network at every epoch.

    Attributes:
        charts: The loss and the size of δ in every layer, with a point that moves; and the fit.
        states: Per epoch of the control the numbers in the formulas.
        layers: The layers' names, from the first.
        methods: Per method its formulas.
    """

    charts: dict[str, Chart]
    states: list[Fields]
    layers: list[str]
    methods: list[tuple[str, list[str]]]


@dataclass(frozen=True, eq=False)
class NetworkOrigin:
    """The delta recursion: its formulas, and its source next to the curves.

    Attributes:
        formulas: Per heading its formulas.
        loops: Of the walk forward and the walk back the name, the source code and a chart.
    """

    formulas: list[tuple[str, list[str]]]
    loops: list[tuple[str, str, Chart]]


def title(comparison: NetworkComparison) -> str:
    """What was trained, and how, in one line."""
    return headline(comparison)


def network_step(comparison: NetworkComparison) -> NetworkStep:
    """The sizes of every epoch.

    Example:
        >>> from bpcompare.comparison.network import compare_network
        >>> from bpcompare.problem.networks import quadratic
        >>> network_step(compare_network(quadratic(layers=(2, 5, 1)), "manual", epochs=2)).layers
        ['1: 2 → 5', '2: 5 → 1']
    """
    names, epochs = LayerNames.of(comparison.problem.start), states_of(comparison)
    states = [dict(_fields(comparison, names, epoch)) for epoch in epochs]
    count = min(len(names.layers), MOST_LAYERS)
    methods = [
        (name, [mathml(formula) for formula in _formulas(place, len(names.layers), count)])
        for place, name in enumerate(comparison.results)
    ]
    return NetworkStep(_charts(comparison, names, epochs), states, names.layers, methods)


def _fields(comparison: NetworkComparison, names: LayerNames, epoch: int) -> Iterator[tuple[str, str]]:
    yield "epoch", f"{epoch:,}"
    for place, result in enumerate(comparison.results.values()):
        last = len(result.losses) - 1
        k, track, diverged = min(epoch, last), result.run.track, result.run.diverged_at
        yield f"{place}.state", state_of(diverged, ended=bool(diverged) or epoch >= last)
        yield f"{place}.loss", repr(result.losses[k].item())
        for layer, weight in enumerate(names.weights):
            yield f"{place}.{layer}.delta", short(track.delta_sizes[k, layer].item())
            yield f"{place}.{layer}.W", short(track.norms[weight][k].item())
            yield f"{place}.{layer}.g", short(track.gradient_norms[weight][k].item())
            yield f"{place}.{layer}.next", "–" if k >= last else short(track.norms[weight][k + 1].item())


def _formulas(place: int, layers: int, count: int) -> Iterator[str]:
    """The recursion from the last layer to the first, with slots for the sizes of the epoch."""
    named = {"size": _("size"), "length": _("length")}
    for layer in range(layers - 1, layers - 1 - count, -1):
        number, above = layer + 1, layer + 2
        size = rf"\text{{⟦{place}.{layer}.delta⟧}}"
        if layer == layers - 1:
            yield rf"\delta^{{({number})}} = \frac{{2}}{{out}} (\hat{{y}} - y), \quad \text{{{named['size']} }} {size}"
        else:
            yield (
                rf"\delta^{{({number})}} = (W^{{({above})}})^T \delta^{{({above})}} \odot \sigma'(z^{{({number})}}), "
                rf"\quad \text{{{named['size']} }} {size}"
            )
        yield (
            rf"\frac{{\partial L}}{{\partial W^{{({number})}}}} = \frac{{1}}{{N}} \sum_i \delta_i^{{({number})}} "
            rf"(a_i^{{({layer})}})^T, \quad \text{{{named['length']} }} \text{{⟦{place}.{layer}.g⟧}}"
        )
        yield (rf"\|W^{{({number})}}\|: \quad \text{{⟦{place}.{layer}.W⟧}} \rightarrow \text{{⟦{place}.{layer}.next⟧}}")


def _charts(comparison: NetworkComparison, names: LayerNames, epochs: list[int]) -> dict[str, Chart]:
    charts = {"loss": loss_chart(comparison, epochs)}
    styles = looks(_("layer {name}", name=name) for name in names.layers[:MOST_LAYERS])
    for place, (heading, sizes) in enumerate(different_sizes(comparison).items()):
        figure, columns = Figure(), sizes.unbind(1)[:MOST_LAYERS]
        for values, (layer, look) in zip(columns, styles.items(), strict=True):
            thin = {**look, "line": {**look["line"], "width": 2}}
            figure.traces.append(curve(values, layer, thin))
        log_axis(figure, _("size of δ"))
        figure.x["title"] = _("epoch")
        figure.layout["title"] = {"text": heading, "font": {"size": 14}, "y": 0.98}
        lists = dict(zip(styles, ([v if v > 0 else None for v in c.tolist()] for c in columns), strict=True))
        moved = [moved_points(styles, {n: (at(v, k), v[at(v, k)]) for n, v in lists.items()}) for k in epochs]
        charts[f"delta-{place}"] = chart(figure, HEIGHT, moved)
    return charts


def fit_chart(comparison: NetworkComparison) -> Chart:
    """What the networks say of the data."""
    problem = comparison.problem
    models = {n: r.model for n, r in comparison.results.items() if r.status != "diverged"}
    figure = fit_figure(problem, None if along(problem) else problem.measured_y)
    figure.traces += network_fits(problem, models, looks(comparison.results), figure)
    return chart(figure, HEIGHT)


def _slope(kind: str) -> str:
    """The derivative of an activation function."""
    formula = SLOPES[kind]
    return formula % (_("where"), _("otherwise")) if kind == "ReLU" else formula


def network_origin(comparison: NetworkComparison) -> NetworkOrigin:
    """The delta recursion.

    Source: Rumelhart, Hinton and Williams (1986), Nature 323, eqs. 6-7, in matrix form.
    """
    kinds = dict.fromkeys(LayerNames.of(comparison.problem.start).activations)
    formulas = [
        (
            _("Forward"),
            [
                r"a^{(0)} = x",
                r"z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)}",
                r"a^{(l)} = \sigma(z^{(l)})",
                r"\hat{y} = z^{(L)}",
            ],
        ),
        (
            _("Backward: the delta recursion"),
            [
                r"\delta^{(L)} = \frac{\partial L_i}{\partial z^{(L)}} = \frac{2}{out} (\hat{y} - y)",
                r"\delta^{(l)} = (W^{(l+1)})^T \delta^{(l+1)} \odot \sigma'(z^{(l)})",
                *(_slope(kind) for kind in kinds if kind in SLOPES),
                r"\frac{\partial L_i}{\partial W^{(l)}} = \delta^{(l)} (a^{(l-1)})^T, "
                r"\qquad \frac{\partial L_i}{\partial b^{(l)}} = \delta^{(l)}",
            ],
        ),
    ]
    name, result = next(iter(comparison.results.items()))
    look = looks(comparison.results)[name]
    sources = "\n\n".join([source_of(backpropagation.forward), source_of(backpropagation.deltas)])
    made = [(heading, [mathml(formula) for formula in lines]) for heading, lines in formulas]
    return NetworkOrigin(made, [(name, sources, loss_of(result.losses, name, look))])

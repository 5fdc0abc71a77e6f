"""The pictures of methods that train a network: loss curves, the fit, and the size of δ in every layer over time."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from bpcompare.comparison.network import NetworkComparison
from bpcompare.language import _
from bpcompare.problem.networks import along
from bpcompare.show.network_table import LayerNames
from bpcompare.show.panels import MOST_PANELS, absent, data, drawn_rows, legend_below, predicted_against_measured, title
from bpcompare.show.style import drawable, grid_of, house_style, line_styles, markers_apart, plain


def figures(comparison: NetworkComparison) -> dict[str, Figure]:
    """The pictures of a comparison by file name: "loss", "fit" and "delta".

    Example:
        >>> from bpcompare.comparison.network import compare_network
        >>> from bpcompare.problem.networks import quadratic
        >>> list(figures(compare_network(quadratic(layers=(2, 5, 1)), epochs=2)))
        ['loss', 'fit', 'delta']
    """
    problem = comparison.problem
    with house_style(problem.name, *problem.x_names, *problem.y_names):
        return {"loss": _loss(comparison), "fit": _fit(comparison), "delta": _delta(comparison)}


def _loss(comparison: NetworkComparison) -> Figure:
    figure, (axes,) = grid_of(1, 1, (7.0, 4.2))
    axes.set_yscale("log")
    for place, (name, style) in enumerate(line_styles(comparison.results).items()):
        result = comparison.results[name]
        losses, diverged = drawable(result.losses), result.run.diverged_at
        if diverged:
            label = _("{method}, diverged at step {step}", method=style["label"], step=diverged)
        else:
            label = _("{method}, {loss:.4g} at the end", method=style["label"], loss=result.run.loss)
        axes.plot(range(len(losses)), losses, **{**markers_apart(style, place, len(losses)), "label": label})
        if diverged:
            axes.plot(len(losses) - 1, losses[-1], "x", color="black", markersize=9, markeredgewidth=2)
    axes.set_xlabel(_("epoch"))
    scaled = comparison.problem.scaling
    axes.set_ylabel(_("mean squared error of the standardised columns") if scaled else _("mean squared error"))
    axes.set_title(title(comparison.problem, comparison.lr, comparison.epochs, comparison.batch_size))
    legend_below(figure, axes.get_legend_handles_labels()[0])
    return figure


def _fit(comparison: NetworkComparison) -> Figure:
    """The data with the fitted curves; where no curve can be drawn, what is predicted against what was measured."""
    problem = comparison.problem
    outputs = min(problem.out_features, MOST_PANELS)
    figure, panels = grid_of(outputs, 3, (6.4, 4.6) if outputs == 1 else (4.4, 3.6))
    rows = drawn_rows(problem)
    curve = along(problem)
    for output, axes in enumerate(panels):
        if curve is not None:
            _curves(axes, comparison, rows, output, *curve)
        else:
            predicted_against_measured(axes, problem, _predictions(comparison), rows, output)
        axes.legend(loc="best")
    return figure


def _curves(axes: Axes, comparison: NetworkComparison, rows: Tensor, output: int, x: Tensor, inputs: Tensor) -> None:
    problem = comparison.problem
    data(axes, problem, rows, output)
    for place, (name, style) in enumerate(line_styles(comparison.results).items()):
        if comparison.results[name].status == "diverged":
            absent(axes, style, _("curve"))
            continue
        fitted = problem.predict(comparison.results[name].model, inputs)[:, output]
        axes.plot(x.tolist(), fitted.tolist(), **markers_apart(style, place, len(x)))


def _predictions(comparison: NetworkComparison) -> dict[str, Tensor | None]:
    problem = comparison.problem
    return {
        name: None if result.status == "diverged" else problem.predict(result.model, problem.measured_x)
        for name, result in comparison.results.items()
    }


def _delta(comparison: NetworkComparison) -> Figure:
    """The size of δ in every layer over time, one panel for each calculation."""
    shown = different_sizes(comparison)
    figure, panels = grid_of(len(shown), 3, (4.6, 4.0))
    layers = LayerNames.of(comparison.problem.start).layers
    # No two layers' curves lie on each other, as methods that agree do: one width for all.
    styles = line_styles(_("layer {name}", name=layer) for layer in layers)
    styles = {name: {**style, "linewidth": 1.6} for name, style in styles.items()}
    for axes, (heading, sizes) in zip(panels, shown.items(), strict=True):
        axes.sharey(panels[0])
        for place, style in enumerate(styles.values()):
            axes.plot(range(len(sizes)), drawable(sizes[:, place]), **markers_apart(style, place, len(sizes)))
        axes.set_yscale("log")
        axes.set_title(plain(heading, 60))
        axes.set_xlabel(_("epoch"))
    panels[0].set_ylabel(_("size of δ (root mean square)"))
    legend_below(figure, panels[0].get_legend_handles_labels()[0])
    return figure


def different_sizes(comparison: NetworkComparison) -> dict[str, Tensor]:
    """Size of δ by the names of the methods; methods that agree to the bit share one panel."""
    shown: dict[str, Tensor] = {}
    labelled: set[str] = set()
    for name, result in comparison.results.items():
        if name not in labelled:
            same = [name] + [
                pair.split("~")[1]
                for pair, found in comparison.agreement.items()
                if pair.split("~")[0] == name and found.bit_equal
            ]
            labelled.update(same)
            shown[" = ".join(same)] = result.delta_sizes
    return dict(list(shown.items())[:MOST_PANELS])

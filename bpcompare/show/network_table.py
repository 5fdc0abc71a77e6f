"""The comparison of methods that train a network, as tables and sentences for the terminal."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from bpcompare.comparison.network import NetworkComparison
from bpcompare.comparison.race import FRACTIONS
from bpcompare.language import _
from bpcompare.problem.networks import saturated
from bpcompare.problem.problem import Problem
from bpcompare.show import verdicts
from bpcompare.show.terminal import Columns, percent, text
from bpcompare.training.recording import delta_sizes

VANISHING = 10  # times smaller than in the next layer


@dataclass(frozen=True)
class LayerNames:
    """What to call the Linear layers of a network and their parameters.

    Attributes:
        layers: "1: 2 → 100" and so on.
        weights: The name of each one's weight among the parameters.
        activations: The names of the activations between them.
    """

    layers: list[str]
    weights: list[str]
    activations: list[str]

    @classmethod
    def of(cls, model: nn.Module) -> "LayerNames":
        """The names for the layers of a model.

        Example:
            >>> LayerNames.of(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))).layers
            ['1: 2 → 3', '2: 3 → 1']
        """
        named = [(name, module) for name, module in model.named_modules() if not list(module.children())]
        linear = [(name, module) for name, module in named if isinstance(module, nn.Linear)]
        return cls(
            [f"{i}: {module.in_features} → {module.out_features}" for i, (_, module) in enumerate(linear, 1)],
            [f"{name}.weight" for name, _ in linear],
            [type(module).__name__ for _, module in named if not isinstance(module, nn.Linear)],
        )


def render(
    comparison: NetworkComparison,
    starts: Mapping[str, Problem] | None = None,
    *,
    width: int | None = None,
    color: bool = False,
) -> str:
    """The comparison as text.

    Args:
        comparison: What to tell of.
        starts: The same problem from other initial weights, by their name, to be compared untrained.
        width: The terminal's width in characters; None for plain text, whose tables are Markdown.
        color: Whether to use the terminal's colours.

    Example:
        >>> from bpcompare.comparison.network import compare_network
        >>> from bpcompare.problem.networks import quadratic
        >>> print(render(compare_network(quadratic(layers=(2, 5, 1)), lr=0.002, epochs=2)).splitlines()[0])
        quadratic: 30 samples, network 2 → 5 → 1 (Sigmoid), 21 parameters, float64; lr 0.002, 2 epochs
    """
    tables = [_reached(comparison), _layers(comparison)]
    if starts:
        tables.append(_starts(starts))
    return text([headline(comparison), *tables, "", *sentences(comparison)], width, color)


def headline(comparison: NetworkComparison) -> str:
    """What was trained, and how, in one line."""
    problem = comparison.problem
    names = LayerNames.of(problem.start)
    widths = " → ".join([names.layers[0].split()[1], *[name.split()[-1] for name in names.layers]])
    kinds = ", ".join(dict.fromkeys(names.activations))
    count = sum(p.numel() for p in problem.start.parameters())
    kind = str(problem.dtype).removeprefix("torch.")
    return _(
        "{name}: {samples:,} samples, network {widths}, {count:,} parameters, {kind}; lr {lr:g}, {epochs}",
        name=problem.name,
        samples=problem.samples,
        widths=f"{widths} ({kinds})" if kinds else widths,
        count=count,
        kind=_("{kind}, standardised", kind=kind) if problem.scaling else kind,
        lr=comparison.lr,
        epochs=verdicts.epochs_and_batches(comparison),
    )


def _reached(comparison: NetworkComparison) -> Columns:
    """How far down each method came, and how soon."""
    rows = []
    for name, result in comparison.results.items():
        method, losses = result.run.method, (result.losses[0].item(), result.run.loss, result.losses.min().item())
        counts = [verdicts.epochs_cell(result.epochs_to(fraction)) for fraction in FRACTIONS[:2]]
        status = verdicts.status_cell(result.status, result.run.diverged_at)
        rows.append([name, method.gradient, method.update, *(f"{loss:.6g}" for loss in losses), *counts, status])
    counts_of = verdicts.fraction_headings(FRACTIONS[:2])
    gradient, update, status = words = _("gradient"), _("update"), _("status")
    end, lowest = _("at end"), _("lowest")
    headings = (_("method"), gradient, update, _("loss at start"), end, lowest, *counts_of, status)
    return Columns(headings, rows, words=words, glued=(end, lowest, *counts_of[1:]))


def _layers(comparison: NetworkComparison) -> Columns:
    """Layer by layer, before and after: how large the weights and δ are, and how much is saturated."""
    problem, names = comparison.problem, LayerNames.of(comparison.problem.start)
    before, rows = saturated(problem.start, problem.x), []
    for method, result in comparison.results.items():
        after, track = saturated(result.model, problem.x), result.run.track
        for i, layer in enumerate(names.layers):
            norms, deltas = track.norms[names.weights[i]], track.delta_sizes[:, i]
            cells = [f"{value.item():.3g}" for value in (norms[0], norms[-1], deltas[0], deltas[-1])]
            rows.append(["" if i else method, layer, *cells, _share(before[i]), _share(after[i])])
    last = _("last")
    headings = (_("method"), _("layer"), _("‖W‖ first"), last, _("δ first"), last, _("saturated first"), last)
    return Columns(headings, rows, keys=2, glued=(last,))


def _starts(starts: Mapping[str, Problem]) -> Columns:
    """Untrained networks next to each other."""
    rows = []
    for init, problem in starts.items():
        names, model = LayerNames.of(problem.start), problem.start
        loss = nn.functional.mse_loss(model(problem.x), problem.y).item()
        sizes, shares = delta_sizes(model, problem.x, problem.y), saturated(model, problem.x)
        weights = dict(model.named_parameters())
        for i, layer in enumerate(names.layers):
            norm = weights[names.weights[i]].norm().item()
            cells = [f"{norm:.3g}", f"{sizes[i]:.3g}", _share(shares[i]), "" if i else f"{loss:.4g}"]
            rows.append(["" if i else init, layer, *cells])
    headings = (_("initial weights"), _("layer"), "‖W‖", "δ", _("saturated"), _("loss"))
    return Columns(headings, rows, keys=2)


def _share(value: float | None) -> str:
    return "–" if value is None else percent(100 * value, ".0f")


def sentences(comparison: NetworkComparison) -> Iterator[str]:
    """What the figures mean: agreement, race, size of δ, divergence.

    Example:
        >>> from bpcompare.comparison.network import compare_network
        >>> from bpcompare.problem.networks import quadratic
        >>> next(sentences(compare_network(quadratic(layers=(2, 5, 1)), ["manual", "autograd"], lr=0.002, epochs=2)))
        'agreement  manual ~ autograd: bit-equal in every parameter at every epoch.'
    """
    yield from verdicts.agreements(comparison.agreement, in_ulp=False)
    yield from verdicts.races(comparison.race)
    yield _(
        "gap        is how far the loss is above the lowest that any method reached, as a part of the starting gap."
    )
    yield _("δ          is the root mean square of ∂L/∂z over the units of a layer and the samples, L of one sample.")
    sizes = next(iter(comparison.results.values())).delta_sizes[0].tolist()
    for layer, (size, above) in enumerate(itertools.pairwise(sizes), 1):
        if size * VANISHING < above:
            yield _(
                "vanishing  δ of layer {layer} begins {times:,.0f} times smaller than that of layer {above}.",
                layer=layer,
                times=above / max(size, 1e-300),
                above=layer + 1,
            )
    yield _("saturated  units have |σ′(z)| < 0.01: they pass on less than a hundredth of the δ that reaches them.")
    if comparison.problem.scaling is not None:
        yield _("loss       is that of the standardised columns; the fit is drawn in your own units.")
    yield from verdicts.against_cpu(comparison)
    yield from verdicts.workers()
    for name, result in comparison.results.items():
        if result.status == "diverged":
            yield _(
                "diverged   {method} at step {step}, its numbers are of the last finite state; a network has no "
                "largest stable rate that is known beforehand: try a tenth of this lr.",
                method=name,
                step=result.run.diverged_at,
            )

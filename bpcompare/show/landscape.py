"""The loss seen from above: its contours, and the methods walking down."""

from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from bpcompare.comparison.linear import Comparison
from bpcompare.language import _, listed
from bpcompare.show.loss_plane import Plane, coordinates, paths, plane
from bpcompare.show.style import GREY, Picture, house_style, line_styles, markers_apart, plain
from bpcompare.show.terminal import percent

LEVELS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # of the starting gap
FEWEST = 0.55  # the least ratio of the sides
GRID = 121

START: dict[str, Any] = {"marker": "o", "color": "white", "markeredgecolor": "black", "markersize": 9, "linestyle": ""}
TRUTH: dict[str, Any] = {"marker": "P", "color": "black", "markersize": 9, "linestyle": "", "markeredgecolor": "white"}
OPTIMUM: dict[str, Any] = {"marker": "*", "color": "#F0E442", "markeredgecolor": "black", "markersize": 15}
EIGENVECTOR: dict[str, Any] = {"color": GREY, "linewidth": 1.0, "linestyle": (0, (6, 2, 1, 2)), "zorder": 1.5}
EQUAL = 1e-6  # relative: eigenvalues that differ by less have no axes of their own
LABEL: dict[str, Any] = {
    "fontsize": "small",
    "bbox": {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
}


def figure(comparison: Comparison) -> Figure:
    """The contours of the loss with every method's path, the start, the truth, the optimum and the eigenvectors.

    Both axes have one scale, for only then do paths of gradient descent cross the contours at right angles; the
    contours lie at round parts of the starting gap, ten to three to one, so that every one crossed is a like success.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> len(figure(compare(line(), epochs=2)).axes)
        1
    """
    problem = comparison.problem
    with house_style(problem.name, *problem.x_names, *problem.y_names):
        drawn = Picture(figsize=(7.6, 6.4), layout="constrained")
        axes = drawn.add_subplot()
        seen = draw(axes, comparison)
        styles = path_styles(comparison)
        for place, (name, path) in enumerate(paths(comparison, seen).items()):
            axes.plot(*coordinates(seen, path), **markers_apart(styles[name], place, len(path)))
        drawn.legend(loc="outside lower center", ncols=3)
    return drawn


def path_styles(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """The line styles of the methods, slimmer than for curves: a path may go to and fro."""
    styles = line_styles(comparison.results)
    return {name: {**style, "linewidth": 0.75 * style["linewidth"]} for name, style in styles.items()}


def draw(axes: Axes, comparison: Comparison, small: bool = False) -> Plane:
    """Draws all but the paths, and returns the plane to put them in."""
    seen = plane(comparison)
    every = paths(comparison, seen)
    start_gap = float(seen.gaps(next(iter(every.values()))[0]))
    leaving = [name for name, path in every.items() if len(path) < len(comparison.results[name].losses)]
    points = [path[:-1] if name in leaving else path for name, path in every.items()]
    points += [seen.bottom[None], *_truth(comparison, seen)]
    axes.grid(False)
    names = [_("eigenvector {i}", i=i) for i in (1, 2)] if small and "\n" in seen.names[0] else seen.names
    across, *up = [name.replace("$", r"\$") for name in names]
    if comparison.problem.scaling:
        across, *up = [_("{name} (of standardised columns)", name=name) for name in (across, *up)]
    axes.set_xlabel(across)
    if len(seen.names) == 1:
        _valley(axes, seen, torch.cat(points))
    else:
        axes.set_ylabel(up[0])
        low, high = _window(torch.cat(points))
        _contours(axes, seen, low, high, start_gap, named=not small)
        if not small:  # there, labels would lie on the paths
            _eigenvectors(axes, seen, low, high)
    if small:
        title = _("landscape")
    elif len(seen.names) > 1:
        title = _("contours: loss above the optimum, in {sign} of the starting gap", sign="%")
    else:
        title = _("the loss")
    if leaving:
        title = _("{title}\ncut at the edge: {methods}", title=title, methods=listed(map(plain, leaving)))
    axes.set_title(title)
    _marks(axes, comparison, seen, next(iter(every.values()))[:1])
    return seen


def _truth(comparison: Comparison, seen: Plane) -> list[Tensor]:
    problem = comparison.problem
    if problem.truth is None:
        return []
    weight, bias = problem.truth.weight.double(), problem.truth.bias.double()
    if problem.scaling is not None:
        weight, bias = problem.scaling.parameters_in_training_units(weight, bias)
    return [seen.place(weight[None], bias[None])]


def _window(points: Tensor) -> tuple[Tensor, Tensor]:
    """Corners around the points, not narrower than `FEWEST` of its height nor higher than that part of its width."""
    low, high = points.amin(0), points.amax(0)
    size = (high - low).clamp(min=FEWEST * float((high - low).max()) or 1.0) * 1.22
    return (low + high) / 2 - size / 2, (low + high) / 2 + size / 2


def _contours(axes: Axes, seen: Plane, low: Tensor, high: Tensor, start_gap: float, named: bool) -> None:
    across, up = (torch.linspace(low[i], high[i], GRID, dtype=torch.float64) for i in (0, 1))
    gaps = seen.gaps(torch.stack(torch.meshgrid(across, up, indexing="xy"), -1))
    levels = {part * (start_gap or 1.0): percent(100 * part) for part in LEVELS}
    shades = [str(0.99 - 0.035 * i) for i in range(len(levels) + 1)]
    axes.contourf(across.numpy(), up.numpy(), gaps.numpy(), [0.0, *levels], colors=shades, extend="max")
    lines = axes.contour(across.numpy(), up.numpy(), gaps.numpy(), [*levels], colors="#8a8a8a", linewidths=0.7)
    if named:
        axes.clabel(lines, fmt=levels, fontsize="x-small", colors="#444444")
    axes.set_aspect("equal")
    axes.set_xlim(low[0].item(), high[0].item())
    axes.set_ylim(low[1].item(), high[1].item())


def _eigenvectors(axes: Axes, seen: Plane, low: Tensor, high: Tensor) -> None:
    """The axes of the contours: along each, gradient descent shrinks the distance by 1 − ηλ and touches no other."""
    values, vectors = torch.linalg.eigh(seen.hessian)
    values = torch.where(values > 1e-14 * values.max(), values, 0.0)  # zero but for rounding
    largest, smallest = values[-1].item(), values[0].item()
    if largest - smallest <= EQUAL * largest:
        same = _("λ₁ = λ₂ = {value:.4g}: curved alike in every direction", value=largest)
        axes.annotate(same, (0.5, 0.02), xycoords="axes fraction", ha="center", va="bottom", **LABEL)
        return
    reach = float((high - low).norm())
    for number, (value, vector) in enumerate(zip(values.flip(0).tolist(), vectors.T.flip(0), strict=True), 1):
        ends = torch.stack([seen.bottom - reach * vector, seen.bottom + reach * vector])
        axes.plot(ends[:, 0].tolist(), ends[:, 1].tolist(), **EIGENVECTOR)
        inside = [_edge(seen.bottom, sign * vector, low, high) for sign in (1.0, -1.0)]
        at = max(inside, key=lambda point: float((point - seen.bottom).norm()))
        axes.annotate(
            f"λ{'₁₂'[number - 1]} = {value:.4g}",
            (at[0].item(), at[1].item()),
            ha="center",
            va="center",
            **LABEL,
        )


def _edge(start: Tensor, direction: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Where a ray comes near the window's edge."""
    margin = torch.tensor([0.14, 0.08]) * (high - low)
    wall = torch.where(direction > 0, high - margin, low + margin)
    times = torch.where(direction.abs() > 1e-9, (wall - start) / direction, torch.inf)
    return start + times.min().clamp(min=0) * direction


def _valley(axes: Axes, seen: Plane, points: Tensor) -> None:
    """With one parameter only: the loss gap against it."""
    low, high = points.min().item(), points.max().item()
    margin = 0.08 * (high - low) or 1.0
    across = torch.linspace(low - margin, high + margin, 201, dtype=torch.float64)
    axes.plot(across.tolist(), seen.gaps(across[:, None]).tolist(), color=GREY, linewidth=1)
    axes.set_ylabel(_("loss above the optimum"))


def _marks(axes: Axes, comparison: Comparison, seen: Plane, start: Tensor) -> None:
    unique = comparison.optimum.unique
    bottom = _("least squares") if unique else _("least squares, of many the nearest to the start")
    marks = [(start, START, _("start")), (seen.bottom[None], OPTIMUM, bottom)]
    marks += [(truth, TRUTH, _("truth")) for truth in _truth(comparison, seen)]
    for point, look, label in marks:
        axes.plot(*coordinates(seen, point), **{"linestyle": "", **look}, zorder=5, label=label)

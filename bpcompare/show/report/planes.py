"""The loss from above: contours, start and optimum of the plane in which the methods' paths are shown."""

from typing import Any

import torch
from torch import Tensor

from bpcompare.comparison.linear import Comparison
from bpcompare.language import _
from bpcompare.show.loss_plane import Plane, paths, plane
from bpcompare.show.report.charts import GREY, Figure, Trace, label, line, points, rounded, window, within

GRID = 61
NARROWEST = 0.2  # a side of the picture, of the other one
GOLD = "#A87B00"


def steepest_and_flattest(comparison: Comparison) -> Plane:
    """The plane of the two parameters, or, of more, of the eigenvectors of the largest and the smallest eigenvalue.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> seen = steepest_and_flattest(compare(line(weight=[[1.0, 2.0]]), epochs=1))
        >>> seen.hessian.diag().equal(compare(line(weight=[[1.0, 2.0]]), epochs=1).modes.eigenvalues[[0, -1]])
        True
    """
    return plane(comparison, extreme=True)


def path_figure(comparison: Comparison, seen: Plane) -> Figure:
    """Contours, start and optimum. The picture holds both and the paths near them; what goes far beyond is cut off."""
    figure = Figure()
    start = path_of(comparison, *_start(comparison), seen)
    two = torch.cat([start, seen.bottom[None]])
    across, *up = names(seen)
    figure.x["title"] = across
    if up:
        low, high = _window(torch.cat([two, *(path[:-1] for path in paths(comparison, seen).values())]), two)
        figure.traces.append(_contours(seen, low, high, max(float(seen.gaps(start)), 1e-300)))
        figure.x["range"] = [low[0], high[0]]
        figure.y |= {"title": up[0], "range": [low[1], high[1]]}
    else:
        first, last = window(two[:, 0].tolist(), 0.6)
        points_across = torch.linspace(first, last, GRID, dtype=torch.float64)
        heights = seen.gaps(points_across[:, None]).tolist()
        look: dict[str, Any] = {"line": {"color": GREY}}
        figure.traces.append(line(points_across.tolist(), heights, _("loss"), look, showlegend=False))
        figure.x["range"] = [first, last]
        figure.y |= {"title": _("loss above the optimum"), "range": window(heights)}
    figure.traces.append(points(*pair(seen, start), _("start"), GREY, "circle", 10))
    figure.traces.append(points(*pair(seen, seen.bottom[None]), _("least squares"), GOLD, "star", 14))
    return figure


def names(seen: Plane) -> list[str]:
    """What to write at the axes: parameters by their names, directions by their curvature."""
    if not any("\n" in name for name in seen.names):
        return [label(name) for name in seen.names]
    kinds = (_("steepest direction"), _("flattest direction"))
    curvatures = seen.hessian.diag().tolist()
    named = zip(kinds, curvatures, strict=False)
    return [_("{direction}, λ = {value:.3g}", direction=kind, value=value) for kind, value in named]


def directions(seen: Plane) -> list[tuple[str, str]]:
    """Of each axis that is a direction its title, and what it is made of."""
    return [(axis, name.partition("\n")[0]) for axis, name in zip(names(seen), seen.names, strict=True) if axis != name]


def _window(shown: Tensor, two: Tensor) -> tuple[list[float], list[float]]:
    """Corners around what is shown, as far as it lies within a few times the distance from the start to the optimum."""
    distance = (two[0] - two[1]).abs().max().clamp(min=1e-9)
    near = shown[((shown - two.mean(0)).abs() <= 1.5 * distance).all(1)]
    low, high = near.amin(0), near.amax(0)
    middle, size = (low + high) / 2, high - low
    half = 0.6 * size.clamp(min=max(NARROWEST * float(size.max()), 1e-9))
    return (middle - half).tolist(), (middle + half).tolist()


def _start(comparison: Comparison) -> tuple[Tensor, Tensor]:
    first = next(iter(comparison.results.values()))
    return first.weights[:1], first.biases[:1]


def _contours(seen: Plane, low: list[float], high: list[float], gap: float) -> Trace:
    """Lines of equal loss above the optimum, at powers of ten of ``gap`` and half-way between."""
    across, up = (torch.linspace(low[i], high[i], GRID, dtype=torch.float64) for i in (0, 1))
    heights = seen.gaps(torch.stack(torch.meshgrid(across, up, indexing="xy"), -1)) / gap
    return {
        "type": "contour",
        "x": rounded(across),
        "y": rounded(up),
        "z": [rounded(row) for row in heights.clamp(min=1e-6).log10()],
        "contours": {"start": -3, "end": 1, "size": 0.5, "coloring": "lines"},
        "colorscale": [[0, GREY], [1, GREY]],
        "line": {"width": 0.8},
        "showscale": False,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def path_of(comparison: Comparison, weights: Tensor, biases: Tensor, seen: Plane) -> Tensor:
    """Parameters in the user's units, (states, out, in) and (states, out), as coordinates of the plane."""
    scaling = comparison.problem.scaling
    if scaling is not None:
        weights, biases = scaling.parameters_in_training_units(weights, biases)
    return seen.place(weights, biases)


def pair(seen: Plane, path: Tensor) -> tuple[list[float], list[float]]:
    """What to plot of a path: its two coordinates, or the only one and the loss above the optimum."""
    second = seen.gaps(path) if len(seen.names) == 1 else path[:, 1]
    return path[:, 0].tolist(), second.tolist()


def drawn_path(figure: Figure, seen: Plane, path: Tensor, name: str, look: dict[str, Any], **more: Any) -> Trace:
    """A method's path as far as the picture can show it."""
    first, second = (torch.tensor(values, dtype=torch.float64) for values in pair(seen, path))
    return line(within(first, *figure.x["range"]), within(second, *figure.y["range"]), name, look, **more)

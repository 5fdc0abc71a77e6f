"""A plane in the space of the parameters, on which the loss is seen from above, and the methods' paths in it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.comparison.linear import Comparison, Result
from bpcompare.language import _
from bpcompare.problem.parameter_names import entries
from bpcompare.show.style import shortened
from bpcompare.show.terminal import percent

FARTHEST = 4.0  # starting gaps: what climbs higher leaves the picture


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in the space of the parameters, as they are trained, on which the loss is quadratic.

    Attributes:
        names: What its two coordinates are; one where there is only one parameter.
        axes: The directions of the coordinates, (coordinates, in + bias, out), each of length 1.
        origin: The parameters at (0, 0), (in + bias, out).
        bottom: The coordinates of the optimum.
        hessian: Of the loss in these coordinates.
    """

    names: tuple[str, ...]
    axes: Tensor
    origin: Tensor
    bottom: Tensor
    hessian: Tensor

    def place(self, weights: Tensor, biases: Tensor) -> Tensor:
        """The coordinates of weights (K, out, in) and biases (K, out), (K, coordinates): what is seen from above."""
        rows = torch.cat([weights.double().mT, biases.double()[:, None]], 1)[:, : len(self.origin)]
        return torch.einsum("kpo,cpo->kc", rows - self.origin, self.axes)

    def gaps(self, points: Tensor) -> Tensor:
        """½ (u − u*)ᵀ H (u − u*) of points (…, coordinates): how far the loss is above the optimum's."""
        away = points - self.bottom
        return 0.5 * torch.einsum("...i,ij,...j->...", away, self.hessian, away)


def plane(comparison: Comparison, *, extreme: bool = False) -> Plane:
    """The plane of the two parameters, or, where there are more, of the two eigenvectors that tell most.

    Those are the directions that the largest parts of the starting gap lie in; through the optimum, so that what is
    seen is the loss with every other direction already at its best.

    Args:
        comparison: What was trained.
        extreme: Whether to take the directions of the largest and the smallest curvature instead.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> plane(compare(line(), epochs=2)).names
        ('weight', 'bias')
    """
    modes = comparison.modes
    names = [shortened(entry.name) for entry in entries(comparison.problem)]
    weight, bias = modes.limit
    optimum = torch.cat([weight.T, bias[None]])[: len(modes.start)]
    if len(names) <= 2 and optimum.shape[1] == 1:
        units = torch.eye(len(names), dtype=torch.float64)[..., None]
        hessian = modes.eigenvectors @ modes.eigenvalues.diag() @ modes.eigenvectors.T
        return Plane(tuple(names), units, torch.zeros_like(optimum), optimum[:, 0], hessian)
    if not len(modes.eigenvalues):  # all inputs are 0: the loss is flat, and every direction as good as another
        flat = torch.zeros_like(optimum)[None]
        flat[0, 0, 0] = 1
        return Plane((names[0],), flat, optimum, torch.zeros(1).double(), torch.zeros(1, 1).double())
    if extreme:
        outputs, last = modes.initial_excess.argmax(1), len(modes.eigenvalues) - 1
        order = torch.tensor([mode * optimum.shape[1] + int(outputs[mode]) for mode in sorted({0, last})])
    else:
        order = modes.initial_excess.flatten().argsort(descending=True, stable=True)[:2]
    axes, labels, curvatures = [], [], []
    share = modes.initial_excess / modes.initial_excess.sum().clamp(min=1e-300)
    for place in order.tolist():
        mode, output = divmod(place, optimum.shape[1])
        axis = torch.zeros_like(optimum)
        axis[:, output] = modes.eigenvectors[:, mode]
        axes.append(axis)
        curvatures.append(modes.eigenvalues[mode])
        parts = {"direction": _combination(axis, names), "part": percent(100 * share[mode, output].item(), ".3g")}
        if extreme:
            part = _(
                "{direction}\n(λ = {curvature:.3g}, {part} of the starting gap)",
                curvature=curvatures[-1].item(),
                **parts,
            )
        else:
            part = _("{direction}\n({part} of the starting gap)", **parts)
        labels.append(part)
    bottom = torch.zeros(len(axes), dtype=torch.float64)
    return Plane(tuple(labels), torch.stack(axes), optimum, bottom, torch.stack(curvatures).diag())


def _combination(axis: Tensor, names: list[str]) -> str:
    """The three largest parts of a direction, as "0.81 weight − 0.57 bias"."""
    parts = axis.T.flatten()  # output by output, as the names are
    largest = parts.abs().argsort(descending=True, stable=True)[:3].tolist()
    kept = [i for i in sorted(largest) if parts[i].abs() > 0.005]
    text = " ".join(f"{'−' if parts[i] < 0 else '+'} {parts[i].abs().item():.2f} {names[i]}" for i in kept)
    more = " + …" if int((parts.abs() > 0.05).sum()) > len(kept) else ""
    return text.removeprefix("+ ") + more


def paths(comparison: Comparison, seen: Plane) -> dict[str, Tensor]:
    """Every method's states in the plane, (steps + 1, coordinates), up to where it climbs out of the picture."""

    def path(result: Result) -> Tensor:
        weights = result.run.parameters["weight"]
        biases = result.run.parameters.get("bias", weights.new_zeros(weights.shape[:2]))
        points = seen.place(weights, biases)
        gaps = seen.gaps(points)
        out = gaps > FARTHEST * gaps[0].clamp(min=1e-300)
        return points[: int(out.int().argmax()) + 1] if bool(out.any()) else points

    return {name: path(result) for name, result in comparison.results.items()}


def coordinates(seen: Plane, path: Tensor) -> tuple[list[float], list[float]]:
    """What to plot of a path: its two coordinates, or the only one and the loss gap."""
    second = seen.gaps(path) if len(seen.names) == 1 else path[:, 1]
    return path[:, 0].tolist(), second.tolist()

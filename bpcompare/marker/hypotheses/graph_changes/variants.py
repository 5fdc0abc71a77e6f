"""Other calculations of a linear operation: windows with another stride, bins of another length, neighbours exchanged.

The backward of each is what is written where the stride, the padding or the place is mistaken.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.phrases import Phrase, phrase

Variant = Callable[..., Any]


def of_step(step: Step) -> Iterator[tuple[Phrase, Variant]]:
    """What is mistaken, and what calculates so; the shape of the result is the same."""
    if step.op in ("sqrt", "rsqrt"):
        yield from _roots(step)
    if step.op == "im2col":
        yield from _windows(step)
    if step.op == "avg_pool2d" and len(step.args) > 3 and max(step.args[3]):
        yield Phrase(N_("the padding is not taken off: everything is shifted by it")), _shifted
    if step.op == "_adaptive_avg_pool2d":
        yield Phrase(N_("every bin is as long as size // bins, as if the bins were equal")), _equal_bins
        yield Phrase(N_("every bin is as long as the first")), _first_bin
    if step.op == "upsample_linear1d":
        yield Phrase(N_("the weights of the left and the right neighbour are exchanged")), _exchanged
        yield Phrase(N_("both neighbours weigh ½")), _halves


def _roots(step: Step) -> Iterator[tuple[Phrase, Variant]]:
    """√x + ε for √(x + ε)."""
    inside = step.operands[0]
    added = inside.args[1] if inside.op == "add" and len(inside.args) > 1 else None
    if not isinstance(added, (int, float)):
        return

    def outside(x: Tensor) -> Tensor:
        root = torch.sqrt(x - added) + added
        return 1 / root if step.op == "rsqrt" else root

    yield phrase(N_("{number:g} is added outside the root, not inside"), number=added), outside


def _windows(step: Step) -> Iterator[tuple[Phrase, Variant]]:
    _, _, dilation, padding, stride = step.args
    if max(stride) > 1:
        yield Phrase(N_("the stride is forgotten: windows follow each other by one")), _other_windows(stride=(1, 1))
    if max(dilation) > 1:
        yield (
            Phrase(N_("the dilation is forgotten: the entries of a window lie next to each other")),
            _other_windows(dilation=(1, 1)),
        )
    if max(padding) > 0:
        yield Phrase(N_("the padding is not taken off: everything is shifted by it")), _other_windows(padding=(0, 0))


def _other_windows(**mistaken: Sequence[int]) -> Variant:
    """im2col whose windows are as many, taken from elsewhere; what lies outside counts as 0."""

    def calculate(
        x: Tensor, kernel: Sequence[int], dilation: Sequence[int], padding: Sequence[int], stride: Sequence[int]
    ) -> Tensor:
        right = {"dilation": dilation, "padding": padding, "stride": stride}
        used = {**right, **mistaken}
        places, inside = [], []
        for axis in (0, 1):
            size = x.shape[2 + axis]
            count = (size + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
            first = torch.arange(count) * used["stride"][axis] - used["padding"][axis]
            place = first + torch.arange(kernel[axis])[:, None] * used["dilation"][axis]
            inside.append((place >= 0) & (place < size))
            places.append(place.clamp(0, size - 1))
        taken = x[:, :, places[0][:, None, :, None], places[1][None, :, None, :]]
        counts = inside[0][:, None, :, None] & inside[1][None, :, None, :]
        return (taken * counts).reshape(x.shape[0], x.shape[1] * kernel[0] * kernel[1], -1)

    return calculate


def _shifted(x: Tensor, kernel: Any, stride: Any, padding: Sequence[int], *rest: Any) -> Tensor:
    high, wide = padding if len(padding) == 2 else (padding[0], padding[0])
    return F.avg_pool2d(F.pad(x, (0, 2 * wide, 0, 2 * high)), kernel, stride or kernel, 0)


def _bins(size: int, bins: int, length: Callable[[int, int], int]) -> Tensor:
    """One row for each bin; the number that it is divided by may be mistaken."""
    rows = torch.zeros(bins, size, dtype=torch.float64)
    for row in range(bins):
        first, last = row * size // bins, -(-(row + 1) * size // bins)
        rows[row, first:last] = 1 / length(size, bins)
    return rows


def _equal_bins(x: Tensor, bins: Sequence[int]) -> Tensor:
    high, wide = (_bins(x.shape[-2 + axis], bins[axis], lambda size, n: max(size // n, 1)) for axis in (0, 1))
    return high @ x @ wide.t()


def _first_bin(x: Tensor, bins: Sequence[int]) -> Tensor:
    high, wide = (_bins(x.shape[-2 + axis], bins[axis], lambda size, n: -(-size // n)) for axis in (0, 1))
    return high @ x @ wide.t()


def _neighbours(size: int, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    """For every place of the result the left neighbour and the weight of each."""
    unit: Any = torch.ops.aten.upsample_linear1d.default
    weights = unit(torch.eye(size, dtype=torch.float64)[None], *rest)[0].t()
    left = (weights > 0).double().argmax(1).clamp(max=size - 2)
    here = torch.arange(len(left))
    return left, weights[here, left], weights[here, left + 1]


def _exchanged(x: Tensor, *rest: Any) -> Tensor:
    left, first, second = _neighbours(x.shape[-1], *rest)
    return x[..., left] * second + x[..., left + 1] * first


def _halves(x: Tensor, *rest: Any) -> Tensor:
    left, _, _ = _neighbours(x.shape[-1], *rest)
    return (x[..., left] + x[..., left + 1]) / 2

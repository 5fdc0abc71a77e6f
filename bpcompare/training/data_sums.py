"""All that the mean squared error of a linear model knows of the data: sums over the rows, taken once."""

import functools
from collections.abc import Iterable, Iterator, MutableMapping

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from bpcompare.problem.devices import in_float64

AT_ONCE = 2**24  # numbers that are held in float64 at a time

Sums = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
_kept: MutableMapping[Tensor, tuple[Tensor, tuple[int, int], Sums]] = WeakIdKeyDictionary()


def sums(x: Tensor, y: Tensor) -> Sums:
    """x̄ (in,), ȳ (out,), Sxx (in, in), Syx (out, in) and tr Syy: all that the mean squared error knows of the data.

    They are remembered as long as x lives and neither x nor y is changed in place. The rows are taken in blocks, so
    that the memory that the sums need is bounded.

    Example:
        >>> x_mean, _, sxx, _, _ = sums(torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [6.0]]))
        >>> x_mean.item(), sxx.item()
        (2.0, 1.0)
    """
    versions = (x._version, y._version)
    if (kept := _kept.get(x)) and kept[0] is y and kept[1] == versions:
        return kept[2]
    n, rows = len(x), max(1, AT_ONCE // (x.shape[1] + y.shape[1]))
    x_mean, y_mean = (_total(in_float64(block).sum(0) for block in values.split(rows)) / n for values in (x, y))

    def centred() -> Iterator[tuple[Tensor, Tensor]]:
        for x_block, y_block in zip(x.split(rows), y.split(rows), strict=True):
            yield in_float64(x_block) - x_mean, in_float64(y_block) - y_mean

    products = [(a.T @ a, b.T @ a, b.square().sum()) for a, b in centred()]
    sxx, syx, syy = (_total(parts) / n for parts in zip(*products, strict=True))
    found = (x_mean, y_mean, sxx, syx, syy)
    _kept[x] = (y, versions, found)
    return found


def _total(parts: Iterable[Tensor]) -> Tensor:
    return functools.reduce(torch.add, parts)

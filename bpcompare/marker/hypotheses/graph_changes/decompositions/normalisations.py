"""Normalisations, and the spreads and lengths that they divide by."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def layer_norm(
    x: Tensor, shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Layer norm with its mean and its 1/standard deviation."""
    dims = list(range(-len(shape), 0))
    mean = x.mean(dims, keepdim=True)
    centred = x - mean
    squares = centred**2
    variance = squares.mean(dims, keepdim=True)
    inverse_std = torch.rsqrt(variance + eps)
    normalised = centred * inverse_std
    return _affine(normalised, weight, bias), mean, inverse_std


def _affine(normalised: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = normalised if weight is None else normalised * weight
    return scaled if bias is None else scaled + bias


def rms_norm(x: Tensor, shape: Sequence[int], weight: Tensor | None, eps: float | None) -> tuple[Tensor, Tensor]:
    """RMS norm with its 1/root mean square."""
    dims = list(range(-len(shape), 0))
    squares = x**2
    mean_square = squares.mean(dims, keepdim=True)
    inverse_rms = torch.rsqrt(mean_square + (torch.finfo(x.dtype).eps if eps is None else eps))
    normalised = x * inverse_rms
    return (normalised if weight is None else normalised * weight), inverse_rms


def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm; the running statistics are left as they are."""
    dims = [d for d in range(x.dim()) if d != 1]
    along = [1, -1] + [1] * (x.dim() - 2)
    if training or running_mean is None or running_var is None:
        mean = x.mean(dims, keepdim=True)
        centred = x - mean
        squares = centred**2
        variance = squares.mean(dims, keepdim=True)
    else:
        mean = running_mean.reshape(along)
        centred = x - mean
        variance = running_var.reshape(along)
    inverse_std = torch.rsqrt(variance + eps)
    normalised = centred * inverse_std
    shaped = [None if p is None else p.reshape(along) for p in (weight, bias)]
    return _affine(normalised, *shaped), mean.reshape(-1), inverse_std.reshape(-1)


def batch_norm_without_statistics(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, training: bool, momentum: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm that keeps no running statistics."""
    return batch_norm(x, weight, bias, None, None, True, momentum, eps)


def group_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, n: int, channels: int, rest: int, groups: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Group norm with its mean and its 1/standard deviation."""
    grouped = x.reshape(n, groups, channels // groups, *x.shape[2:])
    dims = list(range(2, grouped.dim()))
    mean = grouped.mean(dims, keepdim=True)
    centred = grouped - mean
    squares = centred**2
    variance = squares.mean(dims, keepdim=True)
    inverse_std = torch.rsqrt(variance + eps)
    normalised = (centred * inverse_std).reshape(x.shape)
    along = [1, -1] + [1] * (x.dim() - 2)
    shaped = [None if p is None else p.reshape(along) for p in (weight, bias)]
    return _affine(normalised, *shaped), mean.reshape(n, groups), inverse_std.reshape(n, groups)


def variance(
    x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = 1, keepdim: bool = False
) -> Tensor:
    """Σ (x − mean)² / (n − correction)."""
    dims = list(range(x.dim())) if not dim else list(dim)
    count = math.prod(x.shape[d] for d in dims)
    mean = x.mean(dims, keepdim=True)
    centred = x - mean
    squares = centred**2
    if correction == 0:
        return squares.mean(dims, keepdim=keepdim)
    total = squares.sum(dims, keepdim=keepdim)
    return total / (count - (1 if correction is None else correction))


def standard_deviation(
    x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = 1, keepdim: bool = False
) -> Tensor:
    """The root of the variance."""
    spread = variance(x, dim, correction=correction, keepdim=keepdim)
    return torch.sqrt(spread)


def variance_and_mean(
    x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """The variance and the mean."""
    dims = list(range(x.dim())) if not dim else list(dim)
    return variance(x, dim, correction=correction, keepdim=keepdim), x.mean(dims, keepdim=keepdim)


def vector_norm(
    x: Tensor, ord: float = 2, dim: Sequence[int] | None = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """‖x‖ of order 1 or 2."""
    if ord not in (1, 2):
        return NotImplemented  # type: ignore[no-any-return]
    dims = list(range(x.dim())) if dim is None else list(dim)
    if ord == 1:
        return x.abs().sum(dims, keepdim=keepdim)
    squares = x**2
    total = squares.sum(dims, keepdim=keepdim)
    return torch.sqrt(total)

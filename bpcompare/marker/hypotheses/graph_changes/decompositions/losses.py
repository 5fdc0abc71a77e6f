"""Losses, from the residual or the predicted probability on."""

import torch
from torch import Tensor


def _reduce(values: Tensor, reduction: int) -> Tensor:
    return values.mean() if reduction == 1 else values.sum() if reduction == 2 else values


def mse_loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    """(x − target)²."""
    residual = x - target
    return _reduce(residual**2, reduction)


def huber_loss(x: Tensor, target: Tensor, reduction: int = 1, delta: float = 1.0) -> Tensor:
    """½r² where |r| ≤ δ, δ(|r| − ½δ) elsewhere."""
    residual = x - target
    size = residual.abs()
    inside = 0.5 * residual**2
    outside = delta * (size - 0.5 * delta)
    return _reduce(torch.where(size < delta, inside, outside), reduction)


def smooth_l1_loss(x: Tensor, target: Tensor, reduction: int = 1, beta: float = 1.0) -> Tensor:
    """½r²/β where |r| < β, |r| − ½β elsewhere."""
    residual = x - target
    size = residual.abs()
    inside = 0.5 * residual**2 / beta
    outside = size - 0.5 * beta
    return _reduce(torch.where(size < beta, inside, outside), reduction)


def binary_cross_entropy(x: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1) -> Tensor:
    """−t log x − (1 − t) log(1 − x)."""
    losses = -(target * torch.log(x) + (1 - target) * torch.log(1 - x))
    return _reduce(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    x: Tensor, target: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None, reduction: int = 1
) -> Tensor:
    """(1 − t) x + log(1 + exp(−x))."""
    if pos_weight is None:
        losses = x - x * target + torch.log1p(torch.exp(-x))
    else:
        positive = pos_weight * target * torch.log1p(torch.exp(-x))
        negative = (1 - target) * torch.log1p(torch.exp(x))
        losses = positive + negative
    return _reduce(losses if weight is None else losses * weight, reduction)


def nll_loss(
    x: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """−x at the target, averaged over the weights of the targets that count."""
    if x.dim() not in (1, 2):
        return NotImplemented  # type: ignore[no-any-return]
    rows, wanted = (x, target) if x.dim() == 2 else (x.unsqueeze(0), target.reshape(1))
    counted = wanted != ignore_index
    safe = torch.where(counted, wanted, 0)
    share = counted.to(x.dtype) if weight is None else weight[safe] * counted
    losses = -rows.gather(1, safe.unsqueeze(1)).squeeze(1) * share
    total = share.sum()
    if reduction == 0:
        return losses.reshape(target.shape), total
    return (losses.sum() / total if reduction == 1 else losses.sum()), total

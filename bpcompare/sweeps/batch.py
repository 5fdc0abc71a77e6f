"""The loop of `training.train` for many runs of one way at once, as one batch of parameters.

The runs stand side by side in the last dimensions of the parameters, (…, seeds, rates); one step of the update rule
moves them all. The mean squared error knows of the data only their means and second moments (`gradients.sums`), so
that an epoch of a run costs a few multiplications, however many rows there are.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bpcompare.problem.problem import Problem
from bpcompare.training.floating_point import beyond_range
from bpcompare.training.gradients import sums
from bpcompare.training.methods import Method
from bpcompare.training.updates import RULES, Adam


class Outcome(NamedTuple):
    """What the runs of one way on some of the problems came to, shaped as in `sweep.Sweep`."""

    losses: Tensor
    diverged_at: Tensor
    weights: Tensor
    biases: Tensor


@torch.no_grad()
def train_batch(
    method: Method,
    problems: Sequence[Problem],
    lr: Tensor,
    epochs: int,
    checkpoints: Tensor,
    on_epoch: Callable[[], object] | None = None,
) -> Outcome:
    """All runs of one way on some problems, at every rate.

    Args:
        method: The way; only its update rule counts, one of those by hand.
        problems: Problems of one shape and precision.
        lr: The learning rates, (rates,) float64.
        epochs: How many.
        checkpoints: The epochs whose losses are kept, rising.
        on_epoch: Called after every epoch of them all.

    Raises:
        InputError: A run cannot take its first step.

    Example:
        >>> from bpcompare.problem.problem import line
        >>> rates = torch.tensor([0.1, 0.5], dtype=torch.float64)
        >>> outcome = train_batch(Method.named("manual"), [line()], rates, 50, torch.tensor([0, 50]))
        >>> outcome.losses.shape, round(outcome.weights[0, 0].item(), 5)
        (torch.Size([2, 1, 2]), 1.31356)
    """
    batch = _Batch(problems, len(lr))
    kind = RULES[method.canonical_update]
    # Adam divides lr by its correction before it rounds to the parameters' precision, gradient descent rounds at once.
    rule = kind(batch.parameters, lr=lr if issubclass(kind, Adam) else lr.to(batch.parameters[0].dtype))
    states = torch.zeros(len(problems), len(lr), dtype=torch.int32)  # finite ones, in a row from the start
    alive = torch.ones_like(states, dtype=torch.bool)
    kept = set(checkpoints.tolist())
    losses = iter(table := torch.empty(len(kept), *states.shape, dtype=torch.float64))
    for epoch in range(epochs + 1):
        loss = batch.gradient()
        if epoch == 0 and not bool(loss.isfinite().all()):
            raise beyond_range("loss", loss.dtype)
        states += alive.logical_and_(loss.abs() < math.inf)
        if epoch in kept:
            next(losses).copy_(loss).masked_fill_(~alive, math.nan)
        if epoch < epochs:
            rule.step()
            if on_epoch:
                on_epoch()
    return _in_user_units(problems, batch, table, torch.where(alive, 0, states), alive)


class _Batch:
    """The parameters of all runs, (out, in, seeds, rates) and (out, seeds, rates), and their gradient by moments."""

    def __init__(self, problems: Sequence[Problem], rates: int) -> None:
        def beside(tensors: Sequence[Tensor]) -> Tensor:
            return torch.stack(list(tensors), -1)[..., None]  # (…, seeds, 1)

        self.x_mean, self.y_mean, self.sxx, self.syx, self.syy = map(
            beside, zip(*[sums(p.x, p.y) for p in problems], strict=True)
        )
        starts = [[values.detach() for values in p.start.parameters()] for p in problems]
        self.parameters = [
            beside(values).repeat(*[1] * (values[0].ndim + 1), rates) for values in zip(*starts, strict=True)
        ]

    def gradient(self) -> Tensor:
        """L (seeds, rates); leaves ∂L/∂p in every ``p.grad``, as `gradients.moments` does, operation by operation."""
        parameter, *bias = self.parameters
        weight = parameter.double()
        mean_residual = _times(weight, self.x_mean[:, None])[:, 0] - self.y_mean
        if bias:
            mean_residual += bias[0]
        slope = _times(weight, self.sxx) - self.syx
        scale = 2 / len(self.y_mean)
        parameter.grad = (scale * (slope + mean_residual[:, None] * self.x_mean)).to(parameter.dtype)
        if bias:
            bias[0].grad = (scale * mean_residual).to(parameter.dtype)
        total = ((slope - self.syx) * weight).sum((0, 1)) + self.syy + mean_residual.square().sum(0)
        return (total / len(self.y_mean)).to(parameter.dtype)


def _times(left: Tensor, right: Tensor) -> Tensor:
    """The matrix product over the first two dimensions, (a, b, …)·(b, c, …), one column after another."""
    product = left[:, 0, None] * right[0]
    for i in range(1, len(right)):
        product += left[:, i, None] * right[i]
    return product


def _in_user_units(
    problems: Sequence[Problem], batch: _Batch, losses: Tensor, diverged_at: Tensor, alive: Tensor
) -> Outcome:
    weight, *bias = [values.double().movedim((-2, -1), (0, 1)) for values in batch.parameters]
    offset = bias[0] if bias else weight.new_zeros(weight.shape[:-1])
    pairs = [p.in_user_units(w, b) for p, w, b in zip(problems, weight, offset, strict=True)]
    weights, biases = (torch.stack(values) for values in zip(*pairs, strict=True))
    return Outcome(
        losses,
        diverged_at,
        torch.where(alive[..., None, None], weights, math.nan),
        torch.where(alive[..., None], biases, math.nan),
    )

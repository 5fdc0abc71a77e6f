"""The loop of `training.train` for many runs of one method at once, as one batch of parameters.

The runs stand side by side in the last dimensions of the parameters, (…, seeds, rates); one step of the update rule
moves them all. The mean squared error knows of the data only their means and second moments (`data_sums.sums`), so
that an epoch of a run costs a few multiplications, however many rows there are.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bpcompare.language import _
from bpcompare.problem import devices
from bpcompare.problem.problem import Problem
from bpcompare.training.data_sums import sums
from bpcompare.training.floating_point import beyond_range
from bpcompare.training.methods import Method
from bpcompare.training.updates import RULES, Adam


class Outcome(NamedTuple):
    """What the runs of one method on some of the problems came to, shaped as in `sweep.Sweep`."""

    losses: Tensor
    diverged_at: Tensor
    weights: Tensor
    biases: Tensor
    path_weights: Tensor | None
    path_biases: Tensor | None


@torch.no_grad()
def train_batch(
    method: Method,
    problems: Sequence[Problem],
    lr: Tensor,
    epochs: int,
    checkpoints: Tensor,
    on_epoch: Callable[[], object] | None = None,
    paths: bool = False,
    device: torch.device = devices.CPU,
) -> Outcome:
    """All runs of one method on some problems, at every rate.

    Args:
        method: Only its update rule counts, one of those by hand.
        problems: Problems of one shape and precision.
        lr: The learning rates, (rates,) float64.
        epochs: The number of passes over the samples.
        checkpoints: The epochs whose losses are kept, rising.
        on_epoch: Called after every epoch of them all.
        paths: Whether to keep the parameters at the checkpoints, too.
        device: Where the runs are trained; what they came to is on the CPU.

    Raises:
        InputError: A run cannot take its first step.

    Example:
        >>> from bpcompare.problem.line import line
        >>> rates = torch.tensor([0.1, 0.5], dtype=torch.float64)
        >>> outcome = train_batch(Method.named("manual"), [line()], rates, 50, torch.tensor([0, 50]))
        >>> outcome.losses.shape, round(outcome.weights[0, 0].item(), 5)
        (torch.Size([2, 1, 2]), 1.31356)
    """
    batch, lr = _Batch(problems, len(lr), device), lr.to(device)
    kind = RULES[method.canonical_update]
    # Adam divides lr by its correction before it rounds to the parameters' precision, gradient descent rounds at once.
    rule = kind(batch.parameters, lr=lr if issubclass(kind, Adam) else lr.to(batch.parameters[0].dtype))
    states = torch.zeros(len(problems), len(lr), dtype=torch.int32, device=device)  # finite ones from the start
    alive = torch.ones_like(states, dtype=torch.bool)
    kept = set(checkpoints.tolist())
    losses = iter(table := torch.empty(len(kept), *states.shape, dtype=torch.float64))
    path = []
    for epoch in range(epochs + 1):
        loss = batch.gradient()
        if epoch == 0 and not bool(loss.isfinite().all()):
            raise beyond_range(_("loss"), loss.dtype)
        states += alive.logical_and_(loss.abs() < math.inf)
        if epoch in kept:
            next(losses).copy_(batch.loss_in_user_units(loss)).masked_fill_(~alive.cpu(), math.nan)
            if paths:
                path.append(_in_user_units(problems, batch, alive))
        if epoch < epochs:
            rule.step()
            if on_epoch:
                devices.synchronize(device)
                on_epoch()
    along = (torch.stack(values) for values in zip(*path, strict=True)) if paths else (None, None)
    return Outcome(table, torch.where(alive, 0, states).cpu(), *_in_user_units(problems, batch, alive), *along)


def one_per_table(problems: Sequence[Problem]) -> list[int]:
    """For every problem the place of the first one with the same data, whose sums and optimum are its own too.

    Example:
        >>> from bpcompare.problem.line import line
        >>> table = line()
        >>> one_per_table([table, table.restarted(1), line(seed=1)])
        [0, 0, 2]
    """
    first: dict[tuple[int, int, int], int] = {}
    keys = [(id(p.measured_x), id(p.measured_y), id(p.scaling)) for p in problems]
    return [first.setdefault(key, place) for place, key in enumerate(keys)]


class _Batch:
    """The parameters of all runs, (out, in, seeds, rates) and (out, seeds, rates), and their gradient by moments."""

    def __init__(self, problems: Sequence[Problem], rates: int, device: torch.device) -> None:
        def side_by_side(tensors: Iterable[Tensor]) -> Tensor:
            return torch.stack(list(tensors), -1)[..., None].to(device)  # (…, seeds, 1)

        places = one_per_table(problems)
        known = {place: sums(problems[place].x, problems[place].y) for place in set(places)}
        self.x_mean, self.y_mean, self.sxx, self.syx, self.syy = map(
            side_by_side, zip(*[known[place] for place in places], strict=True)
        )
        starts = [[values.detach() for values in p.start.parameters()] for p in problems]
        self.parameters = [
            side_by_side(values).repeat(*[1] * (values[0].ndim + 1), rates) for values in zip(*starts, strict=True)
        ]
        self.standardized = problems[0].scaling is not None
        if self.standardized:
            squares = {place: _squares(problems[place]) for place in known}
            self.y_squares, self.y_scale = map(side_by_side, zip(*[squares[place] for place in places], strict=True))

    def gradient(self) -> Tensor:
        """L (seeds, rates); leaves ∂L/∂p in every ``p.grad``, as `gradients.moments` does, operation by operation."""
        parameter, *bias = self.parameters
        weight = parameter.double()
        self.mean_residual = _times(weight, self.x_mean[:, None])[:, 0] - self.y_mean
        if bias:
            self.mean_residual += bias[0]
        slope = _times(weight, self.sxx) - self.syx
        scale = 2 / len(self.y_mean)
        parameter.grad = (scale * (slope + self.mean_residual[:, None] * self.x_mean)).to(parameter.dtype)
        if bias:
            bias[0].grad = (scale * self.mean_residual).to(parameter.dtype)
        self.explained = (slope - self.syx) * weight
        total = self.explained.sum((0, 1)) + self.syy + self.mean_residual.square().sum(0)
        return (total / len(self.y_mean)).to(parameter.dtype)

    def loss_in_user_units(self, loss: Tensor) -> Tensor:
        """The loss that `gradient` has just found, (seeds, rates), in the user's units: Σₒ s_y²·Lₒ / out."""
        if not self.standardized:
            return loss
        each = self.explained.sum(1) + self.y_squares + self.mean_residual.square()
        return (each * self.y_scale.square()).mean(0)


def _squares(problem: Problem) -> tuple[Tensor, Tensor]:
    """The variance of every output as trained on, (out,), and what a unit of it is in the user's units."""
    assert problem.scaling is not None
    return problem.y.double().var(0, correction=0), problem.scaling.y_scale


def _times(left: Tensor, right: Tensor) -> Tensor:
    """The matrix product over the first two dimensions, (a, b, …)·(b, c, …), one column after another."""
    product = left[:, 0, None] * right[0]
    for i in range(1, len(right)):
        product += left[:, i, None] * right[i]
    return product


def _in_user_units(problems: Sequence[Problem], batch: _Batch, alive: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (seeds, rates, out, in) and biases (seeds, rates, out); nan where the run has diverged."""
    weight, *bias = [values.double().cpu().movedim((-2, -1), (0, 1)) for values in batch.parameters]
    biases = bias[0] if bias else weight.new_zeros(weight.shape[:-1])
    pairs = [p.in_user_units(w, b) for p, w, b in zip(problems, weight, biases, strict=True)]
    weights, biases = (torch.stack(values) for values in zip(*pairs, strict=True))
    alive = alive.cpu()
    return torch.where(alive[..., None, None], weights, math.nan), torch.where(alive[..., None], biases, math.nan)

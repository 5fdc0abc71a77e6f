"""Thousands of runs at once: every learning rate × every seed × every way, as one batch of parameters.

The runs of a way stand side by side in the last dimensions of its parameters, (…, seeds, rates); one step of its
update rule moves them all. The mean squared error knows of the data only their means and second moments
(`gradients.sums`), so that an epoch of a run costs a few multiplications, however many rows there are.
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from bpcompare import workers
from bpcompare.errors import InputError, MethodError
from bpcompare.gradients import sums
from bpcompare.methods import Method
from bpcompare.precision import beyond_range
from bpcompare.problem import Problem
from bpcompare.updates import RULES, Adam

AT_ONCE = 16_384  # numbers of a parameter: what a core's own cache holds
MOST_CHECKPOINTS = 60


@dataclass(frozen=True, eq=False)
class Sweep:
    """What every run of a sweep came to.

    Attributes:
        problems: One per seed.
        methods: The ways.
        rates: The learning rates, (rates,) float64, rising.
        epochs: How many each run had.
        checkpoints: The epochs whose losses are kept, (checkpoints,), from 0 to ``epochs``.
        losses: The mean squared error as trained on (of standardised columns, where they are), (methods, checkpoints,
            seeds, rates) float64; nan once a run has diverged.
        diverged_at: (methods, seeds, rates): the step that led beyond the range of numbers, 0 where none did.
        weights: What was learned, in the user's units, (methods, seeds, rates, out, in) float64; nan where the run
            diverged.
        biases: (methods, seeds, rates, out).
    """

    problems: tuple[Problem, ...]
    methods: tuple[Method, ...]
    rates: Tensor
    epochs: int
    checkpoints: Tensor
    losses: Tensor
    diverged_at: Tensor
    weights: Tensor
    biases: Tensor

    @property
    def final_losses(self) -> Tensor:
        """(methods, seeds, rates); nan where the run diverged."""
        return self.losses[:, -1]


def sweep(
    problems: Sequence[Problem],
    rates: Sequence[float] | Tensor,
    methods: Sequence[str | Method] = ("manual", "adam"),
    *,
    epochs: int = 50,
    on_epoch: Callable[[], object] | None = None,
) -> Sweep:
    """Every way × every rate × every problem, all runs at once.

    Each run is that of ``train(problem, "moments+RULE", lr=rate)``: to the bit with one input; with several, its
    float64 gradient may differ in the last place, as the columns are added one by one. Another gradient source adds
    up in another order, and a run from it differs by a few units in the last place. Under `torchrun` each worker
    takes its share of the problems.

    Args:
        problems: One per seed, all of the same sizes and precision.
        rates: Learning rates above 0.
        methods: Ways whose update rule is written by hand in `updates` (or is the same as one that is).
        epochs: How many, at least 1.
        on_epoch: Called after every epoch of every batch of runs; each way has `batches` of them.

    Raises:
        InputError: The problems differ in shape, or a number is out of range.
        MethodError: There is no such method, or it cannot be batched.

    Example:
        >>> from bpcompare.problem import line
        >>> result = sweep([line(seed=seed) for seed in range(3)], [0.1, 1.0])
        >>> round(result.weights[0, 0, 0].item(), 5), result.diverged_at[0, :, 1].tolist()
        (1.31356, [0, 0, 0])
    """
    chosen = tuple(Method.named(m) if isinstance(m, str) else m for m in methods)
    lr = torch.as_tensor(rates, dtype=torch.float64)
    _check(problems, chosen, lr, epochs)
    checkpoints = _checkpoints(epochs)
    mine = problems[workers.share(len(problems))]

    def train_own() -> list[list[_Part]]:
        return [
            [_train(method, batch, lr, epochs, checkpoints, on_epoch) for batch in _batches(mine, len(lr))]
            for method in chosen
        ]

    with _one_thread():
        own = workers.together(train_own)
    every = [[*itertools.chain(*parts)] for parts in zip(*workers.gather(own), strict=True)]
    return Sweep(
        tuple(problems),
        chosen,
        lr,
        epochs,
        checkpoints,
        losses=_beside([[part.losses for part in parts] for parts in every], 1),
        diverged_at=_beside([[part.diverged_at for part in parts] for parts in every], 0),
        weights=_beside([[part.weights for part in parts] for parts in every], 0),
        biases=_beside([[part.biases for part in parts] for parts in every], 0),
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """A batch is too small to share: threads that wait for each other at every root cost more than all the rest."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _beside(parts: list[list[Tensor]], seeds: int) -> Tensor:
    """The parts of every method joined along the dimension of the seeds, the methods before all."""
    return torch.stack([torch.cat(part, seeds) if len(part) > 1 else part[0] for part in parts])


def batches(seeds: int, rates: int) -> int:
    """How many batches of runs a way's are divided into, here and now."""
    mine = range(seeds)[workers.share(seeds)]
    return -(-len(mine) // _seeds_at_once(rates))


def _seeds_at_once(rates: int) -> int:
    return max(1, AT_ONCE // rates)


def _batches(problems: Sequence[Problem], rates: int) -> Iterator[Sequence[Problem]]:
    step = _seeds_at_once(rates)
    return (problems[first : first + step] for first in range(0, len(problems), step))


def _checkpoints(epochs: int) -> Tensor:
    """Every epoch, or about `MOST_CHECKPOINTS` of them that lie the closer the earlier they are."""
    if epochs <= MOST_CHECKPOINTS:
        return torch.arange(epochs + 1)
    spread = torch.logspace(0, math.log10(epochs), MOST_CHECKPOINTS, dtype=torch.float64).round().long()
    return torch.tensor(sorted({0, *spread.tolist()}))


def _check(problems: Sequence[Problem], methods: Sequence[Method], lr: Tensor, epochs: int) -> None:
    if not problems or not methods or not len(lr):
        raise InputError("a sweep needs at least one problem, one method and one rate; give some of each")
    if not bool((lr.isfinite() & (lr > 0)).all()):
        raise InputError("every lr must be a finite number above 0; leave the others out")
    if epochs < 1:
        raise InputError(f"epochs must be at least 1; got {epochs}")
    if not all(problem.is_linear for problem in problems):
        raise InputError("a sweep trains one nn.Linear at many rates at once; train a network by compare_network")
    kinds = {(p.in_features, p.out_features, p.has_bias, p.dtype) for p in problems}
    if len(kinds) > 1:
        raise InputError(f"all problems of a sweep must be of one shape and precision; got {len(kinds)} kinds")
    names = [method.name for method in methods]
    for place, method in enumerate(methods):
        if method.name in names[:place]:
            raise InputError(f"method {method.name!r} is named twice; name it once")
        if method.canonical_update not in RULES:
            raise MethodError(
                f"{method.update} moves one model at a time and cannot be swept; "
                f"choose a rule that is written by hand: {', '.join(RULES)}"
            )


class _Part(NamedTuple):
    """The results of one way on some of the problems, shaped as in `Sweep`."""

    losses: Tensor
    diverged_at: Tensor
    weights: Tensor
    biases: Tensor


@torch.no_grad()
def _train(
    method: Method,
    problems: Sequence[Problem],
    lr: Tensor,
    epochs: int,
    checkpoints: Tensor,
    on_epoch: Callable[[], object] | None,
) -> _Part:
    """All runs of one way on some problems; the loop of `training.train`, for (…, seeds, rates) at once."""
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
) -> _Part:
    weight, *bias = [values.double().movedim((-2, -1), (0, 1)) for values in batch.parameters]
    offset = bias[0] if bias else weight.new_zeros(weight.shape[:-1])
    pairs = [p.in_user_units(w, b) for p, w, b in zip(problems, weight, offset, strict=True)]
    weights, biases = (torch.stack(values) for values in zip(*pairs, strict=True))
    return _Part(
        losses,
        diverged_at,
        torch.where(alive[..., None, None], weights, math.nan),
        torch.where(alive[..., None], biases, math.nan),
    )

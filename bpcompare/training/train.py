"""One loop for every way of training."""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from bpcompare.errors import InputError
from bpcompare.problem import estimates
from bpcompare.problem.problem import Problem
from bpcompare.training.data_parallel import all_reduce
from bpcompare.training.gradients import formula
from bpcompare.training.methods import Method
from bpcompare.training.network_recording import NetworkHistory
from bpcompare.training.recording import History
from bpcompare.training.run import Run


def train(
    problem: Problem,
    method: Method | str,
    *,
    lr: float = 0.1,
    epochs: int = 50,
    batch_size: int | None = None,
    seed: int = 0,
    shuffle: bool = True,
    on_epoch: Callable[[], object] | None = None,
) -> Run:
    """What `method` does with `problem`: loss, parameters and gradients at every epoch.

    With batches, an epoch is one pass over the samples, in an order drawn from ``seed``; what is recorded is still the
    loss and the gradient over all samples, at the beginning of each pass.

    Args:
        problem: What to learn.
        method: The way, or its name.
        lr: The learning rate, above 0.
        epochs: How many, at least 1.
        batch_size: Samples per step, from 1 (per-sample training) to N; None for all of them, in their own order.
        seed: Where the order of the samples is drawn from.
        shuffle: Whether batches take the samples in a new order at every pass, or in their own.
        on_epoch: Called after every epoch.

    Raises:
        InputError: A number is out of its range.
        MethodError: There is no such method, or it cannot work here.
        LimitError: It would not fit into memory or a day.

    Example:
        >>> from bpcompare.problem.problem import line
        >>> run = train(line(), "manual")
        >>> run.parameters["weight"][-1].item(), run.parameters["bias"][-1].item()
        (1.3135614395141602, 1.3715894222259521)
    """
    check_numbers(problem, lr, epochs, batch_size)
    method = Method.named(method) if isinstance(method, str) else method
    method.check(problem, lr)
    expected(problem, [method], epochs, batch_size).check()
    model = problem.model()
    rule = method.rule(model.parameters(), lr=lr)
    gradient, x, y = all_reduce(method.source), problem.x, problem.y
    size = batch_size or problem.samples
    full_batch = size == problem.samples
    shuffled = torch.Generator().manual_seed(seed) if shuffle else None
    history = History(model) if problem.is_linear else NetworkHistory(model, x, y)
    steps = 0
    with torch.inference_mode(method.source is formula):  # it needs nothing of what autograd keeps
        for _ in range(epochs):
            loss = gradient(model, x, y)  # L(θₖ), before the step that moves θₖ
            if not history.record(loss):
                break
            if full_batch:
                rule.step()
                steps += 1
            else:
                for x_batch, y_batch in _batches(x, y, size, shuffled):
                    loss = gradient(model, x_batch, y_batch)
                    if not math.isfinite(loss.item()):
                        break
                    rule.step()
                    steps += 1
            if on_epoch:
                with torch.inference_mode(False):
                    on_epoch()
        else:
            history.record(gradient(model, x, y))
    return history.run(method, steps, math.ceil(problem.samples / size))


def _batches(x: Tensor, y: Tensor, size: int, shuffled: torch.Generator | None) -> Iterator[tuple[Tensor, Tensor]]:
    """One pass over the samples, in an order drawn from ``shuffled`` or in their own, so many at a time."""
    order = torch.arange(len(x)) if shuffled is None else torch.randperm(len(x), generator=shuffled)
    return zip(x[order].split(size), y[order].split(size), strict=True)


def expected(
    problem: Problem,
    methods: Sequence[Method],
    epochs: int,
    batch_size: int | None = None,
    *,
    files: bool = False,
    ledgers: int = 0,
) -> estimates.Estimate:
    """What training by these methods will take; see `estimates.training`."""
    layers = [layer for layer in problem.start.modules() if isinstance(layer, nn.Linear)]
    return estimates.training(
        problem.samples,
        [problem.in_features, *(layer.out_features for layer in layers)],
        epochs,
        methods=len(methods),
        slopes=sum(method.gradient == "finite_difference" for method in methods),
        batch_size=batch_size,
        itemsize=problem.dtype.itemsize,
        files=files,
        ledgers=ledgers,
    )


def check_numbers(problem: Problem, lr: float, epochs: int, batch_size: int | None) -> None:
    """Refuses numbers that cannot be trained with.

    Raises:
        InputError: One is out of its range.
    """
    if not (math.isfinite(lr) and lr > 0):
        raise InputError(f"lr must be a finite number above 0; got {lr}")
    if epochs < 1:
        raise InputError(f"epochs must be at least 1; got {epochs}")
    if batch_size is not None and not 1 <= batch_size <= problem.samples:
        raise InputError(f"batch_size must be from 1 to the number of samples, {problem.samples}; got {batch_size}")

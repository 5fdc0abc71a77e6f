"""One loop for every method of training."""

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem import devices, estimates
from bpcompare.problem.problem import Problem, check_problem
from bpcompare.training.data_parallel import all_reduce
from bpcompare.training.gradient_contract import misshapen
from bpcompare.training.gradient_source import bound
from bpcompare.training.gradients import formula
from bpcompare.training.methods import Method, choose
from bpcompare.training.recording import LinearRecording, NetworkRecording, Recording
from bpcompare.training.run import Run
from bpcompare.training.settings import DEFAULTS, TrainingSettings
from bpcompare.training.updates import decided

RunT = TypeVar("RunT", bound=Run)


def train(
    problem: Problem,
    method: Method | str,
    *,
    lr: float = DEFAULTS.lr,
    epochs: int = DEFAULTS.epochs,
    batch_size: int | None = DEFAULTS.batch_size,
    seed: int = DEFAULTS.seed,
    shuffle: bool = DEFAULTS.shuffle,
    device: str | torch.device = DEFAULTS.device,
    on_epoch: Callable[[], object] | None = None,
) -> Run:
    """What `method` does with `problem`: loss, parameters and gradients at every epoch.

    With batches, an epoch is one pass over the samples, in an order drawn from ``seed``; what is recorded is still the
    loss and the gradient over all samples, at the beginning of each pass.

    Args:
        problem: What to learn.
        method: The method, or its name.
        lr: The learning rate, above 0.
        epochs: Passes over the samples, at least 1.
        batch_size: Samples per step, from 1 (per-sample training) to N; None for all of them, in their own order.
        seed: Random seed for the sample order.
        shuffle: Whether batches take the samples in a new order in every epoch, or in their own.
        device: Where to train: "cpu", "cuda", "cuda:N", "mps", or "auto" for the first that is here of cuda, mps, cpu.
        on_epoch: Called after every epoch.

    Returns:
        A `Run`; of a network, a `NetworkRun`. Its numbers are on the CPU, wherever they were calculated.

    Raises:
        InputError: A number is out of its range, or the device is not here.
        MethodError: There is no such method, or it cannot work here.
        LimitError: It would not fit into memory or a day.

    Example:
        >>> from bpcompare.problem.line import line
        >>> run = train(line(), "manual")
        >>> run.parameters["weight"][-1].item(), run.parameters["bias"][-1].item()
        (1.3135614395141602, 1.3715894222259521)
    """
    if not isinstance(method, str | Method):
        raise InputError(
            _("train takes one method or its name; got {method!r:.60}: use compare for several", method=method)
        )
    settings = TrainingSettings(lr, epochs, batch_size, seed, shuffle, str(device))
    check_problem(problem)
    recording = LinearRecording if problem.is_linear else NetworkRecording
    return train_all(problem, method, settings, recording, on_epoch)[0]


def train_all(
    problem: Problem,
    methods: str | Method | Sequence[str | Method],
    settings: TrainingSettings,
    recording: Callable[[Problem, Method, TrainingSettings, nn.Module], Recording[RunT]],
    on_epoch: Callable[[], object] | None = None,
) -> list[RunT]:
    """What each method does with `problem`, from the same start; nothing is trained unless all of them can work.

    Args:
        problem: What to learn.
        methods: The methods or their names, one or several, each once.
        settings: The numbers that all of them share.
        recording: How to record them, `LinearRecording` or `NetworkRecording`.
        on_epoch: Called after every epoch of every method.

    Raises:
        InputError: There is no method, one is named twice, a number does not fit the problem, or the device is not
            here.
        MethodError: There is no such method, or it cannot work here.

    Example:
        >>> from bpcompare.problem.line import line
        >>> train_all(line(), ["manual", "adam"], DEFAULTS, LinearRecording)
        [<Run manual: 51 states, lr 0.1, loss 0.0511313>, <Run adam: 51 states, lr 0.1, loss 0.0529591>]
    """
    device = devices.chosen(settings.device, float64=problem.dtype == torch.float64)
    settings = dataclasses.replace(settings, device=str(device))
    settings.check_samples(problem.samples)
    check_rate(settings.lr, problem.dtype)
    chosen = choose(problem, methods, settings.lr)
    expected(problem, chosen, settings).check()
    there = problem.on(device)
    with devices.exact(device):
        return [_follow(there, method, settings, recording, on_epoch) for method in chosen]


def check_rate(lr: float, dtype: torch.dtype) -> None:
    """Refuses a learning rate that rounds to 0, so that nothing would ever move.

    Raises:
        InputError: It does.

    Example:
        >>> check_rate(1e-50, torch.float64)
    """
    if torch.tensor(lr, dtype=torch.float64).to(dtype) == 0:
        smallest = torch.finfo(dtype).smallest_normal
        raise InputError(
            _(
                "lr must be at least {smallest:.2g} in {dtype}; got {lr:g}, which rounds to 0: use float64",
                smallest=smallest,
                dtype=dtype,
                lr=lr,
            )
        )


def _follow(
    problem: Problem,
    method: Method,
    settings: TrainingSettings,
    recording: Callable[[Problem, Method, TrainingSettings, nn.Module], Recording[RunT]],
    on_epoch: Callable[[], object] | None,
) -> RunT:
    """The loop itself: gradient, record, update."""
    model = problem.model()
    rule = decided(method.rule(model.parameters(), lr=settings.lr))
    gradient, x, y = all_reduce(bound(method.source, model), model), problem.x, problem.y
    size = settings.batch_size or problem.samples
    shuffled = torch.Generator().manual_seed(settings.seed) if settings.shuffle else None
    states = recording(problem, method, settings, model)
    in_one, steps = size == problem.samples, 0
    try:
        with torch.inference_mode(method.source is formula):  # it needs nothing of what autograd keeps
            for _ in range(settings.epochs):
                loss = gradient(x, y)  # L(θₖ), before the step that moves θₖ
                if not states.record(loss):
                    break
                if in_one:
                    rule.step()
                    steps += 1
                else:
                    for x_batch, y_batch in _batches(x, y, size, shuffled):
                        loss = gradient(x_batch, y_batch)
                        if not math.isfinite(loss.item()):
                            break
                        rule.step()
                        steps += 1
                if on_epoch:
                    with torch.inference_mode(False):
                        on_epoch()
            else:
                states.record(gradient(x, y))
    except RuntimeError as error:
        if not re.search("assign.*grad", str(error)):
            raise
        raise misshapen(problem, method, states.states, error) from error
    return states.run(steps)


def _batches(x: Tensor, y: Tensor, size: int, shuffled: torch.Generator | None) -> Iterator[tuple[Tensor, Tensor]]:
    """One pass over the samples, in an order drawn from ``shuffled`` or in their own, so many at a time."""
    order = torch.arange(len(x)) if shuffled is None else torch.randperm(len(x), generator=shuffled)
    order = order.to(x.device)
    return zip(x[order].split(size), y[order].split(size), strict=True)


def expected(
    problem: Problem, methods: Sequence[Method], settings: TrainingSettings, *, files: bool = False, ledgers: int = 0
) -> estimates.Estimate:
    """What training by these methods will take; see `estimates.training`."""
    layers = [layer for layer in problem.start.modules() if isinstance(layer, nn.Linear)]
    slopes = [method for method in methods if method.gradient == "finite_difference"]
    steps = [estimates.step_seconds(method.gradient, method.update) for method in methods if method not in slopes]
    return estimates.training(
        problem.samples,
        [problem.in_features, *(layer.out_features for layer in layers)],
        settings.epochs,
        methods=len(methods),
        slopes=len(slopes),
        step=sum(steps),
        batch_size=settings.batch_size,
        itemsize=problem.dtype.itemsize,
        files=files,
        ledgers=ledgers,
    )

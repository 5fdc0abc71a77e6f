"""How far a run on another device is from the same run on the CPU: measured, by training there again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bpcompare.problem.problem import Problem
from bpcompare.training.floating_point import ulp
from bpcompare.training.run import NetworkRun, Run
from bpcompare.training.settings import TrainingSettings
from bpcompare.training.train import expected, train

MOST_SECONDS = 60.0  # for the runs on the CPU; who needs longer ones asks for them


@dataclass(frozen=True)
class Distance:
    """How far one method's run on a device is from its run on the CPU.

    Attributes:
        bit_equal: Whether every state that is kept is equal, to the last bit.
        first_difference_at: The first epoch at which a parameter or the loss differs, or None.
        parameters_ulp: The largest distance between two learned numbers, in units in the last place.
        parameters: The largest difference between two of them.
        losses_ulp: The largest distance between the losses of a state, in units in the last place.
        losses: The largest difference between two of them.
    """

    bit_equal: bool
    first_difference_at: int | None
    parameters_ulp: int
    parameters: float
    losses_ulp: int
    losses: float


def against_cpu(problem: Problem, runs: Iterable[Run], settings: TrainingSettings) -> dict[str, Distance] | None:
    """Per method's name how far its run is from the same on the CPU; None where that would take over a minute.

    Example:
        >>> from bpcompare.problem.line import line
        >>> run = train(line(), "adam", lr=0.2)
        >>> against_cpu(line(), [run], TrainingSettings(0.2))["adam"].bit_equal
        True
    """
    runs = list(runs)
    if expected(problem, [run.method for run in runs], settings).seconds > MOST_SECONDS:
        return None
    options = vars(replace(settings, device="cpu"))
    return {run.method.name: distance(run, train(problem, run.method, **options)) for run in runs}


def distance(run: Run, other: Run) -> Distance:
    """How far two runs of one method are from each other, in the states that both have.

    Example:
        >>> from bpcompare.problem.line import line
        >>> distance(train(line(), "manual"), train(line(), "manual", lr=0.2)).first_difference_at
        1
    """
    states = min(len(run.losses), len(other.losses))
    dtype = next(iter(run.parameters.values())).dtype
    losses = run.losses[:states].to(dtype), other.losses[:states].to(dtype)
    learned = _learned(run.parameters, states), _learned(other.parameters, states)
    same = (losses[0] == losses[1]) & _same_parameters(run, other, states)
    first = int(same.int().argmin()) if not bool(same.all()) else None
    if first is None and len(run.losses) != len(other.losses):  # one of them diverged sooner
        first = states
    return Distance(first is None, first, *_apart(*learned), *_apart(*losses))


def _learned(parameters: Mapping[str, Tensor], states: int) -> Tensor:
    """The numbers of the last state that both runs have; of a network only the last one of each is kept."""
    return torch.cat([values[:states][-1].flatten() for values in parameters.values()])


def _same_parameters(run: Run, other: Run, states: int) -> Tensor:
    if isinstance(run, NetworkRun) and isinstance(other, NetworkRun):
        pairs = zip(run.track.fingerprints[:states], other.track.fingerprints[:states], strict=True)
        return torch.tensor([mine == theirs for mine, theirs in pairs])
    equal = [(values[:states] == other.parameters[name][:states]).flatten(1) for name, values in run.parameters.items()]
    return torch.cat(equal, 1).all(1)


def _apart(mine: Tensor, theirs: Tensor) -> tuple[int, float]:
    return int(ulp(mine, theirs).max()), (mine.double() - theirs.double()).abs().max().item()

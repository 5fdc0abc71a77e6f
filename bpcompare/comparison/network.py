"""Several methods of training one network: which are the same calculation, which are faster, how large δ is in it.

A network has no optimum in closed form. The gap is therefore measured to the lowest loss that any of the methods
reached.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpcompare.comparison.agreement import agree_on_network, one_rule
from bpcompare.comparison.base import BaseComparison, BaseResult
from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem.problem import Problem, check_problem
from bpcompare.training.defaults import METHODS
from bpcompare.training.methods import Method
from bpcompare.training.recording import NetworkRecording
from bpcompare.training.run import NetworkRun, Run
from bpcompare.training.settings import DEFAULTS, TrainingSettings
from bpcompare.training.train import train_all


@dataclass(frozen=True, eq=False, repr=False)
class NetworkResult(BaseResult):
    """What one method made of the network; losses are of the columns that were trained on.

    The gap is measured to the lowest loss that any method reached.

    Attributes:
        run: The run as it was trained, with the size of every tensor in every state.
        model: The network as it came out, or as it was in the last finite state.
    """

    run: NetworkRun
    model: nn.Module

    @property
    def delta_sizes(self) -> Tensor:
        """Root mean square of δ per state and Linear layer, (states, layers)."""
        return self.run.track.delta_sizes


@dataclass(frozen=True, eq=False, repr=False)
class NetworkComparison(BaseComparison[NetworkResult]):
    """Several methods of training one network; an agreement's ``max_ulp`` is that of the last state."""

    @property
    def floor(self) -> float:
        """The lowest loss that any method reached."""
        return min(result.losses.min().item() for result in self.results.values())


def compare_network(
    problem: Problem,
    methods: str | Method | Sequence[str | Method] = tuple(METHODS),
    *,
    lr: float = DEFAULTS.lr,
    epochs: int = DEFAULTS.epochs,
    batch_size: int | None = DEFAULTS.batch_size,
    seed: int = DEFAULTS.seed,
    shuffle: bool = DEFAULTS.shuffle,
    device: str | torch.device = DEFAULTS.device,
    on_epoch: Callable[[], object] | None = None,
) -> NetworkComparison:
    """`compare` for a network, under a name that says so.

    Args:
        problem: What to learn, with a network to start from.
        methods: As in `compare`, like all that follow.
        lr: The learning rate.
        epochs: Passes over the samples.
        batch_size: Samples per step; None for all.
        seed: Random seed for the sample order.
        shuffle: Whether batches take the samples in a new order in every epoch.
        device: Where to train.
        on_epoch: Called after every epoch of every method.

    Raises:
        InputError: The model is one `nn.Linear`, or as in `compare`.
        MethodError: As in `compare`.
        LimitError: As in `compare`.

    Example:
        >>> from bpcompare.problem.networks import quadratic
        >>> problem = quadratic(layers=(2, 5, 1))
        >>> comparison = compare_network(problem, lr=0.002, epochs=3, batch_size=1, shuffle=False)
        >>> comparison.agreement["manual~autograd"].bit_equal
        True
    """
    check_problem(problem)
    if problem.is_linear:
        raise InputError(_("compare_network needs a problem with a network; got one nn.Linear: use compare"))
    settings = TrainingSettings(lr, epochs, batch_size, seed, shuffle, str(device))
    return network_comparison(problem, methods, settings, on_epoch)


def network_comparison(
    problem: Problem,
    methods: str | Method | Sequence[str | Method],
    settings: TrainingSettings,
    on_epoch: Callable[[], object] | None = None,
) -> NetworkComparison:
    """The same with settings that are already checked.

    Example:
        >>> from bpcompare.problem.networks import quadratic
        >>> network_comparison(quadratic(layers=(2, 5, 1)), "manual", TrainingSettings(0.002, 3)).results
        {'manual': <NetworkResult manual: 4 states, loss ..., stopped>}
    """
    runs = train_all(problem, methods, settings, NetworkRecording, on_epoch)
    floor = min(run.losses.min() for run in runs)
    results = {run.method.name: _result(problem, run, floor) for run in runs}
    agreement = {pair: agree_on_network(a, b) for pair, (a, b) in one_rule(runs).items()}
    return NetworkComparison(problem, runs[0].settings, results, agreement)


def _result(problem: Problem, run: NetworkRun, floor: Tensor) -> NetworkResult:
    status = "stopped" if run.diverged_at is None else "diverged"
    return NetworkResult(run, run.losses, run.losses - floor, status, learned(problem, run))


def learned(problem: Problem, run: Run) -> nn.Module:
    """The model with the parameters of a run's last state.

    Example:
        >>> from bpcompare.problem.networks import quadratic
        >>> from bpcompare.training.train import train
        >>> problem = quadratic(layers=(2, 5, 1))
        >>> model = learned(problem, train(problem, "manual", lr=0.002, epochs=1))
        >>> len(model)
        3
    """
    model: nn.Module = problem.model()
    model.load_state_dict({name: values[-1] for name, values in run.parameters.items()})
    return model

"""Several ways of training one network: which are the same calculation, which are ahead, and how large δ is in it.

A network has no optimum in closed form. The race is therefore to the lowest loss that any of the ways came to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from bpcompare.comparison.agreement import Agreement, agree_on_network, one_rule
from bpcompare.comparison.race import race
from bpcompare.problem.problem import Problem
from bpcompare.training.methods import WAYS, Method, choose
from bpcompare.training.run import Run
from bpcompare.training.train import check_numbers, expected, train


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """What one way made of the network.

    Attributes:
        run: The run as it was trained.
        model: The network as it came out, or as it was in the last finite state.
        gaps: How far each state's loss is above the lowest that any way came to, (states,) float64.
    """

    run: Run
    model: nn.Module
    gaps: Tensor

    @property
    def losses(self) -> Tensor:
        """The mean squared error of each state, of the columns that were trained on."""
        return self.run.all_losses

    @property
    def status(self) -> str:
        """What ended the run, "stopped" (the epochs ran out) or "diverged"."""
        return "stopped" if self.run.diverged_at is None else "diverged"

    @property
    def delta_sizes(self) -> Tensor:
        """Root mean square of δ per state and Linear layer, (states, layers)."""
        assert self.run.track is not None
        return self.run.track.delta_sizes

    def epochs_to(self, fraction: float) -> int | None:
        """The first epoch at which the gap is at most ``fraction`` of the one at the start; None if there is none."""
        if self.gaps[0] == 0:  # nobody came below the start
            return None
        reached = (self.gaps <= fraction * self.gaps[0]).nonzero()
        return int(reached[0]) if len(reached) else None


@dataclass(frozen=True, eq=False)
class NetworkComparison:
    """Several ways of training one network from the same start.

    Attributes:
        problem: What was learned.
        lr: The learning rate.
        epochs: How many were asked for.
        batch_size: Samples per step, or None for all.
        seed: Where the order of the samples was drawn from.
        shuffle: Whether there was such an order.
        results: Per method's name what it learned.
        agreement: Per pair "a~b" with the same rule and different sources; ``max_ulp`` is that of the last state.
    """

    problem: Problem
    lr: float
    epochs: int
    batch_size: int | None
    seed: int
    shuffle: bool
    results: dict[str, NetworkResult]
    agreement: dict[str, Agreement]

    @property
    def floor(self) -> float:
        """The lowest loss that any way came to."""
        return min(result.losses.min().item() for result in self.results.values())

    @property
    def race(self) -> dict[str, dict[float, dict[str, int | None]]]:
        """Per pair "a~b" with the same source and different rules: the epochs each took to fractions of the gap."""
        return race(self.results)


def compare_network(
    problem: Problem,
    methods: Sequence[str | Method] = tuple(WAYS),
    *,
    lr: float = 0.1,
    epochs: int = 50,
    batch_size: int | None = None,
    seed: int = 0,
    shuffle: bool = True,
    on_epoch: Callable[[], object] | None = None,
) -> NetworkComparison:
    """Trains the network of `problem` by every method from the same start, and compares.

    Args:
        problem: What to learn, with a network to start from.
        methods: Names as `Method.named` takes them, or methods of your own; each once.
        lr: The learning rate, above 0, the same for all.
        epochs: How many, at least 1.
        batch_size: Samples per step; None for all.
        seed: Where the order of the samples is drawn from.
        shuffle: Whether batches take the samples in a new order at every pass, or in their own.
        on_epoch: Called after every epoch of every method.

    Raises:
        InputError: A number is out of its range, or a method is named twice.
        MethodError: There is no such method, or it cannot work here; nothing has been trained then.
        LimitError: It would not fit into memory or a day; likewise.

    Example:
        >>> from bpcompare.problem.networks import quadratic
        >>> problem = quadratic(layers=(2, 5, 1))
        >>> comparison = compare_network(problem, lr=0.002, epochs=3, batch_size=1, shuffle=False)
        >>> comparison.agreement["manual~autograd"].bit_equal
        True
    """
    check_numbers(problem, lr, epochs, batch_size)
    chosen = choose(problem, methods, lr)
    expected(problem, chosen, epochs, batch_size).check()
    runs = [
        train(problem, m, lr=lr, epochs=epochs, batch_size=batch_size, seed=seed, shuffle=shuffle, on_epoch=on_epoch)
        for m in chosen
    ]
    floor = min(run.all_losses.min() for run in runs)
    results = {run.method.name: NetworkResult(run, learned(problem, run), run.all_losses - floor) for run in runs}
    agreement = {pair: agree_on_network(a, b) for pair, (a, b) in one_rule(runs).items()}
    return NetworkComparison(problem, lr, epochs, batch_size, seed, shuffle, results, agreement)


def learned(problem: Problem, run: Run) -> nn.Module:
    """The model with the parameters of a run's last state.

    Example:
        >>> from bpcompare.problem.networks import quadratic
        >>> problem = quadratic(layers=(2, 5, 1))
        >>> model = learned(problem, train(problem, "manual", lr=0.002, epochs=1))
        >>> len(model)
        3
    """
    model: nn.Module = problem.model()
    model.load_state_dict({name: values[-1] for name, values in run.parameters.items()})
    return model

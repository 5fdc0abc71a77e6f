"""Several ways of training one network: which are the same calculation, which are ahead, and how large δ is in it.

A network has no optimum in closed form. The race is therefore to the lowest loss that any of the ways came to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpcompare.comparison import Agreement, choose, one_rule, race
from bpcompare.precision import ulp
from bpcompare.problem import Problem
from bpcompare.training import WAYS, Method, Run, check_numbers, train


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

    Example:
        >>> from bpcompare.networks import quadratic
        >>> problem = quadratic(layers=(2, 5, 1))
        >>> comparison = compare_network(problem, lr=0.002, epochs=3, batch_size=1, shuffle=False)
        >>> comparison.agreement["manual~autograd"].bit_equal
        True
    """
    check_numbers(problem, lr, epochs, batch_size)
    runs = [
        train(problem, m, lr=lr, epochs=epochs, batch_size=batch_size, seed=seed, shuffle=shuffle, on_epoch=on_epoch)
        for m in choose(problem, methods, lr)
    ]
    floor = min(run.all_losses.min() for run in runs)
    results = {run.method.name: NetworkResult(run, learned(problem, run), run.all_losses - floor) for run in runs}
    agreement = {f"{a.method.name}~{b.method.name}": agree_on_network(a, b) for a, b in one_rule(runs)}
    return NetworkComparison(problem, lr, epochs, batch_size, seed, shuffle, results, agreement)


def learned(problem: Problem, run: Run) -> nn.Module:
    """The model with the parameters of a run's last state.

    Example:
        >>> from bpcompare.networks import quadratic
        >>> problem = quadratic(layers=(2, 5, 1))
        >>> model = learned(problem, train(problem, "manual", lr=0.002, epochs=1))
        >>> len(model)
        3
    """
    model: nn.Module = problem.model()
    model.load_state_dict({name: values[-1] for name, values in run.parameters.items()})
    return model


def agree_on_network(a: Run, b: Run) -> Agreement:
    """Whether two runs of a network went through the same parameters, and if not, how far apart they ended.

    Rounding grows in training: where two sources differ in a last bit, the states may be far apart some hundred
    steps on, and neither is wrong.

    Example:
        >>> from bpcompare.networks import quadratic
        >>> problem = quadratic(layers=(2, 5, 1))
        >>> agree_on_network(train(problem, "manual", epochs=2), train(problem, "autograd", epochs=2)).bit_equal
        True
    """
    assert a.track is not None
    assert b.track is not None
    pairs = zip(a.track.fingerprints, b.track.fingerprints, strict=False)
    first = next((epoch for epoch, (mine, other) in enumerate(pairs) if mine != other), None)
    if first is None and a.diverged_at == b.diverged_at:
        return Agreement(True, 0, None, "the same numbers were added in the same order")
    if first is None:  # one of them ended earlier
        first = min(len(a.track.fingerprints), len(b.track.fingerprints))
    apart = max(int(ulp(a.parameters[name], b.parameters[name]).max()) for name in a.parameters)
    return Agreement(False, apart, first, _explain(a, b, max(first - 1, 0)))


def _explain(a: Run, b: Run, epoch: int) -> str:
    """How far apart the gradients were that made the first difference, and how far the parameters are in the end."""
    assert a.track is not None
    assert b.track is not None
    sizes = [(a.track.gradient_norms[name][epoch], b.track.gradient_norms[name][epoch]) for name in a.parameters]
    relative = max(((mine - other).abs() / mine.clamp(min=1e-300)).item() for mine, other in sizes)
    values = [(a.parameters[name], b.parameters[name]) for name in a.parameters]
    largest = max((mine - other).abs().max().item() for mine, other in values)
    rounding = relative <= torch.finfo(values[0][0].dtype).eps ** 0.5
    return (
        f"{a.method.gradient} and {b.method.gradient} differ by {'rounding' if rounding else f'{relative:.1g}'} at "
        f"epoch {epoch}, and every step acts on it: in the last state the parameters are up to {largest:.2g} apart"
    )

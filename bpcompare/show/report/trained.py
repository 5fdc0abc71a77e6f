"""The runs behind the slider: every method at learning rates through the stable limit and past it."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.comparison.linear import Comparison, Result, compare
from bpcompare.sweeps.sweep import Sweep, sweep
from bpcompare.training.methods import Method
from bpcompare.training.train import expected
from bpcompare.training.updates import RULES

BELOW, ABOVE, MOST = 1 / 200, 1.6, 29  # of the limit: the range of the rates; and how many there are
FEWEST, MOST_REAL = 5, 13  # real runs, one after another, where no sweep can have them
PATIENCE = 6.0  # seconds that those may take at most; they are estimated from above
KEPT = 60  # states of a run


@dataclass(frozen=True, eq=False)
class Trained:
    """One method at one rate, in the user's units.

    Attributes:
        epochs: The epochs of the states that are kept.
        losses: Of these states, (states,).
        weights: (states, out, in).
        biases: (states, out).
        diverged_at: The step that led beyond the range of numbers; 0 if none did.
    """

    epochs: list[int]
    losses: Tensor
    weights: Tensor
    biases: Tensor
    diverged_at: int


@dataclass(frozen=True, eq=False)
class Runs:
    """Every method at every rate; ``methods[name][k]`` is the run at ``rates[k]``."""

    rates: list[float]
    methods: dict[str, list[Trained]]


def at_rates(comparison: Comparison, on_step: Callable[[], object] | None = None) -> Runs | None:
    """Trains every method of a comparison at many rates: all at once in a sweep, or else one after another.

    Two methods with one rule share the runs of a sweep: it has one gradient source for all.

    Args:
        comparison: What was trained.
        on_step: Called after every epoch of a sweep's method, or after every run.

    Returns:
        None where runs one after another would take too long.
    """
    chosen = {name: result.run.method for name, result in comparison.results.items()}
    if swept(comparison):
        rates = rates_of(comparison, MOST)
        rules = {m.canonical_update: m for m in chosen.values()}
        found = sweep(
            [comparison.problem], rates, list(rules.values()), epochs=comparison.epochs, on_epoch=on_step, paths=True
        )
        place = {rule: k for k, rule in enumerate(rules)}
        runs = {name: _of_sweep(found, place[m.canonical_update]) for name, m in chosen.items()}
        for name, result in comparison.results.items():  # at its own rate to the bit, as the rest of the page has it
            runs[name][rates.index(comparison.lr)] = _of_run(result)
        return Runs(rates, runs)
    count = min(MOST_REAL, real_runs(comparison))
    if count < FEWEST:
        return None
    rates = rates_of(comparison, count)
    runs = {name: [] for name in chosen}
    for rate in rates:
        at_this = comparison if rate == comparison.lr else _again(comparison, list(chosen.values()), rate)
        for name, result in at_this.results.items():
            runs[name].append(_of_run(result))
        if on_step:
            on_step()
    return Runs(rates, runs)


def steps_of(comparison: Comparison) -> int:
    """How often `at_rates` calls ``on_step``."""
    if swept(comparison):
        return comparison.epochs * len({r.run.method.canonical_update for r in comparison.results.values()})
    count = real_runs(comparison)
    return 0 if count < FEWEST else min(MOST_REAL, count) + 1


def swept(comparison: Comparison) -> bool:
    """Whether a sweep can have the runs: on all samples, by rules written by hand."""
    rules = {result.run.method.canonical_update for result in comparison.results.values()}
    return comparison.batch_size in (None, comparison.problem.samples) and rules <= set(RULES)


def real_runs(comparison: Comparison) -> int:
    """How many runs of all methods, one after another, are surely done within `PATIENCE`."""
    methods = [result.run.method for result in comparison.results.values()]
    return int(PATIENCE / max(expected(comparison.problem, methods, comparison.settings).seconds, 1e-3))


def rates_of(comparison: Comparison, count: int = MOST) -> list[float]:
    """Learning rates evenly spaced in the logarithm, through the stable limit and past it; the comparison's own too.

    Example:
        >>> from bpcompare.problem.line import line
        >>> rates = rates_of(compare(line(), epochs=2))
        >>> 0.1 in rates, rates[0] < 0.01, rates[-1] > 0.78
        (True, True, True)
    """
    limit, lr = comparison.curvature.largest_stable_lr, comparison.lr
    if not math.isfinite(limit):  # all inputs are 0: nothing ever moves
        limit = lr
    low, high = math.log10(min(BELOW * limit, lr)), math.log10(max(ABOVE * limit, lr))
    spaced = {float(f"{10 ** (low + (high - low) * k / (count - 1)):.3g}") for k in range(count)}
    numbers = torch.finfo(comparison.problem.dtype)
    return sorted({*(rate for rate in spaced if numbers.smallest_normal <= rate <= numbers.max), lr})


def _of_sweep(found: Sweep, method: int) -> list[Trained]:
    assert found.path_weights is not None
    assert found.path_biases is not None
    epochs = found.checkpoints.tolist()
    return [
        Trained(
            epochs,
            found.losses[method, :, 0, k],
            found.path_weights[method, :, 0, k],
            found.path_biases[method, :, 0, k],
            int(found.diverged_at[method, 0, k]),
        )
        for k in range(len(found.rates))
    ]


def _again(comparison: Comparison, methods: list[Method], rate: float) -> Comparison:
    return compare(comparison.problem, methods, **vars(dataclasses.replace(comparison.settings, lr=rate)))


def _of_run(result: Result) -> Trained:
    kept = torch.linspace(0, len(result.losses) - 1, min(len(result.losses), KEPT + 1)).round().long().unique()
    return Trained(
        kept.tolist(),
        result.losses[kept],
        result.weights[kept],
        result.biases[kept],
        result.run.diverged_at or 0,
    )

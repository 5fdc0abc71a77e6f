"""What to try when gradient descent does not come near the optimum: rates and numbers of epochs, known from theory."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bpcompare.comparison.linear import Comparison
from bpcompare.graph.scripts import superscript
from bpcompare.language import _, ngettext
from bpcompare.problem.problem import Problem
from bpcompare.problem.scaling import Scaling
from bpcompare.show.terminal import percent
from bpcompare.theory.gradient_descent import Modes, modes
from bpcompare.theory.least_squares import Curvature, curvature

LEFT = 1e-3  # of the starting distance; the loss is then a millionth of its initial excess above the optimum
HOPELESS = 10_000  # epochs
LONGEST = 1_000_000  # epochs that anyone would wait for


@dataclass(frozen=True)
class Advice:
    """A learning rate, and what it leads to.

    Attributes:
        lr: The rate, rounded down so that it can be typed.
        epochs: How many leave `LEFT` of the starting distance, in every direction that rounding lets one see; None
            with batches, where theory knows no such number.
    """

    lr: float
    epochs: float | None


def on_all_samples(problem: Problem) -> Advice:
    """The best rate for gradient descent on all samples, 2/(λmin+λmax), and how many epochs it needs.

    Example:
        >>> from bpcompare.problem.line import line
        >>> on_all_samples(line())
        Advice(lr=0.749, epochs=66)
    """
    lr = rounded_down(_curvature(problem).best_lr)
    return Advice(lr, epochs_needed(problem, lr))


def in_batches(problem: Problem) -> Advice:
    """Half the rate that is safe for every sample, and so for every batch: 1/maxᵢ λᵢ."""
    return Advice(rounded_down(0.5 * _curvature(problem).safe_sample_lr), None)


def _curvature(problem: Problem) -> Curvature:
    return curvature(problem.x, problem.out_features, bias=problem.has_bias)


def epochs_needed(problem: Problem, lr: float) -> float:
    """How many epochs of gradient descent leave `LEFT` of the starting distance: maxᵢ log(LEFT)/log|1 − ηλᵢ|.

    Directions whose part of the loss is below the rounding of the training's precision do not count. Infinite where
    the rate is too large.

    Example:
        >>> from bpcompare.problem.line import line
        >>> epochs_needed(line(), 0.1), epochs_needed(line(), 0.8)
        (512, inf)
    """
    found = modes(problem)
    rounding = (8 * torch.finfo(problem.dtype).eps) ** 2 * problem.y.double().square().mean()
    factors = found.factors(lr).abs()[(found.initial_excess > rounding).any(1)]
    if not len(factors):
        return 0
    slowest = factors.max().item()
    if slowest >= 1:
        return math.inf
    return max(1, math.ceil(math.log(LEFT) / math.log(slowest))) if slowest > 0 else 1


def standardised(problem: Problem) -> Problem:
    """The same problem, trained on standardised columns from the same initial numbers, as ``--standardize`` does.

    Example:
        >>> from bpcompare.problem.line import line
        >>> standardised(line()).x.mean().abs().item() < 1e-6
        True
    """
    scaling = Scaling.of(problem.measured_x, problem.measured_y, centred=problem.has_bias)
    return dataclasses.replace(problem, scaling=scaling)


def rounded_down(value: float, digits: int = 3) -> float:
    """``value`` cut to so many significant digits, but for rounding: 0.4999999999 is 0.5.

    Example:
        >>> rounded_down(0.749054), rounded_down(3.40794e-06, 2), rounded_down(0.49999999999)
        (0.749, 3.4e-06, 0.5)
    """
    if not (math.isfinite(value) and value > 0):
        return value
    exponent = math.floor(math.log10(value)) - digits + 1
    exact = value / 10.0**exponent * (1 + 1e-6)
    return float(f"{math.floor(exact)}e{exponent}")


def in_user_units(problem: Problem, found: Modes) -> Modes:
    """The modes with every output's part of the loss in the user's units, in which gaps are measured."""
    if problem.scaling is None:
        return found
    return dataclasses.replace(found, initial_excess=found.initial_excess * problem.scaling.y_scale.square())


def count(epochs: float) -> str:
    """A number of epochs as a reader can take it in.

    Example:
        >>> count(1), count(8_912), count(2_345_678_901), count(math.inf)
        ('1 epoch', '8,912 epochs', 'about 2·10⁹ epochs', 'more epochs than anyone can run')
    """
    if not math.isfinite(epochs):
        return _("more epochs than anyone can run")
    if epochs < 1_000_000:
        return ngettext("{n:,} epoch", "{n:,} epochs", int(epochs))
    first, power = f"{epochs:.0e}".split("e+")
    return _("about {number} epochs", number=f"{'' if first == '1' else f'{first}·'}10{superscript(int(power))}")


def sentences(comparison: Comparison) -> Iterator[str]:
    """What to type instead, in one line, where gradient descent diverged or would need more than `HOPELESS` epochs.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.from_data import from_data
        >>> x = torch.arange(2000.0, 2020.0, dtype=torch.float64)[:, None]
        >>> print(*sentences(compare(from_data(x, x**2), ["manual"])))
        advice     use --standardize --lr 0.5 (2/(λmin+λmax)): 1 epoch leaves 0.1 % of the distance to the optimum; \
            without standardising, lr ≤ 2.47e-07 and about 2·10¹² epochs.
    """
    problem, results = comparison.problem, comparison.results.values()
    descents = [r for r in results if r.run.method.canonical_update == "GradientDescent"]
    if not descents or not math.isfinite(comparison.curvature.largest_stable_lr):
        return
    partial = comparison.batch_size not in (None, problem.samples)
    if not any(r.ran_away for r in descents):
        slow = not partial and epochs_needed(problem, comparison.lr) > HOPELESS
        if not slow or any(r.status == "converged" for r in descents):
            return
    find = in_batches if partial else on_all_samples
    better = find(problem if problem.scaling else standardised(problem))
    yield _("advice     {advice}.", advice=_advice(better, find(problem) if problem.scaling is None else None))
    if better.epochs is not None and better.epochs > LONGEST:
        yield _("columns    almost depend on each other: take the least-squares optimum above, or drop columns.")


def _advice(better: Advice, raw: Advice | None) -> str:
    """What to type and what it leads to; ``raw`` is the advice for columns as they are, where they can be scaled."""
    options = f"{'' if raw is None else '--standardize '}--lr {better.lr:g}"
    if better.epochs is None:
        said = _("use {options} (1/max λ of a sample: safe for every batch)", options=options)
        return said if raw is None else _("{advice}; without standardising, lr ≤ {lr:g}", advice=said, lr=raw.lr)
    said = ngettext(
        "use {options} (2/(λmin+λmax)): {epochs} leaves {left} of the distance to the optimum",
        "use {options} (2/(λmin+λmax)): {epochs} leave {left} of the distance to the optimum",
        1 if better.epochs == 1 else 2,
        options=options,
        epochs=count(better.epochs),
        left=percent(100 * LEFT),
    )
    if raw is None or raw.epochs is None:
        return said
    epochs = count(raw.epochs)
    return _("{advice}; without standardising, lr ≤ {lr:g} and {epochs}", advice=said, lr=raw.lr, epochs=epochs)

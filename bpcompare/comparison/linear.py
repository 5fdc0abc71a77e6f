"""Several ways on one problem: which are the same calculation (agreement), and which get there sooner (race)."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.comparison.agreement import Agreement, agree, one_rule
from bpcompare.comparison.race import race
from bpcompare.errors import InputError
from bpcompare.problem.problem import Problem
from bpcompare.theory.gradient_descent import Modes, modes
from bpcompare.theory.least_squares import Curvature, Optimum, curvature, least_squares
from bpcompare.training.methods import WAYS, Method, choose
from bpcompare.training.run import Run
from bpcompare.training.train import check_numbers, expected, train

CONVERGED = 1e-6  # of the starting gap: what is left then is below a thousandth of the starting distance


@dataclass(frozen=True, eq=False)
class Result:
    """What one way learned, in the user's units, every state included; state k is the model before step k.

    Attributes:
        run: The run as it was trained.
        weights: (steps + 1, out, in) float64.
        biases: (steps + 1, out) float64; zero for a model without a bias.
        losses: The mean squared error of each state, (steps + 1,) float64.
        gaps: How far each is above the optimum's, (steps + 1,) float64.
        status: "converged" (the gap has shrunk a millionfold, or to rounding), "stopped" (the epochs ran out before
            that) or "diverged".
    """

    run: Run
    weights: Tensor
    biases: Tensor
    losses: Tensor
    gaps: Tensor
    status: str

    @property
    def weight(self) -> Tensor:
        """The learned weight (out, in)."""
        return self.weights[-1]

    @property
    def bias(self) -> Tensor:
        """The learned bias (out,)."""
        return self.biases[-1]

    @property
    def loss(self) -> float:
        """The loss reached."""
        return self.losses[-1].item()

    @property
    def ran_away(self) -> bool:
        """Whether it diverged, or is about to: the gap has grown a millionfold."""
        return self.status == "diverged" or bool(self.gaps[-1] > 1e6 * self.gaps[0])

    def epochs_to(self, fraction: float) -> int | None:
        """The first epoch at which the gap is at most ``fraction`` of the one at the start, or None."""
        reached = (self.gaps <= fraction * self.gaps[0]).nonzero()
        return int(reached[0]) if len(reached) else None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several ways of training on one problem, beside what theory says of it.

    Attributes:
        problem: What was learned.
        lr: The learning rate.
        epochs: How many were asked for.
        batch_size: Samples per step, or None for all.
        seed: Where the order of the samples was drawn from.
        results: Per method's name what it learned.
        agreement: Per pair "a~b" with the same rule and different sources.
    """

    problem: Problem
    lr: float
    epochs: int
    batch_size: int | None
    seed: int
    results: dict[str, Result]
    agreement: dict[str, Agreement]
    optimum: Optimum

    @functools.cached_property
    def curvature(self) -> Curvature:
        """The curvature of the loss that the ways trained on."""
        return curvature(self.problem.x, self.problem.out_features, bias=self.problem.has_bias)

    @functools.cached_property
    def modes(self) -> Modes:
        """The loss that the ways trained on, as gradient descent sees it."""
        return modes(self.problem)

    def predicted(self, name: str) -> Tensor | None:
        """The losses that theory predicts for a way's states, (steps + 1,), in the user's units.

        None for a way that is not gradient descent on all samples: of those theory knows no such formula.
        """
        if not self._is_predictable(name):
            return None
        scaling = self.problem.scaling
        losses = self.modes.loss_of_outputs(self.lr, torch.arange(len(self.results[name].losses)))
        return (losses if scaling is None else losses * scaling.y_scale.square()).mean(1)

    def predicted_path(self, name: str) -> tuple[Tensor, Tensor] | None:
        """The weights (steps + 1, out, in) and biases (steps + 1, out) likewise, in the user's units; or None."""
        if not self._is_predictable(name):
            return None
        return self.problem.in_user_units(*self.modes.path(self.lr, torch.arange(len(self.results[name].losses))))

    def _is_predictable(self, name: str) -> bool:
        full_batch = self.batch_size in (None, self.problem.samples)
        return full_batch and self.results[name].run.method.canonical_update == "GradientDescent"

    def prediction_error(self, name: str) -> float | None:
        """The largest distance between the measured and the predicted loss of a state, relative to the predicted."""
        predicted = self.predicted(name)
        if predicted is None:
            return None
        error = (self.results[name].losses - predicted).abs() / predicted
        return error.nan_to_num(0.0).max().item()  # 0/0 at an exact fit

    @property
    def race(self) -> dict[str, dict[float, dict[str, int | None]]]:
        """Per pair "a~b" with the same source and different rules: the epochs each took to `FRACTIONS` of the gap."""
        return race(self.results)


def compare(
    problem: Problem,
    methods: Sequence[str | Method] = tuple(WAYS),
    *,
    lr: float = 0.1,
    epochs: int = 50,
    batch_size: int | None = None,
    seed: int = 0,
    shuffle: bool = True,
    on_epoch: Callable[[], object] | None = None,
) -> Comparison:
    """Trains `problem` by every method from the same start, and compares.

    Args:
        problem: What to learn.
        methods: Names as `Method.named` takes them, or methods of your own; each once.
        lr: The learning rate, above 0, the same for all.
        epochs: How many, at least 1.
        batch_size: Samples per step; None for all.
        seed: Where the order of the samples is drawn from.
        shuffle: Whether batches take the samples in a new order at every pass, or in their own.
        on_epoch: Called after every epoch of every method.

    Raises:
        InputError: A number is out of its range, a method is named twice, or the model is a network.
        MethodError: There is no such method, or it cannot work here; nothing has been trained then.
        LimitError: It would not fit into memory or a day; likewise.

    Example:
        >>> from bpcompare.problem.problem import line
        >>> comparison = compare(line())
        >>> comparison.agreement["manual~autograd"].bit_equal
        True
    """
    if not problem.is_linear:
        raise InputError("compare sets the ways beside the optimum of one nn.Linear; use compare_network for a network")
    check_numbers(problem, lr, epochs, batch_size)
    chosen = choose(problem, methods, lr)
    expected(problem, chosen, epochs, batch_size).check()
    runs = [
        train(problem, m, lr=lr, epochs=epochs, batch_size=batch_size, seed=seed, shuffle=shuffle, on_epoch=on_epoch)
        for m in chosen
    ]
    optimum = least_squares(problem.measured_x, problem.measured_y, bias=problem.has_bias)
    results = {run.method.name: _result(problem, run, optimum) for run in runs}
    pairs = one_rule([result.run for result in results.values()])
    agreement = {pair: agree(a, b) for pair, (a, b) in pairs.items()}
    return Comparison(problem, lr, epochs, batch_size, seed, results, agreement, optimum)


def _result(problem: Problem, run: Run, optimum: Optimum) -> Result:
    weight = run.parameters["weight"]
    bias = run.parameters.get("bias", weight.new_zeros(len(weight), problem.out_features))
    weights, biases = problem.in_user_units(weight, bias)
    exact = optimum.loss_at(weights, biases)
    if not exact.isfinite().all():  # the last states of a diverged run, in units that reach less far
        states = int(exact.isfinite().int().argmin())
        run, weights, biases, exact = run.first(states), weights[:states], biases[:states], exact[:states]
    losses = run.all_losses if problem.scaling is None else exact
    gaps = exact - optimum.loss
    eps = torch.finfo(problem.dtype).eps
    rounding = max(eps * optimum.loss, problem.measured_y.square().mean().item() * (8 * eps) ** 2)
    if run.diverged_at is not None:
        status = "diverged"
    else:
        status = "converged" if gaps[-1] <= max(CONVERGED * gaps[0].item(), rounding) else "stopped"
    return Result(run, weights, biases, losses, gaps, status)

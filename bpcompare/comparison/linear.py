"""Several methods on one `nn.Linear`: which are the same calculation (agreement), which are faster (race).

The optimum is known in closed form here, and what gradient descent will do before it runs: every result is compared
with both. `compare` sends a network to `network`, where there is neither.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from bpcompare.comparison.agreement import agree, one_rule
from bpcompare.comparison.base import BaseComparison, BaseResult
from bpcompare.comparison.network import network_comparison
from bpcompare.problem.problem import Problem, check_problem
from bpcompare.theory.gradient_descent import Modes, modes
from bpcompare.theory.least_squares import Curvature, Optimum, curvature, least_squares
from bpcompare.training.defaults import METHODS
from bpcompare.training.methods import Method
from bpcompare.training.recording import LinearRecording
from bpcompare.training.run import Run
from bpcompare.training.settings import DEFAULTS, TrainingSettings
from bpcompare.training.train import train_all

CONVERGED = 1e-6  # of the starting gap: what is left then is below a thousandth of the starting distance


@dataclass(frozen=True, eq=False, repr=False)
class Result(BaseResult):
    """What one method learned, in the user's units, every state included; state k is the model before step k.

    The gap is measured to the loss of the optimum. The status is "converged" where the gap has shrunk a millionfold, or
    to rounding.

    Attributes:
        weights: (states, out, in) float64.
        biases: (states, out) float64; zero for a model without a bias.
    """

    weights: Tensor
    biases: Tensor

    @property
    def weight(self) -> Tensor:
        """The learned weight (out, in)."""
        return self.weights[-1]

    @property
    def bias(self) -> Tensor:
        """The learned bias (out,)."""
        return self.biases[-1]

    @property
    def ran_away(self) -> bool:
        """Whether it diverged, or is about to: the gap has grown a millionfold."""
        return self.status == "diverged" or bool(self.gaps[-1] > 1e6 * self.gaps[0])


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(BaseComparison[Result]):
    """Several methods of training on one `nn.Linear`, next to what theory says of it.

    Attributes:
        optimum: The least-squares solution, in the user's units.
    """

    optimum: Optimum

    @functools.cached_property
    def curvature(self) -> Curvature:
        """The curvature of the loss that the methods trained on."""
        return curvature(self.problem.x, self.problem.out_features, bias=self.problem.has_bias)

    @functools.cached_property
    def modes(self) -> Modes:
        """The loss that the methods trained on, as gradient descent sees it."""
        return modes(self.problem)

    def predicted(self, name: str) -> Tensor | None:
        """The losses that theory predicts for a method's states, (states,), in the user's units.

        None for a method that is not gradient descent on all samples: theory has no such formula for it.
        """
        if not self._is_predictable(name):
            return None
        scaling = self.problem.scaling
        losses = self.modes.loss_of_outputs(self.lr, torch.arange(len(self.results[name].losses)))
        return (losses if scaling is None else losses * scaling.y_scale.square()).mean(1)

    def predicted_path(self, name: str) -> tuple[Tensor, Tensor] | None:
        """The predicted weights (states, out, in) and biases (states, out), in the user's units; or None."""
        if not self._is_predictable(name):
            return None
        return self.problem.in_user_units(*self.modes.path(self.lr, torch.arange(len(self.results[name].losses))))

    def _is_predictable(self, name: str) -> bool:
        full_batch = self.batch_size in (None, self.problem.samples)
        return full_batch and self.results[name].run.method.canonical_update == "GradientDescent"

    def prediction_error(self, name: str) -> float | None:
        """The largest distance between the measured and the predicted loss of a state, relative to the predicted.

        A predicted loss below ε·mean(y²) counts as that: of a fit so exact, rounding is most of what is left.
        """
        predicted = self.predicted(name)
        if predicted is None:
            return None
        least = torch.finfo(self.problem.dtype).eps * self.problem.measured_y.square().mean().item()
        error = (self.results[name].losses - predicted).abs() / predicted.clamp(min=least)
        return error.nan_to_num(0.0).max().item()  # 0/0 at an exact fit


def compare(
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
) -> Comparison:
    """Trains `problem` by every method from the same start, and compares.

    Args:
        problem: What to learn, by an `nn.Linear` or by a network.
        methods: Names as `Method.named` takes them, or methods of your own, one or several; each once.
        lr: The learning rate, above 0, the same for all.
        epochs: Passes over the samples, at least 1.
        batch_size: Samples per step; None for all.
        seed: Random seed for the sample order.
        shuffle: Whether batches take the samples in a new order in every epoch, or in their own.
        device: Where to train: "cpu", "cuda", "cuda:N", "mps", or "auto" for the first that is here of cuda, mps, cpu.
        on_epoch: Called after every epoch of every method.

    Returns:
        A `Comparison`. For a network it is a `NetworkComparison`; `compare_network` tells this to type checkers, too.

    Raises:
        InputError: A number is out of its range, a method is named twice, or the device is not here.
        MethodError: There is no such method, or it cannot work here; nothing has been trained then.
        LimitError: It would not fit into memory or a day; likewise.

    Example:
        >>> from bpcompare.problem.line import line
        >>> comparison = compare(line())
        >>> comparison.agreement["manual~autograd"].bit_equal
        True
    """
    settings = TrainingSettings(lr, epochs, batch_size, seed, shuffle, str(device))
    check_problem(problem)
    compared = linear_comparison if problem.is_linear else network_comparison
    return cast(Comparison, cast(Any, compared)(problem, methods, settings, on_epoch))


def linear_comparison(
    problem: Problem,
    methods: str | Method | Sequence[str | Method],
    settings: TrainingSettings,
    on_epoch: Callable[[], object] | None = None,
) -> Comparison:
    """`compare` for a problem whose model is one `nn.Linear`.

    Example:
        >>> from bpcompare.problem.line import line
        >>> linear_comparison(line(), "manual", TrainingSettings(epochs=300)).results
        {'manual': <Result manual: 301 states, loss 0.0105423, stopped>}
    """
    runs = train_all(problem, methods, settings, LinearRecording, on_epoch)
    optimum = least_squares(problem.measured_x, problem.measured_y, bias=problem.has_bias)
    results = {run.method.name: _result(problem, run, optimum) for run in runs}
    pairs = one_rule([result.run for result in results.values()])
    agreement = {pair: agree(a, b) for pair, (a, b) in pairs.items()}
    return Comparison(problem, runs[0].settings, results, agreement, optimum)


def _result(problem: Problem, run: Run, optimum: Optimum) -> Result:
    weight = run.parameters["weight"]
    bias = run.parameters.get("bias", weight.new_zeros(len(weight), problem.out_features))
    weights, biases = problem.in_user_units(weight, bias)
    exact = optimum.loss_at(weights, biases)
    if not exact.isfinite().all():  # the last states of a diverged run, in units that reach less far
        states = int(exact.isfinite().int().argmin())
        run, weights, biases, exact = run.first(states), weights[:states], biases[:states], exact[:states]
    losses = run.losses if problem.scaling is None else exact
    gaps = exact - optimum.loss
    eps = torch.finfo(problem.dtype).eps
    rounding = max(eps * optimum.loss, problem.measured_y.square().mean().item() * (8 * eps) ** 2)
    if run.diverged_at is not None:
        status = "diverged"
    else:
        status = "converged" if gaps[-1] <= max(CONVERGED * gaps[0].item(), rounding) else "stopped"
    return Result(run, losses, gaps, status, weights, biases)

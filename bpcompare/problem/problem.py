"""The regression problem: what was measured, what the methods train on, and where they all start."""

import copy
import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from bpcompare import notebook
from bpcompare.errors import InputError
from bpcompare.language import _, english
from bpcompare.problem import estimates
from bpcompare.problem.column_names import check_names
from bpcompare.problem.columns import (
    all_finite,
    as_columns,
    as_parameters,
    check_columns,
    check_precision,
    numbered,
    precision,
)
from bpcompare.problem.scaling import Scaling
from bpcompare.problem.whole_numbers import is_truth_value, quoted, seed_number, whole_number

MOST_ROWS = 20  # columns of a table that a notebook shows

if TYPE_CHECKING:
    from bpcompare.problem.columns import Numbers


@dataclass(frozen=True)
class Truth:
    """The parameters that made the data: weight (out, in) and bias (out,)."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """Data to fit by ŷ = x Wᵀ + b, or by a network, in the user's units and as the methods train on it.

    Build one with `from_data`, `line`, `csv_reader.read_csv` or `networks.quadratic`.

    Attributes:
        name: What to call it.
        measured_x: (N, in) float64, in the user's units.
        measured_y: (N, out) float64, in the user's units.
        dtype: The precision of training, float32 or float64.
        start: The untrained model, an `nn.Linear` or a network; `model()` gives copies of it.
        truth: The parameters that made the data, or None for measured data.
        x_names: One name per input column.
        y_names: One name per output column.
        scaling: How the columns were standardised for training, or None.
        skipped: The number of rows of a file that were left out, since a cell was missing.
    """

    name: str
    measured_x: Tensor
    measured_y: Tensor
    dtype: torch.dtype
    start: Any
    truth: Truth | None
    x_names: tuple[str, ...]
    y_names: tuple[str, ...]
    scaling: Scaling | None
    skipped: int = 0

    @functools.cached_property
    def x(self) -> Tensor:
        """The inputs that the methods train on, (N, in)."""
        return self._in_training_units(self.measured_x)

    @functools.cached_property
    def y(self) -> Tensor:
        """The targets that the methods train on, (N, out)."""
        scaling = self.scaling
        return (self.measured_y if scaling is None else scaling.y_in_training_units(self.measured_y)).to(self.dtype)

    def on(self, device: torch.device) -> "Problem":
        """The same problem with x, y and its models on a device; what was measured stays on the CPU."""
        if device.type == "cpu":
            return self
        there = dataclasses.replace(self, start=self.model().to(device))
        there.__dict__.update(x=self.x.to(device), y=self.y.to(device))  # as if they had been asked for
        return there

    @property
    def samples(self) -> int:
        """The number of samples N."""
        return self.measured_x.shape[0]

    @property
    def in_features(self) -> int:
        """The number of input columns."""
        return self.measured_x.shape[1]

    @property
    def out_features(self) -> int:
        """The number of output columns."""
        return self.measured_y.shape[1]

    @property
    def has_bias(self) -> bool:
        """Whether the model has a bias to learn."""
        return any(name.endswith("bias") for name, _ in self.start.named_parameters())

    @property
    def is_linear(self) -> bool:
        """Whether the model is a single `nn.Linear`, whose optimum is known in closed form."""
        return isinstance(self.start, nn.Linear)

    def model(self) -> Any:
        """A fresh model at the common starting point."""
        return copy.deepcopy(self.start)

    def restarted(self, seed: int) -> "Problem":
        """The same data with initial parameters drawn from another seed, as PyTorch draws them."""
        start = self.model()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(seed))  # of the CPU alone, where everything is drawn
            for layer in start.modules():
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()
        return dataclasses.replace(self, start=start)

    @torch.no_grad()
    def predict(self, model: nn.Module, x: Tensor) -> Tensor:
        """What a trained model says of inputs (N, in), both in the user's units, float64."""
        y: Tensor = model(self._in_training_units(x)).double()
        return y if self.scaling is None else self.scaling.y_in_user_units(y)

    def _in_training_units(self, x: Tensor) -> Tensor:
        return (x if self.scaling is None else self.scaling.x_in_training_units(x)).to(self.dtype)

    def in_user_units(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Trained parameters as the user's columns have them, float64; unchanged where nothing was standardised."""
        if self.scaling is None:
            return weight.double(), bias.double()
        return self.scaling.parameters_in_user_units(weight, bias)

    def __repr__(self) -> str:
        return f"<{english(self._caption())}>"

    def _caption(self) -> str:
        size = f"{self.in_features} → {self.out_features}, {type(self.start).__name__}"
        kind = f"{size}, {str(self.dtype).removeprefix('torch.')}"
        if self.scaling:
            return _("Problem {name}: {n} samples, {kind}, standardised", name=self.name, n=self.samples, kind=kind)
        return _("Problem {name}: {n} samples, {kind}", name=self.name, n=self.samples, kind=kind)

    def _repr_html_(self) -> str:
        """What a notebook shows: a row for each column of the data."""
        columns = [(name, self.measured_x[:, i]) for i, name in enumerate(self.x_names[:MOST_ROWS])]
        columns += [(name, self.measured_y[:, i]) for i, name in enumerate(self.y_names[:MOST_ROWS])]
        rows = [[name, values.min().item(), values.mean().item(), values.max().item()] for name, values in columns]
        head = [_("column"), _("smallest"), _("mean"), _("largest")]
        return notebook.table(self._caption(), head, rows)


def from_data(
    x: "Numbers",
    y: "Numbers",
    *,
    name: str = "data",
    seed: int = 0,
    dtype: torch.dtype | None = None,
    bias: bool = True,
    standardize: bool = False,
    truth: Truth | None = None,
    x_names: Sequence[str] | None = None,
    y_names: Sequence[str] | None = None,
    skipped: int = 0,
) -> Problem:
    """The problem of fitting ``y`` by a linear model of ``x``.

    Args:
        x: Inputs (N, in), N ≥ 1, finite: a tensor, a NumPy array or a list of rows.
        y: Targets (N, out), finite, likewise. Both are kept in float64, whatever the training's precision.
        name: What to call it.
        seed: Random seed for the initial parameters.
        dtype: The precision of training, torch.float32 or torch.float64; when not given float64 if ``x`` is a
            tensor or an array of it, else float32.
        bias: Whether the model has one.
        standardize: Whether to train on columns of mean 0 and (population) standard deviation 1; without a bias, of
            mean square 1. Everything is reported in the user's units all the same.
        truth: The parameters that made the data, if they are known.
        x_names: One name per column of x, in any script, without control characters.
        y_names: One name per column of y.
        skipped: The number of rows of a file that were left out.

    Raises:
        InputError: A shape, a type or a value does not fit, with the remedy.

    Example:
        >>> problem = from_data([[1.0], [2.0]], [[2.0], [4.0]], x_names=["速度"])
        >>> problem.samples, problem.x_names, problem.dtype
        (2, ('速度',), torch.float32)
    """
    dtype, seed = dtype or precision(x), seed_number(seed)
    x, y = as_columns("x", x), as_columns("y", y)
    check_columns(x, y, dtype)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        start = nn.Linear(x.shape[1], y.shape[1], bias=bias, dtype=dtype)
    measured_x, measured_y = x.double(), y.double()
    problem = Problem(
        name=name,
        measured_x=measured_x,
        measured_y=measured_y,
        dtype=dtype,
        start=start,
        truth=truth,
        x_names=check_names("x_names", x_names or numbered("x", x.shape[1]), x.shape[1]),
        y_names=check_names("y_names", y_names or numbered("y", y.shape[1]), y.shape[1]),
        scaling=Scaling.of(measured_x, measured_y, centred=bias) if standardize else None,
        skipped=skipped,
    )
    if not (all_finite(problem.x) and all_finite(problem.y)):
        raise InputError(
            _(
                "the data reach beyond {dtype}; give --dtype float64 or --standardize (in Python "
                "dtype=torch.float64 or standardize=True)",
                dtype=problem.dtype,
            )
        )
    return problem


def line(
    samples: int = 100,
    noise: float = 0.1,
    weight: float | list[list[float]] = 2.0,
    bias: float | list[float] = 1.0,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    *,
    learn_bias: bool = True,
    standardize: bool = False,
) -> Problem:
    """The problem of the tutorial: y = x Wᵀ + b + noise·ε with ε ~ N(0, 1), by default y = 2x + 1.

    With one input, x is evenly spaced on [0, 1]; with several, it is drawn uniformly from the unit cube. The random
    numbers are drawn in the order of a script that seeds once: x (if drawn), the noise, then the model.

    Args:
        samples: N ≥ 1.
        noise: The standard deviation of the noise, ≥ 0.
        weight: One number, or a matrix (out, in).
        bias: One number, or one for each output.
        seed: Any whole number that `torch.manual_seed` takes.
        dtype: The precision of the data and of training.
        learn_bias: Whether the model has a bias.
        standardize: As in `from_data`.

    Raises:
        InputError: A size or a number cannot be used.
        LimitError: The data would not fit into memory.

    Example:
        >>> problem = line()
        >>> problem.start.weight.shape, problem.x[-1].item()
        (torch.Size([1, 1]), 1.0)

    Source: 「深度学习之前向传播和反向传播」, the main problem; the seed is found, not printed there.
    """
    samples, seed = whole_number("samples", samples), seed_number(seed)
    check_precision(dtype)
    if isinstance(noise, str) or is_truth_value(noise) or not 0 <= noise < math.inf:
        raise InputError(_("noise must be a finite number of at least 0; got {noise}", noise=quoted(noise)))
    matrix = as_parameters("weight", weight, dtype)
    matrix = matrix.reshape(1, 1) if matrix.ndim == 0 else matrix
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise InputError(
            _("weight must be a number or a matrix (out, in); got shape {shape}", shape=tuple(matrix.shape))
        )
    biases = as_parameters("bias", bias, dtype).reshape(-1)
    if biases.numel() not in (1, matrix.shape[0]):
        raise InputError(
            _(
                "bias must be one number or one per output ({outputs}); got {count}",
                outputs=matrix.shape[0],
                count=biases.numel(),
            )
        )
    out_features, in_features = matrix.shape
    estimates.line(samples, in_features, out_features).check()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        if in_features == 1:
            x = torch.linspace(0, 1, samples, dtype=dtype).unsqueeze(1)
        else:
            x = torch.rand(samples, in_features, dtype=dtype)
        exact = matrix.item() * x + biases if matrix.numel() == 1 else x @ matrix.T + biases
        y = exact + noise * torch.randn_like(exact)
        start = nn.Linear(in_features, out_features, bias=learn_bias, dtype=dtype)
    truth = Truth(matrix, biases.expand(out_features).clone())
    problem = from_data(x, y, name="line", bias=learn_bias, standardize=standardize, truth=truth)
    return dataclasses.replace(problem, start=start)


def check_problem(problem: object) -> None:
    """Refuses what is no problem.

    Raises:
        InputError: It is something else.

    Example:
        >>> check_problem(5)
        Traceback (most recent call last):
        ...
        bpcompare.errors.InputError: what to learn must be a Problem, such as line() or from_data(x, y); got 5
    """
    if not isinstance(problem, Problem):
        raise InputError(
            _(
                "what to learn must be a Problem, such as line() or from_data(x, y); got {problem}",
                problem=quoted(problem),
            )
        )

"""The regression problem: what was measured, what the methods train on, and where they all start."""

import copy
import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bpcompare import notebook
from bpcompare.errors import InputError
from bpcompare.language import _, english
from bpcompare.problem.scaling import Scaling
from bpcompare.problem.whole_numbers import quoted

MOST_ROWS = 20  # columns of a table that a notebook shows


@dataclass(frozen=True)
class Truth:
    """The parameters that made the data: weight (out, in) and bias (out,)."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """Data to fit by ŷ = x Wᵀ + b, or by a network, in the user's units and as the methods train on it.

    Build one with `line.line`, `from_data.from_data`, `csv_reader.read_csv` or `networks.quadratic`.

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

    @functools.cached_property
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

"""The regression problem: what was measured, what the ways train on, and where they all start."""

import copy
import dataclasses
import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpcompare.errors import InputError

DTYPES = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Truth:
    """The parameters that made the data: weight (out, in) and bias (out,)."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Scaling:
    """The affine map between the user's units and standardised columns, x = x̄ + s_x·x′ and y = ȳ + s_y·y′.

    Attributes:
        x_mean: x̄ (in,), zero where the model has no bias to carry it.
        x_scale: s_x (in,), above zero.
        y_mean: ȳ (out,).
        y_scale: s_y (out,), above zero.
    """

    x_mean: Tensor
    x_scale: Tensor
    y_mean: Tensor
    y_scale: Tensor

    def parameters_in_user_units(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """W = s_y W′ / s_x and b = ȳ + s_y b′ − W x̄, in float64; leading dimensions (epochs, say) are kept."""
        weight = weight.double() * self.y_scale[:, None] / self.x_scale
        return weight, self.y_mean + self.y_scale * bias.double() - weight @ self.x_mean

    def gradients_in_user_units(self, weight_grad: Tensor, bias_grad: Tensor) -> tuple[Tensor, Tensor]:
        """The same gradients by the chain rule, ∂L/∂W = s_y (s_x ∂L′/∂W′ + x̄ ∂L′/∂b′) and ∂L/∂b = s_y ∂L′/∂b′."""
        weight_grad, bias_grad = weight_grad.double(), bias_grad.double()
        outer = bias_grad[..., None] * self.x_mean
        return self.y_scale[:, None] * (self.x_scale * weight_grad + outer), self.y_scale * bias_grad


@dataclass(frozen=True, eq=False)
class Problem:
    """Data to fit by ŷ = x Wᵀ + b, in the user's units and as the ways train on it.

    Build one with `from_data`, `line` or `csv_data.read_csv`.

    Attributes:
        name: What to call it.
        measured_x: (N, in) float64, in the user's units.
        measured_y: (N, out) float64, in the user's units.
        dtype: The precision of training, float32 or float64.
        start: The untrained model; `model()` gives copies of it.
        truth: The parameters that made the data, or None for measured data.
        x_names: One name per input column.
        y_names: One name per output column.
        scaling: How the columns were standardised for training, or None.
    """

    name: str
    measured_x: Tensor
    measured_y: Tensor
    dtype: torch.dtype
    start: nn.Linear
    truth: Truth | None
    x_names: tuple[str, ...]
    y_names: tuple[str, ...]
    scaling: Scaling | None

    @functools.cached_property
    def x(self) -> Tensor:
        """The inputs that the ways train on, (N, in)."""
        s = self.scaling
        return (self.measured_x if s is None else (self.measured_x - s.x_mean) / s.x_scale).to(self.dtype)

    @functools.cached_property
    def y(self) -> Tensor:
        """The targets that the ways train on, (N, out)."""
        s = self.scaling
        return (self.measured_y if s is None else (self.measured_y - s.y_mean) / s.y_scale).to(self.dtype)

    @property
    def samples(self) -> int:
        """N."""
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
        return self.start.bias is not None

    def model(self) -> nn.Linear:
        """A fresh model at the common starting point: PyTorch's own initialisation, drawn from the seed."""
        return copy.deepcopy(self.start)

    def in_user_units(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Trained parameters as the user's columns have them, float64; unchanged where nothing was standardised."""
        if self.scaling is None:
            return weight.double(), bias.double()
        return self.scaling.parameters_in_user_units(weight, bias)


def from_data(
    x: Tensor,
    y: Tensor,
    *,
    name: str = "data",
    seed: int = 0,
    dtype: torch.dtype | None = None,
    bias: bool = True,
    standardize: bool = False,
    truth: Truth | None = None,
    x_names: tuple[str, ...] | None = None,
    y_names: tuple[str, ...] | None = None,
) -> Problem:
    """The problem of fitting ``y`` by a linear model of ``x``.

    Args:
        x: Inputs (N, in), N ≥ 1, finite.
        y: Targets (N, out), finite.
        name: What to call it.
        seed: Where the initial parameters are drawn from.
        dtype: The precision of training, torch.float32 or torch.float64; that of ``x`` when not given.
        bias: Whether the model has one.
        standardize: Whether to train on columns of mean 0 and (population) standard deviation 1; without a bias, of
            mean square 1. Everything is reported in the user's units all the same.
        truth: The parameters that made the data, if they are known.
        x_names: One name per column of x.
        y_names: One name per column of y.

    Raises:
        InputError: A shape, a type or a value does not fit, with the remedy.

    Example:
        >>> problem = from_data(torch.tensor([[1.0], [2.0]]), torch.tensor([[2.0], [4.0]]))
        >>> problem.samples, problem.in_features, problem.out_features
        (2, 1, 1)
    """
    _check(x, y, dtype or x.dtype)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        start = nn.Linear(x.shape[1], y.shape[1], bias=bias, dtype=dtype or x.dtype)
    measured_x, measured_y = x.detach().double(), y.detach().double()
    problem = Problem(
        name=name,
        measured_x=measured_x,
        measured_y=measured_y,
        dtype=dtype or x.dtype,
        start=start,
        truth=truth,
        x_names=x_names or _numbered("x", x.shape[1]),
        y_names=y_names or _numbered("y", y.shape[1]),
        scaling=_scaling(measured_x, measured_y, centred=bias) if standardize else None,
    )
    if not (problem.x.isfinite().all() and problem.y.isfinite().all()):
        raise InputError(f"the data reach beyond {problem.dtype}; train with dtype float64 or standardize the columns.")
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

    Example:
        >>> problem = line()
        >>> problem.start.weight.shape, problem.x[-1].item()
        (torch.Size([1, 1]), 1.0)

    Source: 「深度学习之前向传播和反向传播」, the main problem; the seed is found, not printed there.
    """
    if samples < 1:
        raise InputError(f"samples must be at least 1; got {samples}")
    matrix = torch.as_tensor(weight, dtype=dtype)
    matrix = matrix.reshape(1, 1) if matrix.ndim == 0 else matrix
    if matrix.ndim != 2:
        raise InputError(f"weight must be a number or a matrix (out, in); got shape {tuple(matrix.shape)}")
    offset = torch.as_tensor(bias, dtype=dtype).reshape(-1)
    if offset.numel() not in (1, matrix.shape[0]):
        raise InputError(f"bias must be one number or one per output ({matrix.shape[0]}); got {offset.numel()}")
    out_features, in_features = matrix.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if in_features == 1:
            x = torch.linspace(0, 1, samples, dtype=dtype).unsqueeze(1)
        else:
            x = torch.rand(samples, in_features, dtype=dtype)
        exact = matrix.item() * x + offset if matrix.numel() == 1 else x @ matrix.T + offset
        y = exact + noise * torch.randn_like(exact)
        start = nn.Linear(in_features, out_features, bias=learn_bias, dtype=dtype)
    truth = Truth(matrix, offset.expand(out_features).clone())
    problem = from_data(x, y, name="line", bias=learn_bias, standardize=standardize, truth=truth)
    return dataclasses.replace(problem, start=start)


def _check(x: Tensor, y: Tensor, dtype: torch.dtype) -> None:
    if x.ndim != 2 or 0 in x.shape:
        hint = " Use x.unsqueeze(1)." if x.ndim == 1 else ""
        raise InputError(f"x must have shape (N, in_features) with N and in_features ≥ 1; got {tuple(x.shape)}.{hint}")
    n = x.shape[0]
    if y.shape == (n,):
        raise InputError(
            f"y must have shape (N, out_features) = ({n}, 1); got ({n},). Use y.unsqueeze(1): "
            f"({n}, 1) − ({n},) would broadcast to ({n}, {n})."
        )
    if y.ndim != 2 or y.shape[0] != n or y.shape[1] == 0:
        raise InputError(f"y must have shape (N, out_features) with N = {n}, as x has; got {tuple(y.shape)}.")
    if dtype not in DTYPES:
        raise InputError(f"dtype must be torch.float32 or torch.float64; got {dtype}.")
    for name, values in (("x", x), ("y", y)):
        if not values.isfinite().all():
            row, column = (~values.isfinite()).nonzero()[0].tolist()
            raise InputError(f"{name} must be finite; {name}[{row}, {column}] is {values[row, column].item()}.")


def _numbered(letter: str, count: int) -> tuple[str, ...]:
    return (letter,) if count == 1 else tuple(f"{letter}{i + 1}" for i in range(count))


def _scaling(x: Tensor, y: Tensor, centred: bool) -> Scaling:
    def mean_and_scale(columns: Tensor) -> tuple[Tensor, Tensor]:
        mean = columns.mean(0) if centred else torch.zeros_like(columns[0])
        scale = (columns - mean).square().mean(0).sqrt()
        return mean, torch.where(columns.amax(0) > columns.amin(0), scale, 1.0)  # a constant column stays as it is

    return Scaling(*mean_and_scale(x), *mean_and_scale(y))

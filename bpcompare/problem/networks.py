"""Networks of Linear layers and activations, and the problem that the published one learns."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bpcompare.errors import InputError
from bpcompare.language import _, listed
from bpcompare.problem import estimates
from bpcompare.problem.from_data import from_data
from bpcompare.problem.problem import Problem
from bpcompare.problem.whole_numbers import seed_number, whole_number, widths_of

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
INITS = ("normal", "pytorch")
PUBLISHED = (2, 100, 400, 1)


def network(
    layers: Sequence[int],
    activation: str = "sigmoid",
    init: str = "pytorch",
    *,
    bias: bool = True,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """A network with an activation after every Linear but the last: a⁽ˡ⁾ = σ(W⁽ˡ⁾a⁽ˡ⁻¹⁾ + b⁽ˡ⁾), ŷ = W⁽ᴸ⁾a⁽ᴸ⁻¹⁾ + b⁽ᴸ⁾.

    Args:
        layers: The widths from the inputs to the outputs, at least two, each at least 1.
        activation: "sigmoid", "tanh" or "relu".
        init: "pytorch" for PyTorch's own, uniform within ±1/√in; "normal" for the standard normal, which saturates
            the activations of a layer with many inputs: z is then of size √in.
        bias: Whether the layers have one.
        seed: Random seed for the initial parameters.
        dtype: torch.float32 or torch.float64.

    Raises:
        InputError: A width or a name cannot be used.
        LimitError: The network would not fit into memory.

    Example:
        >>> network([2, 3, 1], "tanh")
        Sequential(
          (0): Linear(in_features=2, out_features=3, bias=True)
          (1): Tanh()
          (2): Linear(in_features=3, out_features=1, bias=True)
        )
    """
    layers, seed = widths_of(layers), seed_number(seed)
    if activation not in ACTIVATIONS:
        raise InputError(
            _("activation must be one of {known}; got {activation!r}", known=listed(ACTIVATIONS), activation=activation)
        )
    if init not in INITS:
        raise InputError(_("init must be one of {known}; got {init!r}", known=listed(INITS), init=init))
    estimates.network(layers, dtype.itemsize).check()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))  # of the CPU alone, where everything is drawn
        parts: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(layers):
            parts += [nn.Linear(inputs, outputs, bias=bias, dtype=dtype), ACTIVATIONS[activation]()]
        model = nn.Sequential(*parts[:-1])
        if init == "normal":
            for p in model.parameters():
                nn.init.normal_(p)
    return model


def with_network(
    problem: Problem, layers: Sequence[int], activation: str = "sigmoid", init: str = "pytorch", *, seed: int = 0
) -> Problem:
    """The same data, to be fitted by a `network` instead of a line.

    Raises:
        InputError: The widths do not begin and end with the numbers of columns, or as in `network`.

    Example:
        >>> from bpcompare.problem.line import line
        >>> with_network(line(), [1, 8, 1]).is_linear
        False
    """
    ends = (problem.in_features, problem.out_features)
    layers = widths_of(layers)
    if (layers[0], layers[-1]) != ends:
        raise InputError(
            _(
                "layers must begin with {inputs} and end with {outputs}, the numbers of input and output "
                "columns; got {layers}",
                inputs=ends[0],
                outputs=ends[1],
                layers=",".join(map(str, layers)),
            )
        )
    model = network(layers, activation, init, bias=problem.has_bias, seed=seed, dtype=problem.dtype)
    return dataclasses.replace(problem, start=model, truth=None)


def quadratic(
    seed: int = 333,
    dtype: torch.dtype = torch.float64,
    *,
    layers: Sequence[int] = PUBLISHED,
    activation: str = "sigmoid",
    init: str = "normal",
    bias: bool = True,
    standardize: bool = False,
) -> Problem:
    """The published problem of a network: 30 points y = x² + 2ε, ε ~ N(0, 1), to be learned from the features x and x².

    The data come from NumPy's legacy generator, as published. The listing draws the initial weights without a seed;
    here they are drawn from PyTorch's generator with the same one.

    Args:
        seed: 333 in the text, 111 in its full listing; from 0 to 2³² − 1.
        dtype: The precision of training.
        layers: The widths, from 2 to 1.
        activation: As in `network`.
        init: As in `network`; the standard normal as published.
        bias: Whether the layers have one.
        standardize: As in `from_data`.

    Raises:
        InputError: As in `network`, or the seed is not one that NumPy takes.

    Example:
        >>> problem = quadratic()
        >>> problem.samples, [round(value, 6) for value in problem.x[0].tolist()]
        (30, [0.084407, 0.007125])

    Source: 「反向传播推导+numpy实现」.
    """
    seed = whole_number(_("the seed of NumPy's legacy generator"), seed, 0, 2**32 - 1)
    random = np.random.RandomState(seed)
    x = np.sort(5 * random.random_sample(30))
    y = x**2 + 2 * random.randn(30)
    problem = from_data(
        features(torch.from_numpy(x)),
        torch.from_numpy(y).unsqueeze(1),
        name="quadratic",
        dtype=dtype,
        bias=bias,
        standardize=standardize,
        x_names=("x", "x²"),
    )
    return with_network(problem, layers, activation, init, seed=seed)


def features(x: Tensor) -> Tensor:
    """X and x² as columns: (N,) → (N, 2).

    Example:
        >>> features(torch.tensor([3.0])).tolist()
        [[3.0, 9.0]]
    """
    return torch.stack([x, x * x], 1)


def along(problem: Problem, points: int = 200) -> tuple[Tensor, Tensor] | None:
    """Where a fitted curve can be drawn: evenly spaced x (points,) and the inputs (points, in) there.

    Returns:
        None where several columns vary independently, and no curve can be drawn.

    Example:
        >>> x, inputs = along(quadratic(), 3)
        >>> bool(torch.allclose(inputs[:, 1], x**2))
        True
    """
    first = problem.measured_x[:, 0]
    x = torch.linspace(0, 1, points, dtype=torch.float64) * (first.max() - first.min()) + first.min()
    if problem.in_features == 1:
        return x, x.unsqueeze(1)
    if problem.in_features == 2 and torch.equal(problem.measured_x, features(first)):
        return x, features(x)
    return None


@torch.no_grad()
def saturated(model: nn.Module, x: Tensor) -> list[float | None]:
    """For each Linear the share of what leaves it that its activation hardly passes on: |σ′(z)| < 0.01.

    None where no activation follows.

    Example:
        >>> saturated(nn.Sequential(nn.Linear(1, 1), nn.Sigmoid(), nn.Linear(1, 1)), torch.zeros(1, 1))
        [0.0, None]
    """
    shares: list[float | None] = []
    for layer in model if isinstance(model, nn.Sequential) else (model,):
        z = x
        x = layer(x)
        if isinstance(layer, nn.Linear):
            shares.append(None)
        elif shares and isinstance(layer, nn.Sigmoid | nn.Tanh | nn.ReLU):
            slope = {nn.Sigmoid: x * (1 - x), nn.Tanh: 1 - x * x, nn.ReLU: (z > 0).to(x.dtype)}[type(layer)]
            shares[-1] = (slope < 0.01).double().mean().item()
    return shares

"""The main problem: points around a line, drawn as the tutorial does."""

import dataclasses
import math

import torch
from torch import nn

from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem import estimates
from bpcompare.problem.columns import as_parameters, check_precision
from bpcompare.problem.from_data import from_data
from bpcompare.problem.problem import Problem, Truth
from bpcompare.problem.whole_numbers import is_truth_value, quoted, seed_number, whole_number


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

"""A problem from data that somebody measured or drew."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem.column_names import check_names
from bpcompare.problem.columns import all_finite, as_columns, check_columns, numbered, precision
from bpcompare.problem.problem import Problem, Truth
from bpcompare.problem.scaling import Scaling
from bpcompare.problem.whole_numbers import seed_number

if TYPE_CHECKING:
    from bpcompare.problem.columns import Numbers


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

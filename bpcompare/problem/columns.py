"""Columns of numbers from what people have them in: tensors, NumPy arrays, lists."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem.whole_numbers import quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = Tensor | NDArray[Any] | Sequence[Sequence[float]]

DTYPES = (torch.float32, torch.float64)


def precision(x: "Numbers") -> torch.dtype:
    """The precision to train in if none is asked for: float64 for a tensor or an array of it, else float32.

    Example:
        >>> precision([[1.0]]), precision(np.ones((1, 1)))
        (torch.float32, torch.float64)
    """
    return torch.float64 if getattr(x, "dtype", None) in (torch.float64, np.float64) else torch.float32


def as_columns(name: str, values: "Numbers") -> Tensor:
    """A tensor, array or list of rows as a tensor without gradients; the numbers of a list in float64.

    Raises:
        InputError: It does not hold real numbers in rows of one length.

    Example:
        >>> as_columns("x", [[1, 2], [3, 4]]).shape
        torch.Size([2, 2])
    """
    if isinstance(values, Tensor):
        tensor = values.detach()
        wrong = tensor.is_complex() or tensor.dtype == torch.bool or tensor.is_sparse or tensor.is_quantized
        if wrong or tensor.device.type != "cpu":
            layout = " sparse" * tensor.is_sparse
            found = f"{tensor.dtype}{layout} on {tensor.device}"
            raise InputError(
                _("{name} must be a dense tensor of real numbers on the CPU; got {found}", name=name, found=found)
            )
        return tensor
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        raise InputError(
            _("{name} must have a number everywhere; got a masked array: leave out its masked rows first", name=name)
        )
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise _no_numbers(name, type(values).__name__) from error
    if array.dtype.kind not in "fiu":
        raise _no_numbers(name, f"{type(values).__name__} of {array.dtype}")
    return torch.tensor(array.astype(np.float64))


def _no_numbers(name: str, found: str) -> InputError:
    return InputError(
        _(
            "{name} must be a tensor, an array or a list of rows of one length, all real numbers; got {found}",
            name=name,
            found=found,
        )
    )


def check_columns(x: Tensor, y: Tensor, dtype: torch.dtype) -> None:
    """Refuses inputs and targets that are not (N, in) and (N, out), finite.

    Raises:
        InputError: A shape, a precision or a value does not fit, with the remedy.
    """
    if x.ndim != 2 or 0 in x.shape:
        fault = _("x must have shape (N, in_features) with N and in_features ≥ 1; got {shape}.", shape=tuple(x.shape))
        hint = _("{fault} Use x.unsqueeze(1), or [[v] for v in x] of a list.", fault=fault)
        raise InputError(hint if x.ndim == 1 else fault)
    n = x.shape[0]
    if y.shape == (n,):
        raise InputError(
            _(
                "y must have shape (N, out_features) = ({n}, 1); got ({n},). Use y.unsqueeze(1), or [[v] for "
                "v in y] of a list: ({n}, 1) − ({n},) would broadcast to ({n}, {n}).",
                n=n,
            )
        )
    if y.ndim != 2 or y.shape[0] != n or y.shape[1] == 0:
        raise InputError(
            _("y must have shape (N, out_features) with N = {n}, as x has; got {shape}.", n=n, shape=tuple(y.shape))
        )
    check_precision(dtype)
    for name, values in (("x", x), ("y", y)):
        if not all_finite(values):
            row, column = (~values.isfinite()).nonzero()[0].tolist()
            raise InputError(
                _(
                    "{name} must be finite; {name}[{row}, {column}] is {value}.",
                    name=name,
                    row=row,
                    column=column,
                    value=values[row, column].item(),
                )
            )


def all_finite(values: Tensor) -> bool:
    """Whether every number is finite: the smallest and the largest tell, and a nan is both.

    Example:
        >>> all_finite(torch.tensor([1.0, 2.0])), all_finite(torch.tensor([1.0, torch.nan]))
        (True, False)
    """
    return all(bool(end.isfinite()) for end in values.aminmax())  # in one pass that makes no other tensor


def check_precision(dtype: torch.dtype) -> None:
    """Refuses a precision to train in that is neither float32 nor float64.

    Raises:
        InputError: It is another one.
    """
    if dtype not in DTYPES:
        raise InputError(_("dtype must be torch.float32 or torch.float64; got {dtype}.", dtype=dtype))


def as_parameters(name: str, values: object, dtype: torch.dtype) -> Tensor:
    """The weight or bias that makes the data, in the precision of training.

    Raises:
        InputError: It is no array of finite numbers.
    """
    try:
        numbers = torch.as_tensor(values, dtype=dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            _("{name} must be a number or rows of numbers of one length; got {value}", name=name, value=quoted(values))
        ) from error
    if not numbers.isfinite().all():
        raise InputError(
            _("{name} must be finite in {dtype}; got {value}", name=name, dtype=dtype, value=quoted(values))
        )
    return numbers


def numbered(letter: str, count: int) -> tuple[str, ...]:
    """Names for columns that have none.

    Example:
        >>> numbered("x", 1), numbered("x", 2)
        (('x',), ('x1', 'x2'))
    """
    return (letter,) if count == 1 else tuple(f"{letter}{i + 1}" for i in range(count))

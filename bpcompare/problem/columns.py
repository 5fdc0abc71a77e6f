"""Columns of numbers from what people have them in: tensors, NumPy arrays, lists."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bpcompare.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = Tensor | NDArray[Any] | Sequence[Sequence[float]]

DTYPES = (torch.float32, torch.float64)


def precision(x: "Numbers") -> torch.dtype:
    """The precision to train in if none is asked for: that of a tensor, or of a float64 array; else float32.

    Example:
        >>> precision([[1.0]]), precision(np.ones((1, 1)))
        (torch.float32, torch.float64)
    """
    if isinstance(x, Tensor):
        return x.dtype
    return torch.float64 if getattr(x, "dtype", None) == np.float64 else torch.float32


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
        if tensor.is_complex() or tensor.is_sparse or tensor.device.type != "cpu":
            raise InputError(f"{name} must be a dense real tensor on the CPU; got {tensor.dtype} on {tensor.device}")
        return tensor
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise _no_numbers(name, type(values).__name__) from error
    if array.dtype.kind not in "fiu":
        raise _no_numbers(name, f"{type(values).__name__} of {array.dtype}")
    return torch.tensor(array.astype(np.float64))


def _no_numbers(name: str, found: str) -> InputError:
    return InputError(
        f"{name} must be a tensor, an array or a list of rows of one length, all real numbers; got {found}"
    )


def check_columns(x: Tensor, y: Tensor, dtype: torch.dtype) -> None:
    """Refuses inputs and targets that are not (N, in) and (N, out), finite.

    Raises:
        InputError: A shape, a precision or a value does not fit, with the remedy.
    """
    if x.ndim != 2 or 0 in x.shape:
        hint = " Use x.unsqueeze(1), or [[v] for v in x] of a list." if x.ndim == 1 else ""
        raise InputError(f"x must have shape (N, in_features) with N and in_features ≥ 1; got {tuple(x.shape)}.{hint}")
    n = x.shape[0]
    if y.shape == (n,):
        raise InputError(
            f"y must have shape (N, out_features) = ({n}, 1); got ({n},). Use y.unsqueeze(1), or [[v] for v in y] "
            f"of a list: ({n}, 1) − ({n},) would broadcast to ({n}, {n})."
        )
    if y.ndim != 2 or y.shape[0] != n or y.shape[1] == 0:
        raise InputError(f"y must have shape (N, out_features) with N = {n}, as x has; got {tuple(y.shape)}.")
    if dtype not in DTYPES:
        raise InputError(f"dtype must be torch.float32 or torch.float64; got {dtype}.")
    for name, values in (("x", x), ("y", y)):
        if not values.isfinite().all():
            row, column = (~values.isfinite()).nonzero()[0].tolist()
            raise InputError(f"{name} must be finite; {name}[{row}, {column}] is {values[row, column].item()}.")


def numbered(letter: str, count: int) -> tuple[str, ...]:
    """Names for columns that have none.

    Example:
        >>> numbered("x", 1), numbered("x", 2)
        (('x',), ('x1', 'x2'))
    """
    return (letter,) if count == 1 else tuple(f"{letter}{i + 1}" for i in range(count))

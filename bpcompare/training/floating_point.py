"""Floating-point numbers: how far apart two of them are, and what lies beyond their range."""

import torch
from torch import Tensor

from bpcompare.errors import InputError
from bpcompare.language import _


def ulp(a: Tensor, b: Tensor) -> Tensor:
    """How many floating-point numbers apart a and b are, entry by entry; −0 and 0 are one number.

    Example:
        >>> ulp(torch.tensor([1.0]), torch.tensor([1.0 + 2**-23])).item()
        1
    """
    integers = torch.int32 if a.dtype == torch.float32 else torch.int64
    lowest = torch.iinfo(integers).min

    def place(x: Tensor) -> Tensor:
        bits = x.contiguous().view(integers)
        return torch.where(bits < 0, lowest - bits, bits).long()  # the order of the integers is that of the numbers

    return (place(a) - place(b)).abs()


def beyond_range(what: str, dtype: torch.dtype) -> InputError:
    """The error of a model that cannot take its first step, as ``what`` it has to begin with is no finite number."""
    return InputError(
        _(
            "the untrained model's {what} is already beyond the range of {dtype}; train with float64, "
            "standardize the columns or rescale the data",
            what=what,
            dtype=dtype,
        )
    )

"""Arithmetic that PyTorch does in one call."""

from typing import Any

import torch
from torch import Tensor


def rsub(a: Any, b: Any, alpha: float = 1) -> Tensor:
    """The difference the other way round: b − a."""
    return torch.sub(torch.as_tensor(b, dtype=a.dtype) if not torch.is_tensor(b) else b, a, alpha=alpha)


def addcmul(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    """X + value · a b."""
    product = a * b
    return x + (product if value == 1 else product * value)


def addcdiv(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    """X + value · a / b."""
    quotient = a / b
    return x + (quotient if value == 1 else quotient * value)


def xlogy(x: Any, y: Any) -> Tensor:
    """X log y, 0 where x is 0 and y not positive."""
    logarithm = torch.log(y if torch.is_tensor(y) else torch.as_tensor(y, dtype=x.dtype))
    return torch.where((x == 0) & (y <= 0), 0.0, x * logarithm)


def square(x: Tensor) -> Tensor:
    """x²."""
    return x**2


def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Value where the mask is true."""
    return torch.where(mask, torch.as_tensor(value, dtype=x.dtype), x)

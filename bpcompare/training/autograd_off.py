"""Autograd switched off for a gradient source that does its own derivation."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")


def without_autograd(source: Callable[P, T]) -> Callable[P, T]:
    """A decorator: nothing that the function calculates is recorded for `backward()`.

    As `torch.no_grad()` does. But for `formula` training has switched it off already, and to do so again at every step
    would take longer than the product δᵀx of a small model.

    Example:
        >>> from torch import nn
        >>> @without_autograd
        ... def mine(model, x):
        ...     return model(x)
        >>> mine(nn.Linear(1, 1), torch.ones(1, 1)).requires_grad
        False
    """
    switched_off = torch.no_grad()(source)

    @functools.wraps(source)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return switched_off(*args, **kwargs) if torch.is_grad_enabled() else source(*args, **kwargs)

    return call

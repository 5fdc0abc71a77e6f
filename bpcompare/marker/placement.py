"""A function that is marked on a device: called with tensors there, while the marker goes on calculating on the CPU."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch

from bpcompare.problem import devices

Function = Callable[..., Any]


def device_of(arguments: Sequence[Any], device: object | None) -> torch.device:
    """The device that is asked for; where none is, that of the first tensor.

    Raises:
        InputError: It is not here, or does not have float64.

    Example:
        >>> device_of((1, torch.ones(2)), None)
        device(type='cpu')
    """
    if device is not None:
        return devices.chosen(device, float64=True)
    return next((value.device for value in arguments if torch.is_tensor(value)), devices.CPU)


def here(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments with every tensor on the CPU."""
    return tuple(
        value.detach().cpu().requires_grad_(value.requires_grad) if _floats(value) else _cpu(value)
        for value in arguments
    )


def _floats(value: Any) -> bool:
    return torch.is_tensor(value) and value.is_floating_point()


def _cpu(value: Any) -> Any:
    return value.cpu() if torch.is_tensor(value) else value


def on_device(function: Function, device: torch.device) -> Function:
    """The function, called with its tensors on a device; what it returns, and what it changes in place, comes back.

    It can be differentiated through: the gradients travel with the numbers.

    Example:
        >>> on_device(abs, devices.CPU) is abs
        True
    """
    if device.type == "cpu":
        return function

    @functools.wraps(function)
    def there(*arguments: Any) -> Any:
        given = [value.to(device) if torch.is_tensor(value) else value for value in arguments]
        versions = [value._version if torch.is_tensor(value) else 0 for value in given]
        found = function(*given)
        for value, moved, version in zip(arguments, given, versions, strict=True):
            if torch.is_tensor(value) and moved._version > version:
                value.data.copy_(moved.detach())
        return type(found)(map(_cpu, found)) if type(found) in (tuple, list) else _cpu(found)

    if owner := getattr(function, "__self__", None):  # of an autograd.Function's apply, for the names of its arguments
        there.__self__ = owner  # type: ignore[attr-defined]
    return there

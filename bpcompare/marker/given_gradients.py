"""Gradients go back from outputs to inputs as by `torch.autograd.grad`, without what that loads the first time."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class _Start(torch.autograd.Function):
    """A number whose gradient by the output is the one that is given, the very same tensor."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, given: tuple[Tensor]) -> Tensor:
        ctx.given = given
        return torch.zeros((), device=output.device)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        return ctx.given[0], None


def gradients_of(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], given: Sequence[Tensor], **options: Any
) -> tuple[Tensor, ...]:
    """The gradients of the inputs, where ``given`` are those of the outputs: uᵀ · ∂outputs/∂inputs.

    To compare shapes, PyTorch loads the symbols of its compiler, and with them SymPy, half a second; not so where the
    output is one number and no gradient is given. So they are compared here, and a number stands above each output.

    Args:
        outputs: What was calculated.
        inputs: What it was calculated from.
        given: A tensor of the shape of each output.
        options: Those of `torch.autograd.grad`.
    """
    if all(_fits(output, gradient) for output, gradient in zip(outputs, given, strict=True)):
        with torch.enable_grad():
            starts = [_Start.apply(o, (g,)) for o, g in zip(outputs, given, strict=True)]  # type: ignore[no-untyped-call]
        return torch.autograd.grad(starts, inputs, **options)
    return torch.autograd.grad(outputs, inputs, given, **options)  # which says what does not fit


def _fits(output: Tensor, gradient: Tensor) -> bool:
    return output.requires_grad and output.shape == gradient.shape and output.is_complex() == gradient.is_complex()

"""Which gradient a source left that does not fit its parameter: PyTorch refuses it without a name."""

import contextlib
import copy
from typing import Any

import torch
from torch import Tensor, nn

from bpcompare.errors import MethodError
from bpcompare.language import _
from bpcompare.problem.problem import Problem
from bpcompare.training.methods import Method

_GRAD: Any = torch.Tensor.grad  # the property itself


class _Watched(nn.Parameter):
    """A parameter that remembers what a source tried to leave in its ``.grad`` in vain."""

    refused: Tensor | None = None

    @property
    def grad(self) -> Tensor | None:
        """As of any parameter."""
        grad: Tensor | None = _GRAD.__get__(self)
        return grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        try:
            _GRAD.__set__(self, value)
        except RuntimeError:
            self.refused = value
            raise


def misshapen(problem: Problem, method: Method, epoch: int, error: RuntimeError) -> MethodError:
    """The error of a source that assigned a gradient of a wrong shape or type, which PyTorch refuses without a name."""
    model = copy.deepcopy(problem.start)
    for p in model.parameters():
        p.__class__ = _Watched
    with contextlib.suppress(Exception):  # whatever the source does now, the first error is the one to tell
        method.source(model, problem.x, problem.y)
    message = str(error).split(". ")[0]
    for name, p in model.named_parameters():
        if p.refused is not None:
            same_place = p.refused.device == p.device
            message = _(
                "got shape {got} for {name}, {right}",
                got=_kind(p.refused, same_place),
                name=name,
                right=_kind(p, same_place),
            )
    return MethodError(
        _(
            "the gradient source of {method!r} must leave a gradient of each parameter's own shape and "
            "type; at epoch {epoch}: {message}",
            method=method.name,
            epoch=epoch,
            message=message,
        )
    )


def _kind(tensor: Tensor, same_place: bool) -> str:
    parts = (tuple(tensor.shape), tensor.dtype) if same_place else (tuple(tensor.shape), tensor.dtype, tensor.device)
    return ", ".join(map(str, parts))

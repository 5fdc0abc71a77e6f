"""One step as the derivative of an operation sees it: its numbers, its operands, the axes that it adds up over."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bpcompare.marker.given_gradients import gradients_of
from bpcompare.marker.hypotheses.graph_changes.steps import Step, with_values


@dataclass(slots=True)
class Local:
    """What a rule sees: the gradient of the output, the arguments as numbers, the output, and which operand is asked.

    Attributes:
        step: The operation.
        slot: Which of the step's operands.
        gradient: The gradient of the output.
        args: The positional arguments with their values.
        out: The output.
    """

    step: Step
    slot: int
    gradient: Any
    args: tuple[Any, ...]
    out: Any

    @property
    def position(self) -> int:
        """Where the operand stands among the positional arguments."""
        positions = self.step.positions
        return positions[self.slot] if self.slot < len(positions) else 0

    @property
    def operand(self) -> Tensor:
        """The operand's value."""
        return self.args[self.position]  # type: ignore[no-any-return]

    @property
    def other(self) -> Any:
        """The other of two arguments."""
        return self.args[1 - self.position]

    def argument(self, position: int, default: Any) -> Any:
        """A positional argument, or its default."""
        return self.args[position] if len(self.args) > position else default

    def with_value(self, position: int, value: Tensor) -> "Local":
        """The same with another value of one argument; position −1 is the output."""
        if position < 0:
            return replace(self, out=value)
        return replace(self, args=(*self.args[:position], value, *self.args[position + 1 :]))


Rule = Callable[[Local], Any]


def local(step: Step, slot: int, gradient: Any) -> Local:
    """The step with its own values."""
    return Local(step, slot, gradient, step.values, step.value)


def sum_to(gradient: Tensor, shape: Sequence[int]) -> Tensor:
    """A broadcast undone: added up over the axes that the operand does not have."""
    if gradient.shape == shape:
        return gradient
    extra = gradient.dim() - len(shape)
    if extra < 0:
        return gradient.expand(tuple(shape))
    axes = [*range(extra)]
    axes += [extra + d for d, size in enumerate(shape) if size == 1 and gradient.shape[extra + d] != 1]
    summed = gradient.sum(axes, keepdim=True) if axes else gradient
    return summed.reshape(tuple(shape))


def by_autograd(at: Local) -> Tensor:
    """The derivative of one operation by autograd."""
    place, seen = [], -1
    given = {
        id(operand): value for operand, value in zip(at.step.args, at.args, strict=True) if isinstance(operand, Step)
    }

    def leaf(operand: Step) -> Any:
        nonlocal seen
        seen += 1
        if seen == at.slot:
            place.append(given.get(id(operand), operand.value).detach().clone().requires_grad_())
            return place[0]
        return given.get(id(operand), operand.value)

    with torch.enable_grad():
        args = with_values(at.step.args, leaf)
        kwargs = {name: with_values(value, leaf) for name, value in at.step.kwargs.items()}
        assert at.step.function is not None
        out = at.step.function(*args, **kwargs)
        if not isinstance(out, Tensor):
            pairs = [(part, g) for part, g in zip(out, at.gradient, strict=True) if g is not None]
            outs, gradients = [part for part, _ in pairs], [g for _, g in pairs]
        else:
            outs, gradients = [out], [at.gradient]
        linear = torch.is_grad_enabled() and any(g.requires_grad for g in gradients)
        kept = [(o, g) for o, g in zip(outs, gradients, strict=True) if o.requires_grad]
        if not kept:
            return torch.zeros_like(place[0])
        found = gradients_of(
            [o for o, _ in kept],
            place,
            [g for _, g in kept],
            create_graph=linear,
            allow_unused=True,
            materialize_grads=True,
        )
    return found[0]


def axes(at: Local) -> list[int]:
    """The axes that a reduction runs over."""
    shape = at.step.operands[0].value.shape
    given = at.argument(1, None)
    given = [given] if isinstance(given, int) else list(given or range(len(shape)))
    return sorted(axis % max(len(shape), 1) for axis in given)


def spread(at: Local, gradient: Tensor) -> Tensor:
    """A reduction undone: the gradient of the result for every term."""
    shape = at.step.operands[0].value.shape
    kept = [1 if d in axes(at) else n for d, n in enumerate(shape)]
    return gradient.reshape(kept).expand(shape)


def count(at: Local) -> int:
    """How many terms a reduction takes together."""
    shape = at.step.operands[0].value.shape
    return math.prod(shape[axis] for axis in axes(at))

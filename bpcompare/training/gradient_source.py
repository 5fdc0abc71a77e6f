"""What training asks of a gradient source.

A gradient source is a function ``(model, x, y) -> loss`` that leaves ∂loss/∂p in every ``p.grad`` of the model. Two
attributes may stand beside it, each set by a decorator:

- ``supports``, a function of the model: whether the source can work with it. It may raise a MethodError instead of
  returning False, to say why not.
- ``reads``, what the source reads of the model before it can work: for the name of an optional argument, a function of
  the model that gives its value. A run reads them once, and not at every step.
"""

import functools
from collections.abc import Callable
from typing import Protocol, TypeVar

from torch import Tensor, nn

Gradient = Callable[[Tensor, Tensor], Tensor]  # (x, y) -> loss, of one model


class GradientSource(Protocol):
    """A gradient source, as a type checker sees it."""

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, /) -> Tensor:
        """Leaves ∂loss/∂p in every ``p.grad``, a tensor of p's shape, and returns the loss, a tensor of one number."""


SourceT = TypeVar("SourceT", bound=GradientSource)


def supporting(supports: Callable[[nn.Module], bool]) -> Callable[[SourceT], SourceT]:
    """A decorator: says which models a gradient source can work with.

    Example:
        >>> @supporting(lambda model: isinstance(model, nn.Linear))
        ... def mine(model, x, y): ...
        >>> mine.supports(nn.ReLU())
        False
    """

    def decorate(source: SourceT) -> SourceT:
        source.supports = supports  # type: ignore[attr-defined]
        return source

    return decorate


def reading(**reads: Callable[[nn.Module], object]) -> Callable[[SourceT], SourceT]:
    """A decorator: says what a gradient source reads of the model, which need not be done again at every step.

    Args:
        reads: For the name of an optional argument of the source, a function of the model that gives its value.

    Example:
        >>> @reading(count=lambda model: len(list(model.parameters())))
        ... def mine(model, x, y, count=None): ...
        >>> mine.reads["count"](nn.Linear(1, 1))
        2
    """

    def decorate(source: SourceT) -> SourceT:
        source.reads = reads  # type: ignore[attr-defined]
        return source

    return decorate


def bound(source: GradientSource, model: nn.Module) -> Gradient:
    """The source for one model, ``(x, y) -> loss``; what it reads of the model is read now.

    Args:
        source: The gradient source.
        model: The model; between the steps its numbers may change, but not its layers.

    Returns:
        A function of x (N, in) and y (N, out) that leaves ∂loss/∂p in every ``p.grad`` and returns the loss.

    Example:
        >>> @reading(count=lambda model: len(list(model.parameters())))
        ... def mine(model, x, y, count=None):
        ...     return count
        >>> bound(mine, nn.Linear(1, 1))(None, None)
        2
    """
    reads = getattr(source, "reads", {})
    return functools.partial(source, model, **{name: read(model) for name, read in reads.items()})

"""An operation: its value, and each local derivative as numbers, as text and as LaTeX.

In the formulas ``$a``, ``$b``, ``$c`` stand for what an operation is applied to, ``$out`` for what it came to, ``$n``
for the number of entries of ``$a`` and ``$grad`` for the gradient that arrives at ``$out``. A formula without ``$grad``
is a derivative entry by entry, which that gradient is multiplied with; one with ``$grad`` is the whole rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


class HasValue(Protocol):
    """What an operation can be applied to: a node."""

    value: Array


Step = TypeVar("Step", bound=HasValue)


@dataclass(frozen=True, slots=True)
class Partial:
    """The derivative of an operation by one of its arguments.

    Args:
        pull_back: (gradient at the output, output, *arguments) → gradient at the argument, broadcast as it comes.
        text: The same as a formula.
        latex: The same in LaTeX.
    """

    pull_back: Callable[..., Array]
    text: str
    latex: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table.

    Args:
        name: What it is called here.
        value: The arguments' values → its value.
        text: It as a formula.
        latex: It in LaTeX.
        partials: Its derivative by each argument.
        kink: The arguments' values → whether one lies where the derivative jumps.
        exponent: The number n of a ↦ aⁿ.
    """

    name: str
    value: Callable[..., Array]
    text: str
    latex: str
    partials: tuple[Partial, ...]
    kink: Callable[..., bool] | None = None
    exponent: float = 1.0

    def __call__(self, *parents: Step, name: str) -> Step:
        """The node called ``name`` that applies this operation to the nodes ``parents``."""
        make: Any = type(parents[0])  # Node, which is built on this table
        step: Step = make(name, self.value(*[parent.value for parent in parents]), parents, self)
        return step

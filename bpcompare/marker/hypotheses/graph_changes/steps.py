"""The steps of a forward pass with their numbers, and the graph that they form."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bpcompare.marker.hypotheses.graph_changes.source import Place, Source, Sources

NO_FLOW = ("detach", "lift_fresh", "lift_fresh_copy", "eq", "ne", "gt", "ge", "lt", "le", "sign", "argmax", "argmin")


@dataclass(eq=False)
class Step:
    """One operation of the forward.

    Attributes:
        index: Its number in the order of calculation.
        op: The operation's name, such as ``mul``; ``input`` or ``constant`` for a leaf.
        function: What calculates it again.
        args: Its arguments, steps in the place of tensors.
        kwargs: Its named arguments.
        value: What came out.
        places: The instructions that led to it.
        graded: False where the user switched gradients off.
        name: What it is called.
    """

    index: int
    op: str
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    value: Any
    places: tuple[Place, ...] = ()
    graded: bool = True
    name: str = ""
    occurrence: int = 0
    user: "Step | None" = None  # the first step that takes an input
    ordinal: int = 0  # among the steps of one kind that one call of the user's makes
    sources: Sources = field(default_factory=Sources)  # one for all steps of a graph

    @cached_property
    def operands(self) -> tuple["Step", ...]:
        """The steps among its arguments, in order."""
        return tuple(_steps(self.args)) + tuple(_steps(list(self.kwargs.values())))

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """Its arguments as numbers."""
        return tuple(with_values(self.args, lambda operand: operand.value))

    @cached_property
    def positions(self) -> list[int]:
        """Where each operand stands among the arguments."""
        return [position for position, value in enumerate(self.args) for _ in _steps(value)]

    @property
    def key(self) -> tuple[Any, ...]:
        """The place in the forward that it comes from, the same for every problem."""
        return (self.places, self.op, self.ordinal) if self.places else (self.op, self.name)

    @cached_property
    def source(self) -> Source | None:
        """The user's expression."""
        return self.sources.of_user(self.places)

    @cached_property
    def inner(self) -> Source | None:
        """The line of the decomposition, where the user's expression is a fused operation."""
        return self.sources.of_decomposition(self.places)

    @property
    def flows(self) -> bool:
        """Whether a gradient passes through it."""
        return self.op not in NO_FLOW and self.graded


@dataclass(eq=False)
class Graph:
    """The steps in order, the inputs among them, and the outputs."""

    steps: list[Step]
    inputs: list[Step | None]
    outputs: list[Step]
    last_use: dict[int, int] = field(default_factory=dict)


def _steps(value: Any) -> Iterator[Step]:
    if isinstance(value, Step):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _steps(item)


def with_values(value: Any, values: Callable[[Step], Any]) -> Any:
    """Arguments with the steps replaced by tensors."""
    if isinstance(value, Step):
        return values(value)
    if isinstance(value, (tuple, list)):
        return type(value)(with_values(item, values) for item in value)
    return value

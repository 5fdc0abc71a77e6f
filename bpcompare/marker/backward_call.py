"""One call of a function with a hand-written backward: what came back, and what was changed on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bpcompare.marker.given_gradients import gradients_of

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Answered:
    """What one forward and backward gave.

    Attributes:
        gradients: The gradient of each wanted argument, by position; missing where the backward gave None.
        outputs: The outputs.
        raised: The error, or the empty text.
        stage: Where it was raised: forward or backward.
        changed: What the call changed in place: arguments by position, None for the gradient of the output.
    """

    gradients: Mapping[int, Tensor] = field(default_factory=dict)
    outputs: Sequence[Tensor] = ()
    raised: str = ""
    stage: str = ""
    changed: tuple[int | None, ...] = ()


def differentiable(value: Any) -> bool:
    """Whether a gradient by this argument can be asked for."""
    return isinstance(value, Tensor) and value.is_floating_point()


def as_type(arguments: Sequence[Any], dtype: torch.dtype, device: str = "cpu") -> tuple[Any, ...]:
    """The arguments with every floating tensor in one type and all on one device."""
    moved = []
    for value in arguments:
        if isinstance(value, Tensor):
            value = value.to(device)
            value = value.to(dtype) if value.is_floating_point() else value
        moved.append(value)
    return tuple(moved)


def forward(function: Function, arguments: Sequence[Any]) -> list[Tensor]:
    """The outputs that a gradient can start from."""
    result = function(*arguments)
    results = list(result) if isinstance(result, (tuple, list)) else [result]
    return [value for value in results if differentiable(value)]


def outputs_of(function: Function, arguments: Sequence[Any]) -> list[Tensor]:
    """The outputs for copies of the arguments, without a graph."""
    with torch.no_grad():
        given = [value.clone() if isinstance(value, Tensor) else value for value in arguments]
        return [value.detach().clone() for value in forward(function, given)]


def call(
    function: Function,
    arguments: Sequence[Any],
    upstream: Sequence[Tensor],
    wanted: Sequence[int],
    prepare: Callable[[Tensor], Tensor] | None = None,
    twice: bool = False,
) -> Answered:
    """Forward and backward once.

    Args:
        function: What is called.
        arguments: Its arguments.
        upstream: The gradient of each output.
        wanted: The positions of the arguments that require grad.
        prepare: Lays a leaf out in another way, such as not contiguous, before the function sees it.
        twice: Whether the backward runs a second time on the same graph, whose answer counts.
    """
    leaves, given = [], []
    for position, value in enumerate(arguments):
        if isinstance(value, Tensor):
            leaf = value.detach().clone().requires_grad_(position in wanted)
            leaves.append(leaf)
            given.append(prepare(leaf) if prepare is not None and leaf.is_floating_point() else leaf)
        else:
            leaves.append(value)
            given.append(value)
    stage = "forward"
    try:
        with torch.enable_grad():
            outputs = forward(function, given)
            stage = "backward"
            started = [gradient.clone() if gradient.is_contiguous() else gradient for gradient in upstream]
            pairs = [(o, g) for o, g in zip(outputs, started, strict=True) if o.requires_grad]
            asked = [leaves[position] for position in wanted]
            if not pairs:
                return Answered({}, [o.detach() for o in outputs])
            for __ in range(2 if twice else 1):
                found = gradients_of(
                    [o for o, _ in pairs], asked, [g for _, g in pairs], retain_graph=twice, allow_unused=True
                )
    except Exception as error:  # whatever the engineer's function raises is a finding
        return Answered(
            raised=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", stage=stage
        )
    changed: list[int | None] = [
        position
        for position, (leaf, value) in enumerate(zip(leaves, arguments, strict=True))
        if isinstance(value, Tensor) and not _same(leaf, value)
    ]
    changed += [None] * any(not _same(now, before) for now, before in zip(started, upstream, strict=True))
    gradients = {p: g.detach() for p, g in zip(wanted, found, strict=True) if g is not None}
    return Answered(gradients, [o.detach() for o in outputs], changed=tuple(changed))


def told(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def _same(now: Tensor, before: Tensor) -> bool:
    return now.shape == before.shape and torch.equal(now.detach().nan_to_num(), before.detach().nan_to_num())

"""The right gradient: the reference's, where a central difference in float64 confirms it; else the difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bpcompare.marker.backward_call import Answered, Function, as_type, call, forward, outputs_of

Arguments = Sequence[Any]
STEP = 6e-6  # the cube root of float64's ε: rounding and curvature err alike
DIFFERENCE = 2e-6  # relative error of a central difference that is no mistake
MOST_ENTRIES = 4_000  # of an argument that is moved entry by entry
DIRECTIONS = 3


@dataclass(frozen=True)
class Expected:
    """The right gradients of one case.

    Attributes:
        gradients: One for each wanted argument, in float64.
        tolerance: Their relative error.
        source: ``reference`` or ``difference``.
    """

    gradients: dict[int, Tensor]
    tolerance: float
    source: str


def of_reference(
    reference: Function, arguments: Arguments, upstream: Sequence[Tensor], wanted: Sequence[int]
) -> Answered:
    """The reference's gradients by autograd, those that it gives no way to as zeros."""
    answered = call(reference, arguments, upstream, wanted)
    zeros = {p: torch.zeros_like(arguments[p]) for p in wanted}
    return Answered({**zeros, **answered.gradients}, answered.outputs, answered.raised, answered.stage)


def confirmed(
    function: Function, arguments: Arguments, upstream: Sequence[Tensor], gradients: dict[int, Tensor]
) -> bool:
    """Whether drawn directions move the function as the gradients say."""
    generator = torch.Generator().manual_seed(7)
    here = outputs_of(function, arguments)
    scale = sum(float((o * g).abs().sum()) for o, g in zip(here, upstream, strict=True)) * 1e-2
    for position, gradient in gradients.items():
        for _ in range(DIRECTIONS):
            direction = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
            told = float((gradient * direction).sum())
            size = float((gradient * direction).abs().sum()) + scale * 1e-3 + 1e-9
            sides = _sides(function, arguments, here, upstream, position, direction)
            slack = 30 * DIFFERENCE * size + (abs(sides[0] - sides[1]) if _kink(sides, size) else 0.0)
            if abs(sum(sides) / 2 - told) > slack:
                return False
    return True


def _kink(sides: tuple[float, float], size: float) -> bool:
    return abs(sides[0] - sides[1]) > 1e-3 * size


def _sides(
    function: Function,
    arguments: Arguments,
    here: Sequence[Tensor],
    upstream: Sequence[Tensor],
    position: int,
    direction: Tensor,
) -> tuple[float, float]:
    """The slopes ahead of ``here`` and behind it, which differ at a kink."""
    value = arguments[position]
    found = []
    for sign in (1, -1):
        there = outputs_of(
            function, [*arguments[:position], value + sign * STEP * direction, *arguments[position + 1 :]]
        )
        found.append(sum(float(((b - a) * g).sum()) for a, b, g in zip(here, there, upstream, strict=True)))
    return found[0] / STEP, -found[1] / STEP


def by_difference(
    function: Function, arguments: Arguments, upstream: Sequence[Tensor], wanted: Sequence[int]
) -> dict[int, Tensor]:
    """The central difference by every entry of every wanted argument."""
    found = {}
    for position in wanted:
        value = arguments[position]
        assert isinstance(value, Tensor)
        step = _step(value)
        slopes = [_entry(function, arguments, upstream, position, place, step) for place in np.ndindex(value.shape)]
        found[position] = torch.tensor(slopes, dtype=torch.float64).reshape(value.shape)
    return found


def _step(value: Tensor) -> float:
    return 2e-4 * max(1.0, float(value.abs().max())) if value.numel() else 0.0


def _entry(
    function: Function,
    arguments: Arguments,
    upstream: Sequence[Tensor],
    position: int,
    place: tuple[int, ...],
    step: float,
) -> float:
    """Richardson's extrapolation of two central differences: the error is of fourth order."""
    moved = list(arguments)
    moved[position] = there = arguments[position].clone()
    number = there[place].item()
    slopes = []
    for length in (step, step / 2):
        ends = []
        for sign in (1, -1):
            there[place] = number + sign * length
            ends.append(outputs_of(function, moved))
        pairs = zip(*ends, upstream, strict=True)
        slopes.append(sum(float(((high - low) * gradient).sum()) / 2 for high, low, gradient in pairs) / length)
    return (4 * slopes[1] - slopes[0]) / 3


def refined(
    function: Function, arguments: Arguments, upstream: Sequence[Tensor], position: int, answer: Tensor, right: Tensor
) -> Tensor:
    """The difference worked out with finer steps where the answer differs from it: sharp bends need them."""
    apart = (answer - right).abs() > 1e-9 * right.abs().max()
    differs = apart.reshape(-1).nonzero().reshape(-1).tolist()
    better = right.clone().reshape(-1)
    if len(differs) > MOST_ENTRIES // 4:
        return right
    step = _step(arguments[position])
    for entry in differs:
        place = tuple(map(int, np.unravel_index(entry, right.shape)))
        steps = [_entry(function, arguments, upstream, position, place, step / n) for n in (1, 4, 16)]
        nearest = min(pairwise(steps), key=lambda pair: abs(pair[0] - pair[1]))
        better[entry] = nearest[1]
    return better.reshape(right.shape)


def is_subgradient(
    function: Function,
    arguments: Arguments,
    upstream: Sequence[Tensor],
    position: int,
    answer: Tensor,
    right: Tensor,
    slack: float = 0.0,
) -> bool:
    """Whether the answer lies, wherever it differs, between the slopes on both sides of a kink."""
    value = arguments[position]
    assert isinstance(value, Tensor)
    if answer.shape != right.shape:
        return False
    differs = (
        ((answer - right).abs() > slack + 1e-7 * (1 + right.abs().max())).reshape(-1).nonzero().reshape(-1).tolist()
    )
    if not differs or len(differs) > 200:
        return not differs
    here = outputs_of(function, arguments)
    for entry in differs:
        unit = torch.zeros(value.numel(), dtype=torch.float64)
        unit[entry] = STEP
        sides = []
        for sign in (1, -1):
            moved = [*arguments[:position], value + sign * unit.reshape(value.shape), *arguments[position + 1 :]]
            there = outputs_of(function, moved)
            sides.append(
                sum(float(((b - a) * g).sum()) for a, b, g in zip(here, there, upstream, strict=True)) * sign / STEP
            )
        around = slack + 1e-4 * (1 + max(map(abs, sides)))
        given = float(answer.reshape(-1)[entry])
        if abs(sides[0] - sides[1]) < 2 * around or not min(sides) - around <= given <= max(sides) + around:
            return False
    return True


def shared_functions(function: Function, reference: Function, arguments: Arguments, wanted: Sequence[int]) -> list[str]:
    """The autograd.Functions that both run: a reference with one of them is none."""
    return sorted(_own(function, arguments, wanted) & _own(reference, arguments, wanted))


def _own(function: Function, arguments: Arguments, wanted: Sequence[int]) -> set[str]:
    leaves = [v.detach().clone().requires_grad_() if p in wanted else v for p, v in enumerate(arguments)]
    with torch.enable_grad():
        outputs = forward(function, as_type(leaves, torch.float64))  # kept: older PyTorch frees their graph with them
    pending = [o.grad_fn for o in outputs]
    seen: set[object] = set()
    names: set[str] = set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            names.add(type(node).__name__.removesuffix("Backward"))
        pending += [following for following, _ in node.next_functions]
    return names

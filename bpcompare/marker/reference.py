"""The referee of every reference: central differences in float64, which no backward pass can deceive.

Autograd is precise, but where the loss runs a custom ``autograd.Function`` it is only as right as that function's
backward. Two random directions in each argument show whether the two agree; where they do not, the slope is taken entry
by entry, and the difference counts. At a kink the slopes from the left and from the right differ, and any value
between them is right.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bpcompare.errors import InputError
from bpcompare.language import N_
from bpcompare.marker.calls import Array
from bpcompare.marker.phrases import phrase

DIRECTIONS = 2  # random ones in each argument: a wrong entry changes the slope along both
STEPS = tuple(1e-2 * 4.0**-level for level in range(8))  # relative to the size of what is moved; down to 6e-7
TOLERANCE = 1e-6  # of the slope: differences in float64 are better than this, mistakes are larger
SAFETY = 30.0  # times the estimated error of a difference
SAME_JUMP = 0.1  # a jump of the slope that changes by more than this from step to step is curvature
DIGITS = (8, 11, 24)  # binary ones of bfloat16, float16 and float32, in which a loss may be worked out
MOST_ENTRIES = 2_000  # of one argument: each costs 17 evaluations of the loss

Loss = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class Slope:
    """The slope of a function of one number at 0: equal from both sides, unless there is a kink."""

    lower: float
    upper: float
    error: float

    @property
    def kink(self) -> bool:
        """Whether the slope jumps here."""
        return self.lower != self.upper

    def admits(self, value: float) -> bool:
        """Whether ``value`` is a slope here: between the two, within the error and TOLERANCE."""
        slack = SAFETY * self.error + TOLERANCE * max(abs(self.lower), abs(self.upper), abs(value))
        return self.lower - slack <= value <= self.upper + slack


@dataclass(frozen=True, eq=False)
class Reference:
    """What one gradient is marked against.

    Attributes:
        lower: The gradient, entry by entry; at a kink the smallest right value.
        upper: The same, with the largest right value.
        error: How far it may be from the true one; 0 where autograd is the source.
        overruled: Whether autograd's gradient of the loss differs from the difference, which counts.
    """

    lower: Array
    upper: Array
    error: Array
    overruled: bool = False


def slope(function: Callable[[float], float]) -> Slope:
    """The slope of ``function`` at 0 by central differences: (f(h) − f(−h))/2h, extrapolated to h = 0.

    Example:
        >>> found = slope(lambda t: (1 + t) ** 3)
        >>> round(found.lower, 8), found.kink
        (3.0, False)
        >>> found = slope(lambda t: abs(t))
        >>> round(found.lower, 8), round(found.upper, 8)
        (-1.0, 1.0)
    """
    here = function(0.0)
    ahead, behind = (np.array([function(side * step) for step in STEPS]) for side in (1, -1))
    steps = np.array(STEPS)
    with np.errstate(all="ignore"):
        central = (ahead - behind) / (2 * steps)
        bend = (ahead - 2 * here + behind) / steps
        noise = 4 * _rounding(ahead, behind) * (abs(here) + abs(ahead) + abs(behind))[1:] / steps[1:]
        middle = (16 * central[1:] - central[:-1]) / 15  # the error in h² cancels
        jump = (4 * bend[1:] - bend[:-1]) / 3  # so does the curvature's share, which is h·f″
    level, error = _settled(middle, noise)
    value = float(middle[level])
    if not math.isfinite(error):
        return Slope(math.nan, math.nan, math.inf)
    last = float(jump[-1])
    steady = bool((abs(jump[2:] - last) <= SAME_JUMP * abs(last)).all())
    if steady and abs(last) > 100 * float(noise[-1]) + TOLERANCE * abs(value):
        spread = float(abs(jump[2:] - last).max())  # a kink just apart from here
        return Slope(value - abs(last) / 2, value + abs(last) / 2, max(error, spread))
    near = float(abs(jump[level:]).max())  # a kink nearer than the step makes the slope unsure
    return Slope(value, value, max(error, near) if near > 100 * float(noise[level:].max()) else error)


def _rounding(*values: Array) -> float:
    """The rounding of the narrowest type that holds all of these values."""
    digits, _ = np.frexp(np.concatenate(values))
    narrow = (count for count in DIGITS if np.array_equal(digits * 2**count, np.round(digits * 2**count)))
    return float(2.0 ** (1 - next(narrow, 53)))


def _settled(values: Array, noise: Array) -> tuple[int, float]:
    """The smallest step at which the value no longer changes, and by how much it may be wrong."""
    changes = np.full(len(values), np.inf)
    changes[1:] = abs(np.diff(values)) + noise[1:]
    changes[~np.isfinite(changes)] = np.inf
    best = float(changes.min())
    if not math.isfinite(best):
        return 0, math.inf
    enough = max(10 * best, TOLERANCE / 1000 * float(abs(values[changes.argmin()])))
    chosen = int(np.flatnonzero(changes <= enough)[-1])
    return chosen, float(changes[chosen])


def referee(
    loss: Loss, arguments: Sequence[Any], wanted: Sequence[int], autograd: Sequence[Array], seed: int = 0
) -> list[Reference]:
    """What each gradient is marked against: autograd's where differences confirm it, the differences elsewhere.

    Args:
        loss: ``loss(*arguments)`` → a tensor of one number; for a function with upstream gradient v, Σ v·f.
        arguments: In float64 where they are tensors of real numbers.
        wanted: The places of the arguments to differentiate by.
        autograd: What autograd says, for each of ``wanted``.
        seed: Draws the directions.

    Raises:
        InputError: Two evaluations on the same numbers differ, or too many entries would have to be differenced.

    Example:
        >>> x = torch.tensor([1.0, -2.0], dtype=torch.float64)
        >>> (found,) = referee(lambda x: (x**2).sum(), [x], [0], [np.array([2.0, 4.0])])  # the right one is (2, −4)
        >>> found.overruled, found.lower.round(6).tolist()
        (True, [2.0, -4.0])
    """
    value = _value(loss, arguments)
    again = _value(loss, arguments)
    if value != again and not (math.isnan(value) and math.isnan(again)):
        problem = N_(
            "the loss gives two values on the same arguments, {value:g} and {again:g}; seed what it draws at random"
        )
        raise InputError(phrase(problem, value=value, again=again))
    generator = torch.Generator().manual_seed(seed)
    return [
        _judge(loss, arguments, index, np.asarray(gradient, dtype=np.float64), generator)
        for index, gradient in zip(wanted, autograd, strict=True)
    ]


def _judge(loss: Loss, arguments: Sequence[Any], index: int, gradient: Array, generator: torch.Generator) -> Reference:
    confirmed = Reference(gradient, gradient, np.zeros_like(gradient))
    if gradient.size == 0:
        return confirmed
    for _ in range(DIRECTIONS):
        direction = _direction(arguments[index], generator)
        found = slope(_along(loss, arguments, index, direction))
        if found.kink or not (math.isnan(found.lower) or found.admits(float((gradient * direction.numpy()).sum()))):
            return _entry_by_entry(loss, arguments, index, gradient)
    return confirmed


def _entry_by_entry(loss: Loss, arguments: Sequence[Any], index: int, gradient: Array) -> Reference:
    if gradient.size > MOST_ENTRIES:
        problem = N_(
            "argument {n} has {size} entries, and autograd's gradient of the loss differs there from "
            "a central difference; draw at most {most} entries, so that each can be differenced"
        )
        raise InputError(phrase(problem, n=index + 1, size=gradient.size, most=MOST_ENTRIES))
    lower, upper, error = gradient.copy(), gradient.copy(), np.zeros_like(gradient)
    overruled = False
    for place in np.ndindex(gradient.shape):
        unit = torch.zeros_like(arguments[index])
        size = max(abs(float(arguments[index][place])), _typical(arguments[index]))
        unit[place] = size
        scaled = slope(_along(loss, arguments, index, unit))
        found = Slope(scaled.lower / size, scaled.upper / size, scaled.error / size)
        if math.isnan(found.lower):
            continue
        refuted = not found.admits(float(gradient[place]))
        overruled = overruled or refuted
        if refuted or found.kink:
            lower[place], upper[place], error[place] = found.lower, found.upper, found.error
    return Reference(lower, upper, error, overruled)


def _along(loss: Loss, arguments: Sequence[Any], index: int, direction: torch.Tensor) -> Callable[[float], float]:
    def function(step: float) -> float:
        moved = list(arguments)
        moved[index] = arguments[index] + step * direction
        return _value(loss, moved)

    return function


def _value(loss: Loss, arguments: Sequence[Any]) -> float:
    leaves = [
        value.detach().clone().requires_grad_() if torch.is_tensor(value) and value.is_floating_point() else value
        for value in arguments
    ]
    with torch.enable_grad():  # a loss may itself differentiate
        return float(loss(*leaves).detach())


def _direction(values: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random, and as large in each entry as the entry itself, so that a small step leaves no domain."""
    size = values.detach().abs().clamp(min=_typical(values) / 10)
    return torch.randn(values.shape, dtype=values.dtype, generator=generator) * size


def _typical(values: torch.Tensor) -> float:
    return float(values.detach().abs().mean()) or 1.0

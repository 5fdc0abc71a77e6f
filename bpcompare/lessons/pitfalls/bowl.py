"""What theory says of a loss curve: the squared error is a bowl, and every mode of it shrinks or grows by itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.problem.problem import Problem
from bpcompare.theory.least_squares import curvature, least_squares

# How much of its first distance a mode of curvature λ has left before step k.
Multiplier = Callable[[float, int], float]


@dataclass(frozen=True)
class Bowl:
    """L(θ) = floor + ½(θ − best)ᵀH(θ − best), with H = (2/N)AᵀA and A = (x, 1); one feature, one output.

    Attributes:
        floor: The smallest loss.
        best: Where it is reached: (weight, bias).
        eigenvalues: λ of H, smallest first.
        modes: Its eigenvectors, one in each column.
        limit: 2/λmax, the learning rate above which gradient descent diverges.
    """

    floor: float
    best: Tensor
    eigenvalues: Tensor
    modes: Tensor
    limit: float

    @classmethod
    def of(cls, problem: Problem) -> "Bowl":
        """The bowl of a problem with one feature and one output.

        Example:
            >>> from bpcompare.problem.problem import line
            >>> round(Bowl.of(line()).limit, 4)
            0.7887
        """
        optimum = least_squares(problem.x, problem.y)
        design = torch.cat([problem.x.double(), torch.ones(problem.samples, 1, dtype=torch.float64)], 1)
        eigenvalues, modes = torch.linalg.eigh(2 / problem.samples * design.T @ design)
        best = torch.cat([optimum.weight.flatten(), optimum.bias])
        return cls(optimum.loss, best, eigenvalues, modes, curvature(problem.x).largest_stable_lr)

    def curve(self, start: Tensor, multiplier: Multiplier, steps: int) -> list[float]:
        """L(θₖ) = floor + ½ Σ λ(m(λ, k)·e₀)² for k = 0 … steps − 1; inf where a number does not hold it."""
        distance = (self.modes.T @ (start.double() - self.best)).tolist()
        losses = []
        for step in range(steps):
            try:
                parts = [
                    value * (multiplier(value, step) * first) ** 2
                    for value, first in zip(self.eigenvalues.tolist(), distance, strict=True)
                ]
                losses.append(self.floor + 0.5 * sum(parts))
            except OverflowError:
                losses.append(math.inf)
        return losses

    def first_step_within(self, start: Tensor, lr: float, bound: Callable[[float], float]) -> int:
        """The first step of gradient descent that is below ``bound(parameter)`` in both parameters."""
        distance, step = self.modes.T @ (start.double() - self.best), 0
        while True:
            here = (self.best + self.modes @ distance).tolist()
            moves = (lr * self.modes @ (self.eigenvalues * distance)).abs().tolist()
            if all(move < bound(value) for move, value in zip(moves, here, strict=True)):
                return step
            distance, step = distance * (1 - lr * self.eigenvalues), step + 1


def descent(lr: float) -> Multiplier:
    """(1 − lr·λ)ᵏ: gradient descent; with a negative rate, ascent."""
    return lambda value, step: (1 - lr * value) ** step


def undamped_momentum(lr: float) -> Multiplier:
    """cos(ω(k + ½))/cos(ω/2) with cos ω = 1 − lr·λ/2: gradients that add up swing for ever.

    With Gₖ = Σ gⱼ and eₖ₊₁ = eₖ − lr·Gₖ, each mode obeys eₖ₊₁ = (2 − lr·λ)eₖ − eₖ₋₁ with e₋₁ = e₀; this solves it.
    """

    def multiplier(value: float, step: int) -> float:
        omega = math.acos(1 - lr * value / 2)
        return math.cos(omega * (step + 0.5)) / math.cos(omega / 2)

    return multiplier


def period(lr: float, value: float) -> float:
    """Steps of one swing of undamped momentum: 2π/ω."""
    return 2 * math.pi / math.acos(1 - lr * value / 2)

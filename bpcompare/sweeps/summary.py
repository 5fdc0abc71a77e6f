"""What a sweep shows: the best rate of each way, where it breaks down, and how far the seeds are spread."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.sweeps.sweep import Sweep
from bpcompare.theory.gradient_descent import modes
from bpcompare.theory.least_squares import Curvature, Optimum, curvature, least_squares


@dataclass(frozen=True)
class BestRate:
    """How one way did.

    Attributes:
        method: Its name.
        lr: The rate with the least median loss gap over the seeds.
        loss: The median loss there.
        gap_left: The median part of the starting gap that is left there.
        runs: How many runs there were.
        diverged: How many of them went beyond the range of numbers.
        worse: How many ended with a higher loss than they began with, the diverged ones included.
        highest_good_lr: The highest rate up to which no run of any seed ended worse than it began, or None.
    """

    method: str
    lr: float
    loss: float
    gap_left: float
    runs: int
    diverged: int
    worse: int
    highest_good_lr: float | None


@dataclass(frozen=True, eq=False)
class Spread:
    """The standard deviation over the seeds of every learned number, each (out, in + bias).

    Attributes:
        theory: √ of the diagonal of σ²(AᵀA)⁻¹, A = [x, 1], the mean over the seeds; None where σ is not known or the
            rank is short.
        least_squares: Of the least-squares solutions of the seeds' data.
        learned: Per method, at its best rate.
    """

    theory: Tensor | None
    least_squares: Tensor
    learned: dict[str, Tensor]


class Summary:
    """What a sweep shows.

    Args:
        sweep: Its runs.
        noise: σ of the noise in the targets, where the seeds draw it anew; None for one and the same table.
    """

    def __init__(self, sweep: Sweep, noise: float | None = None) -> None:
        self.sweep, self.noise = sweep, noise

    @functools.cached_property
    def curvatures(self) -> list[Curvature]:
        """Of each seed's data, as trained on."""
        return [curvature(p.x, p.out_features, bias=p.has_bias) for p in self.sweep.problems]

    @functools.cached_property
    def optima(self) -> list[Optimum]:
        """The least-squares solution of each seed's data."""
        return [least_squares(p.measured_x, p.measured_y, bias=p.has_bias) for p in self.sweep.problems]

    @property
    def limits(self) -> Tensor:
        """The largest stable rate of gradient descent for each seed's data, (seeds,)."""
        return torch.tensor([c.largest_stable_lr for c in self.curvatures], dtype=torch.float64)

    @property
    def best_by_theory(self) -> Tensor:
        """2/(λmin + λmax) for each seed's data, (seeds,)."""
        return torch.tensor([c.best_lr for c in self.curvatures], dtype=torch.float64)

    @functools.cached_property
    def gaps_left(self) -> Tensor:
        """(L − L*)/(L₀ − L*), (methods, checkpoints, seeds, rates); infinite for a diverged run."""
        floors = torch.tensor([modes(p).minimum_loss.mean().item() for p in self.sweep.problems], dtype=torch.float64)
        gaps = (self.sweep.losses - floors[:, None]).clamp(min=0)
        return (gaps / gaps[:, :1]).nan_to_num(math.inf, math.inf)

    @functools.cached_property
    def medians(self) -> Tensor:
        """The median over the seeds of `gaps_left`, (methods, checkpoints, rates)."""
        return self.gaps_left.median(dim=2).values

    @functools.cached_property
    def places(self) -> list[int]:
        """The place of each method's best rate."""
        return [int(place) for place in self.medians[:, -1].argmin(1)]

    @functools.cached_property
    def best(self) -> list[BestRate]:
        """A row for every method."""
        rows = []
        for i, (method, place) in enumerate(zip(self.sweep.methods, self.places, strict=True)):
            worse = self.gaps_left[i, -1] > 1  # (seeds, rates)
            good = (~worse.any(0)).int().cumprod(0)  # every rate up to here
            finite = self.sweep.final_losses[i, :, place].nan_to_num(math.inf)
            rows.append(
                BestRate(
                    method.name,
                    lr=self.sweep.rates[place].item(),
                    loss=finite.median().item(),
                    gap_left=self.medians[i, -1, place].item(),
                    runs=worse.numel(),
                    diverged=int((self.sweep.diverged_at[i] > 0).sum()),
                    worse=int(worse.sum()),
                    highest_good_lr=self.sweep.rates[int(good.sum()) - 1].item() if good[0] else None,
                )
            )
        return rows

    @functools.cached_property
    def spread(self) -> Spread | None:
        """The spread over the seeds; None of one seed, which has none."""
        if len(self.sweep.problems) < 2:
            return None
        every = {
            method.name: self.learned(i, place)
            for i, (method, place) in enumerate(zip(self.sweep.methods, self.places, strict=True))
        }
        found = torch.stack([self._numbers(o.weight, o.bias) for o in self.optima])
        theory = None if self.covariance is None else self.covariance.diagonal().sqrt().expand_as(found[0])
        return Spread(theory, found.std(0), {name: numbers.std(0) for name, numbers in every.items()})

    def learned(self, method: int, place: int) -> Tensor:
        """What every seed learned at one rate, (seeds, out, in + bias)."""
        return self._numbers(self.sweep.weights[method, :, place], self.sweep.biases[method, :, place])

    def _numbers(self, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.cat([weight, bias[..., None]], -1) if self.sweep.problems[0].has_bias else weight

    @functools.cached_property
    def covariance(self) -> Tensor | None:
        """σ²(AᵀA)⁻¹ of one output's parameters, (in + bias, in + bias), the mean over the seeds' inputs.

        Source: Seber and Lee (2003), Linear Regression Analysis, theorem 3.2.
        """
        if self.noise is None or not all(o.unique for o in self.optima):
            return None
        return torch.stack([self._covariance(p.measured_x) for p in self.sweep.problems]).mean(0)

    def _covariance(self, x: Tensor) -> Tensor:
        design = torch.cat([x, x.new_ones(len(x), 1)], 1) if self.sweep.problems[0].has_bias else x
        inverse = torch.linalg.qr(design, mode="r").R.inverse()
        return torch.mul(inverse @ inverse.T, (self.noise or 0.0) ** 2)

"""Which of the rates tried is best, and up to which of them a method is stable."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.sweeps.sweep import Sweep

STANDARD_ERRORS = 2.0  # rates that differ by less, seed by seed, count as equal


@dataclass(frozen=True)
class BestRate:
    """How one method did.

    Attributes:
        method: Its name.
        place: The place of its best rate among those tried; None where no rate worked.
        lr: That rate: of those that come as near to the optimum as any, beyond rounding and the spread over the seeds,
            the one that does so in the fewest epochs.
        loss: The median loss over the seeds there, in the user's units.
        gap_left: The median part of the starting gap that is left there.
        runs: The number of runs.
        diverged: The number of them that went beyond the range of numbers.
        worse: The number that ended with a higher loss than they began with, the diverged ones included.
        highest_good_lr: The highest rate up to which no run of any seed ended worse than it began; of gradient
            descent, below 2/λmax too. None where there is none.
        all_rates_good: Whether that is simply the last rate tried.
    """

    method: str
    place: int | None
    lr: float | None
    loss: float | None
    gap_left: float | None
    runs: int
    diverged: int
    worse: int
    highest_good_lr: float | None
    all_rates_good: bool


def best_rate(
    sweep: Sweep, method: int, gaps_left: Tensor, rounding: Tensor, resolution: Tensor, limit: float
) -> BestRate:
    """The row of one method.

    Args:
        sweep: The runs.
        method: Its place among the methods.
        gaps_left: What is left of the starting gap, (checkpoints, seeds, rates); infinite for a diverged run.
        rounding: How much of it rounding may leave, (seeds,).
        resolution: Down to which part of it the losses before the last one tell it, (seeds,).
        limit: The largest rate at which theory has gradient descent stable for every seed.
    """
    worse = gaps_left[-1] > 1  # (seeds, rates)
    good = ~worse.any(0)
    if sweep.methods[method].canonical_update == "GradientDescent":
        good &= sweep.rates < limit  # just above it a short run may not have grown yet
    stable = int(good.int().cumprod(0).sum())
    place = _best_place(gaps_left, rounding, resolution, good)
    return BestRate(
        sweep.methods[method].name,
        place,
        lr=None if place is None else sweep.rates[place].item(),
        loss=None if place is None else sweep.final_losses[method, :, place].nan_to_num(math.inf).median().item(),
        gap_left=None if place is None else gaps_left[-1, :, place].median().item(),
        runs=worse.numel(),
        diverged=int((sweep.diverged_at[method] > 0).sum()),
        worse=int(worse.sum()),
        highest_good_lr=sweep.rates[stable - 1].item() if stable else None,
        all_rates_good=stable == len(good),
    )


def _best_place(gaps_left: Tensor, rounding: Tensor, resolution: Tensor, good: Tensor) -> int | None:
    medians = gaps_left.median(1).values  # (checkpoints, rates)
    works = (medians[-1] < 1) | (medians[0] == 0)  # 0: every run begins at the optimum
    candidates = good & works if bool((good & works).any()) else works
    if not bool(candidates.any()):
        return None
    above = torch.maximum(gaps_left, rounding[:, None])  # what lies below is all the same
    levels = above.median(1).values
    lowest = int(levels[-1].where(candidates, math.inf).argmin())
    equal = candidates & _as_good_as(above[-1], lowest)
    reached = levels <= max(levels[-1].where(equal, 0.0).max().item(), resolution.median().item()) * (1 + 1e-9)
    epochs = torch.where(equal, reached.int().argmax(0), len(levels))
    fastest = epochs == epochs.min()
    return int(levels[-1].where(fastest, math.inf).argmin())


def _as_good_as(gaps: Tensor, lowest: int) -> Tensor:
    """Which rates the seeds cannot tell from the ``lowest`` one, by the mean of log(gap/gap there), (rates,)."""
    ratios = (gaps / gaps[:, lowest : lowest + 1]).log()
    error = ratios.std(0) / math.sqrt(len(ratios)) if len(ratios) > 1 else torch.zeros_like(ratios[0])
    return ratios.mean(0) <= STANDARD_ERRORS * error.nan_to_num(0.0, 0.0)

"""What a sweep shows: the best rate of each method, where it breaks down, and how far the seeds are spread."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare import notebook
from bpcompare.language import _, english, listed
from bpcompare.sweeps.batch import one_per_table
from bpcompare.sweeps.best_rate import BestRate, best_rate
from bpcompare.sweeps.sweep import Sweep
from bpcompare.theory.gradient_descent import Modes, modes
from bpcompare.theory.least_squares import Optimum, least_squares


@dataclass(frozen=True, eq=False)
class Spread:
    """The standard deviation over the seeds of every learned number, each (out, in + bias).

    Attributes:
        theory: √ of the diagonal of σ²(AᵀA)⁻¹, A = [x, 1], the mean over the seeds; None where σ is not known or the
            rank is short.
        least_squares: Of the least-squares solutions of the seeds' data.
        learned: Per method, at its best rate; nan where no rate worked.
    """

    theory: Tensor | None
    least_squares: Tensor
    learned: dict[str, Tensor]


class Summary:
    """What a sweep shows.

    Args:
        sweep: Its runs.
        noise: σ of the noise in the targets, where the seeds draw it anew; None for one and the same table.
        on_problem: Called once for every problem, as soon as its optimum and its curvature are known.
    """

    def __init__(
        self, sweep: Sweep, noise: float | None = None, on_problem: Callable[[], object] | None = None
    ) -> None:
        self.sweep, self.noise = sweep, noise
        self._optima: dict[int, Optimum] = {}
        self._modes: dict[int, Modes] = {}
        self._places = one_per_table(sweep.problems)
        for place, p in zip(self._places, sweep.problems, strict=True):
            if place not in self._optima:
                self._optima[place] = least_squares(p.measured_x, p.measured_y, bias=p.has_bias)
                self._modes[place] = modes(p)
            if on_problem:
                on_problem()

    def __repr__(self) -> str:
        return f"<{english(self._caption())}>"

    def _caption(self) -> str:
        seeds, rates = len(self.sweep.problems), len(self.sweep.rates)
        best = ((row.method, _("none") if row.lr is None else f"{row.lr:g}") for row in self.best)
        found = listed(listed(pair, " ") for pair in best)
        return _("Summary of {seeds} seeds × {rates} rates; best lr: {found}", seeds=seeds, rates=rates, found=found)

    def _repr_html_(self) -> str:
        """What a notebook shows: for each method its best rate, what is left there, and how many runs diverged."""
        rows = [
            [_("none") if value is None else value for value in (r.method, r.lr, r.loss, r.gap_left, r.diverged)]
            for r in self.best
        ]
        headings = [
            _("method"),
            _("best lr"),
            _("median loss there"),
            _("part of the gap left"),
            _("runs that diverged"),
        ]
        return notebook.table(self._caption(), headings, rows)

    @property
    def optima(self) -> list[Optimum]:
        """The least-squares solution of each seed's data."""
        return [self._optima[place] for place in self._places]

    @property
    def eigenvalues(self) -> list[Tensor]:
        """Those above zero of each seed's data as trained on, largest first."""
        return [self._modes[place].eigenvalues for place in self._places]

    @property
    def limits(self) -> Tensor:
        """2/λmax, the largest stable rate of gradient descent for each seed's data, (seeds,)."""
        return torch.tensor([2 / v[0] if len(v) else math.inf for v in self.eigenvalues], dtype=torch.float64)

    @property
    def best_by_theory(self) -> Tensor:
        """2/(λmin + λmax) for each seed's data, (seeds,)."""
        return torch.tensor([2 / (v[0] + v[-1]) if len(v) else math.inf for v in self.eigenvalues], dtype=torch.float64)

    @functools.cached_property
    def gaps(self) -> Tensor:
        """L − L*, (methods, checkpoints, seeds, rates), in the user's units; infinite for a diverged run.

        In the end it is that of the learned parameters, with all its digits; before, that of the losses.
        """
        lowest = torch.stack([self._minimum(place) for place in self._places])
        gaps = (self.sweep.losses - lowest[:, None]).clamp(min=0)
        for seed, optimum in enumerate(self.optima):
            gaps[:, -1, seed] = optimum.gap_at(self.sweep.weights[:, seed], self.sweep.biases[:, seed])
        return gaps.nan_to_num(math.inf, math.inf)

    def _minimum(self, place: int) -> Tensor:
        """L* of a table as trained on, rounded as its columns were, in the user's units."""
        least, scaling = self._modes[place].minimum_loss, self.sweep.problems[place].scaling
        return (least if scaling is None else least * scaling.y_scale.square()).mean()

    @functools.cached_property
    def gaps_left(self) -> Tensor:
        """(L − L*)/(L₀ − L*), (methods, checkpoints, seeds, rates); infinite once diverged, 0 if there is no gap."""
        return (self.gaps / self.gaps[:, :1]).nan_to_num(0.0, math.inf)

    @functools.cached_property
    def medians(self) -> Tensor:
        """The median over the seeds of `gaps_left`, (methods, checkpoints, rates)."""
        return self.gaps_left.median(dim=2).values

    @functools.cached_property
    def rounding(self) -> Tensor:
        """What rounding may leave of each seed's starting gap, (seeds,); `compare` calls what is below it converged."""
        eps = torch.finfo(self.sweep.problems[0].dtype).eps
        return self._of_starting_gap([max(eps * o.loss, (8 * eps) ** 2 * y) for o, y in self._tables()])

    @functools.cached_property
    def resolution(self) -> Tensor:
        """Down to which part of the starting gap the losses of the run still show it, (seeds,).

        They are differences of sums over the data, taken in float64 and then rounded as the parameters are.
        """
        eps, fine = (torch.finfo(dtype).eps for dtype in (self.sweep.problems[0].dtype, torch.float64))
        return self._of_starting_gap([4 * eps * o.loss + 64 * fine * y for o, y in self._tables()])

    def _tables(self) -> list[tuple[Optimum, float]]:
        """Each seed's optimum and the mean square of its targets."""
        squares = {place: self.sweep.problems[place].measured_y.square().mean().item() for place in self._optima}
        return [(self._optima[place], squares[place]) for place in self._places]

    def _of_starting_gap(self, losses: list[float]) -> Tensor:
        return (torch.tensor(losses, dtype=torch.float64) / self.gaps[0, 0, :, 0]).nan_to_num(1.0, 1.0)

    @functools.cached_property
    def best(self) -> list[BestRate]:
        """A row for every method."""
        bounds = self.rounding, self.resolution, self.limits.min().item()
        return [
            best_rate(self.sweep, method, self.gaps_left[method], *bounds) for method in range(len(self.sweep.methods))
        ]

    @functools.cached_property
    def spread(self) -> Spread | None:
        """The spread over the seeds; None of one seed, which has none."""
        if len(self.sweep.problems) < 2:
            return None
        found = torch.stack([self._numbers(o.weight, o.bias) for o in self.optima])
        learned = {row.method: self.learned(i).std(0) for i, row in enumerate(self.best)}
        theory = None if self.covariance is None else self.covariance.diagonal().sqrt().expand_as(found[0])
        return Spread(theory, found.std(0), learned)

    def learned(self, method: int) -> Tensor:
        """What every seed learned at the method's best rate, (seeds, out, in + bias); nan where no rate worked."""
        place = self.best[method].place
        weights, biases = self.sweep.weights[method], self.sweep.biases[method]
        if place is None:
            return self._numbers(weights[:, 0], biases[:, 0]) * math.nan
        return self._numbers(weights[:, place], biases[:, place])

    def _numbers(self, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.cat([weight, bias[..., None]], -1) if self.sweep.problems[0].has_bias else weight

    @functools.cached_property
    def covariance(self) -> Tensor | None:
        """σ²(AᵀA)⁻¹ of one output's parameters, (in + bias, in + bias), the mean over the seeds' inputs.

        Source: Seber and Lee (2003), Linear Regression Analysis, theorem 3.2.
        """
        if self.noise is None or not all(o.unique for o in self.optima):
            return None
        return self.noise**2 * torch.stack([o.inverse_moments() for o in self.optima]).mean(0)

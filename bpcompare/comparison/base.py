"""What every comparison has, of an `nn.Linear` or of a network: problem, settings, results, agreement and race."""

import functools
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from bpcompare import notebook
from bpcompare.comparison.agreement import Agreement
from bpcompare.comparison.device import Distance, against_cpu
from bpcompare.comparison.race import race
from bpcompare.language import N_, _
from bpcompare.problem.devices import name_of
from bpcompare.problem.problem import Problem
from bpcompare.training.run import Run
from bpcompare.training.settings import TrainingSettings

STATUSES = (N_("stopped"), N_("converged"), N_("diverged"))
MOST_NAMED = 4  # methods whose ending a comparison's one line tells


@dataclass(frozen=True, eq=False, repr=False)
class BaseResult:
    """What one method learned; state k is the model before step k, the last state is what was learned.

    Attributes:
        run: The run as it was trained.
        losses: The mean squared error of every state, (states,) float64: the states of ``run.losses``, the last one
            included.
        gaps: How far each is above the loss that the comparison measures against, (states,) float64.
        status: How the run ended: "stopped" (the epochs ran out), "diverged", or "converged" where that is known.
    """

    run: Run
    losses: Tensor
    gaps: Tensor
    status: str

    @property
    def loss(self) -> float:
        """The loss of what was learned, or of the last finite state of a diverged run."""
        return self.losses[-1].item()

    @property
    def losses_before_steps(self) -> Tensor:
        """Those losses that a step (with batches: an epoch) followed: all but the last, of a diverged run all."""
        return self.losses if self.run.diverged_at else self.losses[:-1]

    def epochs_to(self, fraction: float) -> int | None:
        """The first epoch at which the gap is at most ``fraction`` of the one at the start.

        None where that never comes, and where there is no gap at the start: nobody can come nearer then.
        """
        if self.gaps[0] <= 0:
            return None
        reached = (self.gaps <= fraction * self.gaps[0]).nonzero()
        return int(reached[0]) if len(reached) else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.run.method.name}: {len(self.losses)} states, {self.ending}>"

    @property
    def ending(self) -> str:
        """How it ended, in a few words."""
        step = self.run.diverged_at
        return f"loss {self.loss:.6g}, {self.status}{'' if step is None else f' at step {step}'}"


ResultT = TypeVar("ResultT", bound=BaseResult, covariant=True)


@dataclass(frozen=True, eq=False, repr=False)
class BaseComparison(Generic[ResultT]):
    """Several methods of training on one problem, from the same start and with the same settings.

    Attributes:
        problem: What was learned.
        settings: The learning rate and all other numbers, the same for all methods.
        results: Per method's name what it learned.
        agreement: Per pair "a~b" with the same rule and different sources, whether they are the same calculation.
    """

    problem: Problem
    settings: TrainingSettings
    results: dict[str, ResultT]
    agreement: dict[str, Agreement]

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self.settings.lr

    @property
    def epochs(self) -> int:
        """The number of passes over the samples that were asked for."""
        return self.settings.epochs

    @property
    def batch_size(self) -> int | None:
        """Samples per step, or None for all."""
        return self.settings.batch_size

    @property
    def seed(self) -> int:
        """Random seed for the sample order."""
        return self.settings.seed

    @property
    def shuffle(self) -> bool:
        """Whether batches took the samples in a new order in every epoch."""
        return self.settings.shuffle

    @property
    def race(self) -> dict[str, dict[float, dict[str, int | None]]]:
        """Per pair "a~b" with the same source and different rules: the epochs each took to `FRACTIONS` of the gap."""
        return race(self.results)

    @property
    def device_name(self) -> str:
        """What the maker calls the device that it was trained on; empty where that is the CPU."""
        return "" if self.settings.device == "cpu" else name_of(torch.device(self.settings.device))

    @functools.cached_property
    def against_cpu(self) -> dict[str, Distance] | None:
        """Per method's name how far its run on a device is from its run on the CPU, which this trains when asked.

        Empty where all was trained on the CPU, None where that would take more than a minute.
        """
        runs = [result.run for result in self.results.values()]
        return {} if self.settings.device == "cpu" else against_cpu(self.problem, runs, self.settings)

    def __repr__(self) -> str:
        endings = [f"{name}: {result.ending}" for name, result in self.results.items()]
        ended = "; ".join(endings[:MOST_NAMED] + ["…"] * (len(endings) > MOST_NAMED))
        return (
            f"<{type(self).__name__} of {len(self.results)} methods on {self.problem.name}, "
            f"lr {self.lr:g}, {self.epochs} epochs; {ended}>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: a row for each method."""
        rows = []
        for name, result in self.results.items():
            method = result.run.method
            rows.append([name, method.gradient, method.update, result.loss, result.gaps[-1].item(), _(result.status)])
        caption = _("{name}, lr {lr:g}, {epochs} epochs", name=self.problem.name, lr=self.lr, epochs=self.epochs)
        head = [_("method"), _("gradient"), _("update"), _("loss"), _("gap"), _("status")]
        return notebook.table(caption, head, rows)

"""Thousands of runs at once: every learning rate × every seed × every method, in batches and among workers."""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare import notebook
from bpcompare.language import _, english, listed
from bpcompare.problem import devices, estimates
from bpcompare.problem.problem import Problem
from bpcompare.problem.whole_numbers import whole_number
from bpcompare.sweeps import checks
from bpcompare.sweeps.batch import Outcome, train_batch
from bpcompare.training import processes
from bpcompare.training.methods import Method

AT_ONCE = 16_384  # numbers of a parameter: what a core's own cache holds
AT_ONCE_ON_DEVICE = 2**20  # numbers: a GPU has work for all its cores then, and they take less than 1 GB
MOST_CHECKPOINTS = 60


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """What every run of a sweep came to.

    Attributes:
        problems: One per seed.
        methods: What was swept.
        rates: The learning rates, (rates,) float64, rising.
        epochs: The number of passes over the samples in each run.
        checkpoints: The epochs whose losses are kept, (checkpoints,), from 0 to ``epochs``.
        losses: The mean squared error in the user's units, (methods, checkpoints, seeds, rates) float64; nan once a run
            has diverged.
        diverged_at: (methods, seeds, rates): the step that led beyond the range of numbers, 0 where none did.
        weights: What was learned, in the user's units, (methods, seeds, rates, out, in) float64; nan where the run
            diverged.
        biases: (methods, seeds, rates, out).
        path_weights: Those at the checkpoints, (methods, checkpoints, seeds, rates, out, in); None if not asked for.
        path_biases: (methods, checkpoints, seeds, rates, out).
        device: Where the runs were trained.
        device_name: What the maker calls it; empty where it is the CPU.
    """

    problems: tuple[Problem, ...]
    methods: tuple[Method, ...]
    rates: Tensor
    epochs: int
    checkpoints: Tensor
    losses: Tensor
    diverged_at: Tensor
    weights: Tensor
    biases: Tensor
    path_weights: Tensor | None = None
    path_biases: Tensor | None = None
    device: str = "cpu"
    device_name: str = ""

    @property
    def final_losses(self) -> Tensor:
        """(methods, seeds, rates); nan where the run diverged."""
        return self.losses[:, -1]

    def __repr__(self) -> str:
        return f"<{english(self._caption())}>"

    def _caption(self) -> str:
        return _(
            "Sweep of {names}: {seeds} seeds × {rates} rates, lr {lowest:g} to {highest:g}, {epochs} epochs, "
            "{diverged} runs diverged",
            names=listed(method.name for method in self.methods),
            seeds=len(self.problems),
            rates=len(self.rates),
            lowest=self.rates.min().item(),
            highest=self.rates.max().item(),
            epochs=self.epochs,
            diverged=int((self.diverged_at > 0).sum()),
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: for each method the rate with the lowest median loss, and how many runs diverged."""
        rows = []
        for method, losses, diverged in zip(self.methods, self.final_losses, self.diverged_at, strict=True):
            medians = losses.nan_to_num(math.inf).median(0).values
            lowest = int(medians.argmin())
            rows.append([method.name, self.rates[lowest].item(), medians[lowest].item(), int((diverged > 0).sum())])
        headings = [_("method"), _("lr with the lowest median loss"), _("that loss"), _("runs that diverged")]
        return notebook.table(self._caption(), headings, rows)


def sweep(
    problems: Problem | Sequence[Problem],
    rates: float | Sequence[float] | Tensor,
    methods: str | Method | Sequence[str | Method] = ("manual", "adam"),
    *,
    epochs: int = 50,
    on_epoch: Callable[[], object] | None = None,
    paths: bool = False,
    device: str | torch.device = "cpu",
) -> Sweep:
    """Every method × every rate × every problem, all runs at once.

    Each run is that of ``train(problem, "moments+RULE", lr=rate)``: to the bit with one input; with several, its
    float64 gradient may differ in the last place, as the columns are added one by one. Another gradient source adds
    up in another order, and a run from it differs by a few units in the last place. Under `torchrun` each worker
    takes its share of the problems.

    Args:
        problems: One, or one per seed, all of the same sizes and precision.
        rates: One or several learning rates above 0, in any order, finite in the precision of the problems.
        methods: Methods whose update rule is written by hand in `updates` (or is the same as one that is).
        epochs: The number of passes over the samples, at least 1.
        on_epoch: Called after every epoch of every batch of runs; each method has `batches` of them.
        paths: Whether to keep the parameters at the checkpoints, too.
        device: Where to train: "cpu", "cuda", "cuda:N", or "auto" for cuda where it is here, else cpu. The sums over
            the data are taken on the CPU, and there the results are.

    Raises:
        InputError: The problems differ in shape, a number is out of range, or the device is not here.
        MethodError: There is no such method, or it cannot be batched.
        LimitError: It would not fit into memory or a day.

    Example:
        >>> from bpcompare.problem.line import line
        >>> result = sweep([line(seed=seed) for seed in range(3)], [0.1, 1.0])
        >>> round(result.weights[0, 0, 0].item(), 5), result.diverged_at[0, :, 1].tolist()
        (1.31356, [0, 0, 0])
    """
    problems = [problems] if isinstance(problems, Problem) else problems
    methods = [methods] if isinstance(methods, str | Method) else methods
    chosen = tuple(Method.named(m) if isinstance(m, str) else m for m in methods)
    lr, epochs = checks.rates_of(rates), whole_number("epochs", epochs)
    checks.check(problems, chosen, lr)
    place = devices.chosen(device, float64=True)
    first = problems[0]
    estimates.sweep(
        first.samples,
        first.in_features,
        first.out_features,
        seeds=len(problems),
        rates=len(lr),
        methods=len(chosen),
        epochs=epochs,
        drawn=False,
    ).check()
    checkpoints = _checkpoints(epochs)
    mine = problems[processes.local_rows(len(problems))]

    step = seeds_at_once(len(lr), first.in_features * first.out_features, place)
    parts = [mine[begin : begin + step] for begin in range(0, len(mine), step)]

    def train_own() -> list[list[Outcome]]:
        return [
            [train_batch(method, batch, lr, epochs, checkpoints, on_epoch, paths, place) for batch in parts]
            for method in chosen
        ]

    with _one_thread(), devices.exact(place):
        own = processes.run_on_all(train_own)
    every = [[*itertools.chain(*parts)] for parts in zip(*processes.gather(own), strict=True)]
    return Sweep(
        tuple(problems),
        chosen,
        lr,
        epochs,
        checkpoints,
        losses=_join([[part.losses for part in parts] for parts in every], 1),
        diverged_at=_join([[part.diverged_at for part in parts] for parts in every], 0),
        weights=_join([[part.weights for part in parts] for parts in every], 0),
        biases=_join([[part.biases for part in parts] for parts in every], 0),
        path_weights=_join([[part.path_weights for part in parts] for parts in every], 1) if paths else None,
        path_biases=_join([[part.path_biases for part in parts] for parts in every], 1) if paths else None,
        device=str(place),
        device_name="" if place.type == "cpu" else devices.name_of(place),
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """A batch is too small to share: threads that wait for each other at every root cost more than all the rest."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _join(parts: list[list[Tensor]], seeds: int) -> Tensor:
    """The parts of every method joined along the dimension of the seeds, the methods before all."""
    return torch.stack([torch.cat(part, seeds) if len(part) > 1 else part[0] for part in parts])


def batches(seeds: int, rates: int, weights: int = 1, device: torch.device = devices.CPU) -> int:
    """How many batches the runs of a method are divided into, here and now."""
    mine = range(seeds)[processes.local_rows(seeds)]
    return math.ceil(len(mine) / seeds_at_once(rates, weights, device))


def seeds_at_once(rates: int, weights: int = 1, device: torch.device = devices.CPU) -> int:
    """The seeds of a batch, of a model with so many weights: on the CPU what its cache holds, else what keeps it busy.

    Example:
        >>> seeds_at_once(200), seeds_at_once(200, 2, torch.device("cuda"))
        (81, 2621)
    """
    return max(1, AT_ONCE // rates if device.type == "cpu" else AT_ONCE_ON_DEVICE // (rates * weights))


def _checkpoints(epochs: int) -> Tensor:
    """Every epoch, or about `MOST_CHECKPOINTS` of them that lie the closer the earlier they are."""
    if epochs <= MOST_CHECKPOINTS:
        return torch.arange(epochs + 1)
    spread = torch.logspace(0, math.log10(epochs), MOST_CHECKPOINTS, dtype=torch.float64).round().long()
    return torch.tensor(sorted({0, *spread.tolist()}))

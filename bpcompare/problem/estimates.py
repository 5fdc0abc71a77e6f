"""What a job will take, in bytes and seconds, and whether this machine has them: said before it begins.

The kernel ends a process that asks for more memory than there is, without a word. So for each kind of job the numbers
that the code allocates at its peak are counted from the sizes alone, recordings included, and the time of its steps.
The costs were measured on one core and rounded up. They say whether a job is far too large, not how long it takes.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bpcompare.errors import LimitError
from bpcompare.language import N_, _
from bpcompare.problem.memory import available_memory

DAY = 86_400.0  # seconds
SHARE = 0.9  # of the available memory; the rest is for what other programs take meanwhile
OVERRIDE = "BPCOMPARE_NO_LIMIT"

SMALL = 64e6  # bytes: less is not worth a look at what is available

FLOAT = 8  # bytes of a number in float64
DATA = 4 * FLOAT  # bytes of a number of x or y: as measured, as trained on, and while the one is made of the other
RECORDED = 10 * FLOAT  # bytes of a recorded number: with its gradient, as trained and in the user's units
IN_FILES = 320  # more bytes of each, as text and in pictures
IN_LEDGER = 3_000  # more bytes of each in Adam's ledger
IN_EQUATION = 600  # bytes of a term, in text and in LaTeX
EPOCH = 400  # bytes of a network's epoch, and for each of its tensors
TENSOR = 150
SEED = 16_000  # bytes of a seed's problem, its data not counted
RUN = 1_200  # bytes of a run of a sweep, its row of the file included
MODEL = 16  # copies of a network's numbers: model, gradient, Adam's two moments, the last state, pictures' models

# Seconds of a step of one small layer, with the loss after it, by where the gradient comes from; a slope that is tried
# is a step of its own.
STEPS = {"formula": 1.5e-4, "moments": 1.5e-4, "finite_difference": 1.5e-4, "autograd": 2.5e-4, "graph": 1e-3}
OTHER_STEP = 1e-3  # of a source of the user's, and of a sweep's whole batch
RULE = 3e-4  # more, by a rule that is not gradient descent
UPDATE = 6e-9  # more, for each number of the model
MULTIPLICATIONS = 5e9  # in a second, in products of matrices
FACTORING = 2e9  # in a second, in decompositions
DRAWN = 1e-6  # seconds of a number of x or y, in pictures
RUN_IN_FILES = 8e-5  # seconds of a run of a sweep, in files and pictures
RUN_STEP = 5e-8  # seconds of a step of a run of a sweep, for each number of XᵀX
BEYOND = 10**40


@dataclass(frozen=True)
class Estimate:
    """What a job takes at most.

    Attributes:
        job: What it is, for the message.
        memory: Bytes at its peak, beyond what the process has now.
        seconds: How long it runs on one core.
        remedy: What to ask for instead.
    """

    job: str
    memory: float
    seconds: float
    remedy: str

    def check(self) -> None:
        """Refuses the job where the memory or a day will not do, unless ``BPCOMPARE_NO_LIMIT`` is set.

        Raises:
            LimitError: It does not fit.

        Example:
            >>> line(10**15, 1, 1).check()
            Traceback (most recent call last):
            ...
            bpcompare.errors.LimitError: about 10^15 samples of 2 columns would take about 6.4e+07 GB of memory, and ...
        """
        if os.environ.get(OVERRIDE, "0") not in ("", "0"):
            return
        have = available_memory() * SHARE if self.memory > SMALL else math.inf
        if self.memory > have:
            need, have_in_gb = _short(self.memory / 1e9), _short(have / 1e9)
            fault = _(
                "{job} would take about {need} GB of memory, and {have} GB can be used",
                job=self.job,
                need=need,
                have=have_in_gb,
            )
        elif self.seconds > DAY:
            days = _short(self.seconds / DAY)
            fault = _("{job} would take about {days} days, and one day is the limit", job=self.job, days=days)
        else:
            return
        remedy = _("{remedy}, or set {override}=1 to try it all the same", remedy=_(self.remedy), override=OVERRIDE)
        raise LimitError(_("{fault}; {remedy}", fault=fault, remedy=remedy))


def line(samples: int, inputs: int, outputs: int) -> Estimate:
    """Drawing the data of a line: x (samples, inputs), y (samples, outputs), W (outputs, inputs)."""
    samples, inputs, outputs = _bounded(samples, inputs, outputs)
    memory = samples * (inputs + outputs) * DATA + inputs * outputs * DATA
    seconds = samples * inputs * outputs / MULTIPLICATIONS
    columns = _count(inputs + outputs)
    job = _("{samples} samples of {columns} columns", samples=_count(samples), columns=columns)
    return Estimate(job, memory, seconds, N_("ask for fewer samples or columns"))


def table(rows: int, columns: int) -> Estimate:
    """Reading so many rows of a table."""
    return Estimate(
        _("a table of about {rows} rows × {columns} columns", rows=_count(rows), columns=_count(columns)),
        rows * columns * (DATA + FLOAT),
        rows * columns / 1e6,
        N_("leave out rows or columns"),
    )


def network(widths: Sequence[int], itemsize: int = 4) -> Estimate:
    """A network of these widths, with its gradients."""
    numbers = _parameters(widths)
    job = _("a network of {numbers} numbers", numbers=_count(numbers))
    return Estimate(job, numbers * itemsize * 3, 0, N_("choose smaller layers"))


def training(
    samples: int,
    widths: Sequence[int],
    epochs: int,
    *,
    methods: int = 1,
    slopes: int = 0,
    step: float | None = None,
    batch_size: int | None = None,
    itemsize: int = FLOAT,
    files: bool = False,
    ledgers: int = 0,
) -> Estimate:
    """Training by several methods, one after another, and what is recorded of it.

    Args:
        samples: The number of samples N.
        widths: (in, out) of an `nn.Linear`, or the widths of a network.
        epochs: The number of passes over the samples.
        methods: The number of methods.
        slopes: The number of methods that find each slope by trying: each of their steps costs two losses a parameter.
        step: Seconds of a small layer's step by all those that do not try, the sum of their `step_seconds`.
        batch_size: Samples per step; None for all.
        itemsize: Bytes of a number of the model.
        files: Whether history and pictures are made of it.
        ledgers: Of how many methods Adam's ledger is kept.

    Example:
        >>> training(100, (1, 1), 50, methods=3).memory < 1e6 < training(100, (1, 1), 10**6, methods=3).memory
        True
    """
    samples, epochs, *widths = _bounded(samples, epochs, *widths)
    numbers, layers, states = _parameters(widths), len(widths) - 1, epochs + 1
    steps = epochs * (math.ceil(samples / (batch_size or samples)) + 1)
    work = 6 * (samples + 2) * numbers * 2 * epochs / MULTIPLICATIONS + steps * numbers * UPDATE
    tried = slopes * 2 * numbers
    step = (methods - slopes) * step_seconds("autograd", "Adam") if step is None else step
    seconds = steps * layers * (step + tried * STEPS["finite_difference"]) + (methods - slopes + tried) * work
    if layers == 1:
        recorded = RECORDED + IN_FILES * files
        memory = methods * states * (numbers + 1) * recorded + ledgers * states * numbers * IN_LEDGER
        memory += samples * sum(widths) * DATA + 8 * FLOAT * (widths[0] + 1) ** 2  # and the optimum's factors
        seconds += (samples + 20 * widths[0]) * widths[0] ** 2 / FACTORING
    else:
        memory = methods * states * (EPOCH + 2 * layers * TENSOR) + numbers * itemsize * (MODEL + 2 * methods)
        memory += samples * sum(widths) * FLOAT * 6
    seconds += samples * sum(widths) * DRAWN * files
    job = _(
        "training for {epochs} epochs ({samples} samples, {numbers} numbers to learn, methods: {methods})",
        epochs=_count(epochs),
        samples=_count(samples),
        numbers=_count(numbers),
        methods=methods,
    )
    return Estimate(job, memory, seconds, N_("ask for fewer epochs or smaller sizes"))


def step_seconds(gradient: str, rule: str) -> float:
    """Seconds of a step of one small layer by this gradient source and this update rule, the loss after it included.

    Example:
        >>> step_seconds("formula", "GradientDescent") < step_seconds("autograd", "Adam")
        True
    """
    return STEPS.get(gradient, OTHER_STEP) + RULE * (rule != "GradientDescent")


def sweep(
    samples: int, inputs: int, outputs: int, *, seeds: int, rates: int, methods: int, epochs: int, drawn: bool = True
) -> Estimate:
    """Every rate × every seed × every method; ``drawn`` says that each seed has data of its own."""
    seeds, rates, epochs = _bounded(seeds, rates, epochs)
    numbers, runs = outputs * (inputs + 1), seeds * rates * methods
    data = samples * (inputs + outputs)
    memory = runs * (RUN + 60 * FLOAT + numbers * RECORDED) + (data * DATA + numbers * DATA + SEED) * seeds
    seconds = runs * epochs * numbers * (inputs + 1) * RUN_STEP + methods * epochs * OTHER_STEP
    seconds += (seeds if drawn else 1) * data * inputs / MULTIPLICATIONS + seeds * 1e-3 + runs * RUN_IN_FILES
    job = _(
        "a sweep of {runs} runs ({seeds} seeds) × {epochs} epochs",
        runs=_count(runs),
        seeds=_count(seeds),
        epochs=_count(epochs),
    )
    return Estimate(job, memory, seconds, N_("ask for fewer seeds, rates, epochs or samples"))


def collapse(widths: Sequence[int]) -> Estimate:
    """Two linear layers of widths (in, hidden, out), the one that they are, and its rank."""
    inputs, _hidden, outputs = widths = _bounded(*widths)
    one, two = inputs * outputs, _parameters(widths)
    seconds = (20 * one * min(inputs, outputs) + 100 * two) / FACTORING
    job = _("two layers of {numbers} numbers and the one that they are", numbers=_count(two))
    return Estimate(job, FLOAT * (8 * two + 12 * one), seconds, N_("choose smaller layers"))


def equations(inputs: int, outputs: int) -> Estimate:
    """An `nn.Linear` written out, term by term."""
    inputs, outputs = _bounded(inputs, outputs)
    terms = outputs * (inputs + 1)
    job = _("equations of {terms} terms", terms=_count(terms))
    return Estimate(job, terms * IN_EQUATION, terms / 1e5, N_("choose a smaller shape"))


def _parameters(widths: Sequence[int]) -> int:
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(_bounded(*widths)))


def _bounded(*sizes: int) -> list[int]:
    """Sizes that float arithmetic can carry; anything beyond is too large all the same."""
    return [min(size, BEYOND) for size in sizes]


def _short(number: float) -> str:
    return f"{number:.2g}" if number < 10 or number >= 1e6 else f"{number:,.0f}"


def _count(number: int) -> str:
    return f"{number:,}" if number < 10**9 else _("about 10^{power:.0f}", power=math.log10(number))

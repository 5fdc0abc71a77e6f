"""What a pitfall teaches: curves of the mistake and of the right way, and numbers predicted and measured."""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bpcompare.language import N_, _
from bpcompare.lessons.pitfalls import wrong_loops
from bpcompare.problem.line import line
from bpcompare.problem.problem import Problem
from bpcompare.theory.gradient_descent import Modes, modes

LR, EPOCHS = 0.1, 50
EXACT = 1e-9  # float64 arithmetic over some hundred steps, relative to the loss
COUNTED = 0.0  # a count is a count


@dataclass(frozen=True)
class Prediction:
    """One number predicted and the same number measured; they agree within ``tolerance``, relative to the prediction.

    Attributes:
        what: What the number is.
        predicted: By theory, before the run.
        measured: In the run.
        tolerance: How far apart they may be; relative, or absolute where that is more.
        at_most: Whether the prediction is a bound.
    """

    what: str
    predicted: float
    measured: float
    tolerance: float = EXACT
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether the measurement is what was predicted."""
        if self.at_most:
            return self.measured <= self.predicted * (1 + self.tolerance)
        return math.isclose(self.measured, self.predicted, rel_tol=self.tolerance, abs_tol=self.tolerance)


@dataclass(frozen=True)
class Pitfall:
    """One pitfall, run.

    Attributes:
        name: As the command line takes it.
        title: What it is, in a few words.
        mistake: The line of code that does it.
        remedy: The line of code that does not.
        explanation: What happens, and why.
        curves: Values over the steps: "mistake", "predicted" and "right".
        predictions: Numbers predicted and measured.
        quantity: What the curves show.
    """

    name: str
    title: str
    mistake: str
    remedy: str
    explanation: str
    curves: dict[str, list[float]]
    predictions: tuple[Prediction, ...]
    quantity: str = N_("mean squared error")

    @property
    def holds(self) -> bool:
        """Whether all was as predicted."""
        return all(prediction.holds for prediction in self.predictions)


@functools.cache
def main_problem() -> Problem:
    """The tutorial's line with its own data and start, in float64 so that rounding does not blur the predictions."""
    return wrong_loops.in_double(line())


@functools.cache
def main_theory() -> Modes:
    """How gradient descent moves on it."""
    return modes(main_problem())


@functools.cache
def _main_run() -> tuple[list[float], Iterator[float]]:
    """The losses that are known of it, trained at the rate `LR` with nothing done wrong, and the run that goes on."""
    return [], wrong_loops.without_end(main_problem(), LR)


def right_way(epochs: int) -> list[float]:
    """The loss before each step of the right way; what one pitfall trained another does not train again."""
    known, following = _main_run()
    known += itertools.islice(following, max(epochs - len(known), 0))
    return known[:epochs]


def descent(theory: Modes, lr: float, steps: int) -> list[float]:
    """The predicted loss before each step of gradient descent; with a negative rate, of ascent."""
    return theory.losses(lr, torch.arange(steps)).tolist()


def build(
    name: str,
    title: str,
    mistake: str,
    remedy: str,
    explanation: str,
    measured: list[float],
    predicted: list[float],
    right: list[float],
    *predictions: Prediction,
) -> Pitfall:
    """The pitfall, with the prediction of its whole curve."""
    whole = Prediction(
        _("largest relative distance between the curve and its prediction"), 0.0, distance(measured, predicted)
    )
    curves = {"mistake": measured, "predicted": predicted, "right": right}
    return Pitfall(name, title, mistake, remedy, explanation, curves, (*predictions, whole))


def distance(measured: list[float], predicted: list[float]) -> float:
    """The largest |measured − predicted|/predicted, over the steps where both are finite.

    Example:
        >>> distance([1.0, 2.2], [1.0, 2.0])
        0.10000000000000009
    """
    pairs = zip(measured, predicted, strict=False)
    return max(abs(a - b) / b for a, b in pairs if math.isfinite(a) and math.isfinite(b))

"""What a pitfall teaches: curves of the mistake and of the right way, and numbers foretold and measured."""

import math
from dataclasses import dataclass

from bpcompare.lessons.pitfalls import wrong_loops
from bpcompare.problem.problem import Problem, line

LR, EPOCHS = 0.1, 50
EXACT = 1e-9  # float64 arithmetic over some hundred steps, relative to the loss
COUNTED = 0.0  # a count is a count


@dataclass(frozen=True)
class Finding:
    """One number foretold and the same number measured; they agree within ``tolerance``, relative to the prediction."""

    what: str
    predicted: float
    measured: float
    tolerance: float = EXACT
    at_most: bool = False  # the prediction is a bound

    @property
    def holds(self) -> bool:
        """Whether the measurement is what was foretold."""
        if self.at_most:
            return self.measured <= self.predicted * (1 + self.tolerance)
        return math.isclose(self.measured, self.predicted, rel_tol=self.tolerance, abs_tol=self.tolerance)


@dataclass(frozen=True)
class Lesson:
    """One pitfall, run.

    Attributes:
        name: As the command line takes it.
        title: What it is, in a few words.
        mistake: The line of code that does it.
        remedy: The line of code that does not.
        foretold: What theory says beforehand.
        curves: Values over the steps: "mistake", "predicted" and "right".
        quantity: What the curves show.
        findings: Numbers foretold and measured.
    """

    name: str
    title: str
    mistake: str
    remedy: str
    foretold: str
    curves: dict[str, list[float]]
    findings: tuple[Finding, ...]
    quantity: str = "mean squared error"

    @property
    def holds(self) -> bool:
        """Whether all was as foretold."""
        return all(finding.holds for finding in self.findings)


def main_problem() -> Problem:
    """The tutorial's line with its own data and start, in float64 so that rounding does not blur the predictions."""
    return wrong_loops.in_double(line())


def build(
    name: str,
    title: str,
    mistake: str,
    remedy: str,
    foretold: str,
    measured: list[float],
    predicted: list[float],
    right: list[float],
    *findings: Finding,
) -> Lesson:
    """The lesson, with the finding that its whole curve is the predicted one."""
    whole = Finding(
        "largest relative distance between the curve and its prediction", 0.0, distance(measured, predicted)
    )
    curves = {"mistake": measured, "predicted": predicted, "right": right}
    return Lesson(name, title, mistake, remedy, foretold, curves, (*findings, whole))


def distance(measured: list[float], predicted: list[float]) -> float:
    """The largest |measured − predicted|/predicted, over the steps where both are finite."""
    pairs = zip(measured, predicted, strict=False)
    return max(abs(a - b) / b for a, b in pairs if math.isfinite(a) and math.isfinite(b))

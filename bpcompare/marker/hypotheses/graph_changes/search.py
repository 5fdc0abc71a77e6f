"""Finds the cheapest change whose gradient is what was answered in every problem."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.language import N_, _
from bpcompare.marker.hypotheses.graph_changes import replay
from bpcompare.marker.hypotheses.graph_changes.change import Change
from bpcompare.marker.hypotheses.graph_changes.changes import all_changes
from bpcompare.marker.hypotheses.graph_changes.screen import Answer, Array, Screen, is_nothing, is_parallel, shadowed
from bpcompare.marker.hypotheses.graph_changes.size_factor import SizeFactor, fit
from bpcompare.marker.hypotheses.graph_changes.walk import Act, Edge, Traced
from bpcompare.marker.phrases import phrase

LARGEST = 20_000  # numbers in the steps of the problem that candidates are screened on
FORWARD_SECONDS = 2.0
AS_CHEAP = 0.35  # what costs this much more than an explanation is not an alternative to it
SILENT_SECONDS = 2.0
NAMED_ENOUGH = 24  # candidates worked out in full for one answer


@dataclass(frozen=True)
class Found:
    """Changes that explain one answer in every problem.

    Attributes:
        changes: One or two, empty for a factor alone.
        factor: What the changed gradient is multiplied by.
        cost: How much has to go wrong.
        share: The factor on the path of the first change, where the change is a factor.
    """

    changes: tuple[Change | replay.ForwardChange, ...]
    factor: SizeFactor
    cost: float
    share: SizeFactor | None = None


class Progress:
    """Tells how far the search is: nothing for two seconds, then a sentence a second."""

    def __init__(self, say: Callable[[str], None] | None) -> None:
        self.say, self.next = say, time.monotonic() + SILENT_SECONDS

    def tell(self, message: str, done: int, total: int) -> None:
        """Says by ``message`` that ``done`` of ``total`` have been tried, where it is time to."""
        if self.say is not None and time.monotonic() > self.next:
            self.next = time.monotonic() + 1
            self.say(_(message, percent=100 * done // max(total, 1)))


class Search:
    """The problems, the wrong answers, and what has been found for each."""

    def __init__(
        self,
        problems: Sequence[Traced],
        answers: Sequence[Sequence[Tensor]],
        wrong: Sequence[int],
        tolerance: float = 1e-9,
        progress: "Progress | None" = None,
    ) -> None:
        self.progress = progress or Progress(None)
        self.problems = problems
        self.tolerance = tolerance
        self.found: dict[int, list[Found]] = {index: [] for index in wrong}
        self.expected = [problem.answers({}) for problem in problems]
        self.screened = max(range(len(problems)), key=lambda k: (self._wrong_in(k, answers), _work(problems[k])))
        self.problem = problems[self.screened]
        self.answers = [self._answer(index, [given[index] for given in answers]) for index in wrong]
        self.screen = Screen(self.problem, self.answers)
        self.changes: list[Change] = []
        self.shadows: dict[int, dict[int, Array]] = {}  # of each change, of each answer
        self.worked = dict.fromkeys(self.found, 0)

    def _answer(self, index: int, arrays: Sequence[Tensor]) -> Answer:
        return shadowed(self.problem, index, arrays, arrays[self.screened], self.expected[self.screened][index])

    def _wrong_in(self, k: int, answers: Sequence[Sequence[Tensor]]) -> int:
        """How many of the answers are wrong in the k-th problem."""
        return sum(
            _ratio(answers[k][index], self.expected[k][index], self.tolerance) is None
            or not torch.allclose(answers[k][index], self.expected[k][index], rtol=self.tolerance)
            for index in self.found
        )

    def run(self) -> None:
        """Tries one change after the other, besides a factor and the gradient of another input."""
        self._factor_alone()
        self._swapped()
        self.run_singles()

    def run_forwards(self) -> None:
        """Tries other forwards."""
        if self.open():
            self._forward(time.thread_time() + FORWARD_SECONDS)

    def result(self) -> dict[int, list[Found]]:
        """What explains each answer, cheapest first."""
        return {index: sorted(found, key=lambda f: f.cost) for index, found in self.found.items()}

    def open(self) -> list[Answer]:
        """The answers that nothing explains yet."""
        return [answer for answer in self.answers if not self.found[answer.index]]

    def _factor_alone(self) -> None:
        for answer in self.answers:
            factor = self.factor(answer, [expected[answer.index] for expected in self.expected])
            if factor is not None:
                self.found[answer.index].append(Found((), factor, 1.0 + factor.cost))

    def _swapped(self) -> None:
        """The right gradient of another input in the place of this one."""
        for answer in self.answers:
            for other, index in enumerate(self.problem.wanted):
                step = self.problem.graph.inputs[index]
                if other == answer.index or step is None or self.found[answer.index]:
                    continue
                factor = self.factor(answer, [expected[other] for expected in self.expected])
                if factor is not None:
                    says = phrase(N_("it is the gradient of {name}"), name=step.name)
                    change = replay.ForwardChange(
                        ("swapped", other), lambda problem, at: None, says, 1.2, "", "swapped"
                    )
                    self.found[answer.index].append(Found((change,), factor, change.cost + factor.cost))

    def run_singles(self) -> None:
        """Tries one change after the other."""
        self.changes = all_changes(self.problem)
        for number, change in enumerate(self.changes):
            self.progress.tell(N_("looking for the mistake: one change, {percent} % tried"), number, len(self.changes))
            if all(_found_for_less(found, change) for found in self.found.values()):
                return
            placed = change.at(self.problem)
            try:
                shadows = {} if placed is None else self.screen.shadow(placed)
            except RuntimeError:  # the shapes do not allow this change here
                shadows = {}
            if not shadows:
                continue
            self.shadows[number] = shadows
            for answer in self.answers:
                moved = shadows[answer.index]
                if is_nothing(moved, answer.true) or not is_parallel(answer.true + moved, answer.shadow):
                    continue
                self.work_out(answer, (change,), change.cost)

    def work_out(self, answer: Answer, changes: tuple[Change, ...], cost: float) -> None:
        """Believes a candidate only where it gives the answer in every problem."""
        if self.worked[answer.index] >= NAMED_ENOUGH:
            return
        self.worked[answer.index] += 1
        predicted = []
        for problem in self.problems:
            placed: dict[Edge, list[Act]] = {}
            for change in changes:
                here = change.at(problem)
                if here is None:
                    return
                placed |= here
            try:
                predicted.append(problem.answers(placed)[answer.index])
            except RuntimeError:
                return
        factor = self.factor(answer, predicted)
        if factor is not None:
            self.found[answer.index].append(Found(changes, factor, cost + factor.cost))

    def factor(self, answer: Answer, predicted: Sequence[Tensor]) -> SizeFactor | None:
        """What the prediction is multiplied by to give the answer in every problem."""
        ratios, sizes, numbers = [], [], 0
        for problem, given, guess in zip(self.problems, answer.arrays, predicted, strict=True):
            value = _ratio(given, guess, self.tolerance)
            if value is None:
                return None
            numbers += given.numel()
            if value:
                ratios.append(value)
                sizes.append(problem.sizes)
        if not ratios or numbers <= 2:
            return None
        return fit(ratios, sizes)

    def _forward(self, deadline: float) -> None:
        answers = self.open()
        for change in replay.all_changes(self.problem):
            if time.thread_time() > deadline:
                return
            guess = change.answers(self.problem)
            if guess is None:
                continue
            for answer in answers:
                given = answer.arrays[self.screened]
                if _ratio(given, guess[answer.index], self.tolerance):
                    predicted = [change.answers(problem) for problem in self.problems]
                    if any(p is None for p in predicted):
                        continue
                    factor = self.factor(answer, [p[answer.index] for p in predicted if p is not None])
                    if factor is not None:
                        self.found[answer.index].append(Found((change,), factor, change.cost + factor.cost))


def _found_for_less(found: Sequence[Found], change: Change) -> bool:
    """Whether what is left to try costs clearly more than what was found."""
    return bool(found) and change.cost > min(f.cost for f in found) + AS_CHEAP


def _work(problem: Traced) -> int:
    total = sum(step.value.numel() for step in problem.graph.steps if isinstance(step.value, Tensor))
    return total if total <= LARGEST else -total


def _ratio(given: Tensor, guess: Tensor, tolerance: float) -> float | None:
    """Given ÷ guess; 0 where both are nothing; None where they are not parallel."""
    if given.shape != guess.shape or not bool(torch.isfinite(guess).all()) or not bool(torch.isfinite(given).all()):
        return None
    if given.numel() == 0:
        return 0.0
    norm = float((guess * guess).sum())
    if norm == 0.0:
        return 0.0 if not bool(given.any()) else None
    value = float((given * guess).sum()) / norm
    missed = float((given - value * guess).abs().max())
    return value if value and missed <= tolerance * float(given.abs().max()) else None

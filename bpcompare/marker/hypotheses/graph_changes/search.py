"""Finds the cheapest change, or pair of changes, whose gradient is what was answered in every problem."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bpcompare.marker.hypotheses.graph_changes import replay
from bpcompare.marker.hypotheses.graph_changes.change import Change
from bpcompare.marker.hypotheses.graph_changes.changes import all_changes
from bpcompare.marker.hypotheses.graph_changes.rules import local, sum_to
from bpcompare.marker.hypotheses.graph_changes.size_factor import SizeFactor, fit
from bpcompare.marker.hypotheses.graph_changes.trace import Step
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Act, Edge, Traced, tangents

Array = np.ndarray[Any, Any]
DIRECTIONS = 4
SCREEN = 1e-6  # relative; a candidate is worked out in full before it is believed
SEED = 20_240_229
LARGEST = 20_000  # numbers in the steps of the problem that candidates are screened on
PAIRS_SECONDS = 7.5  # of the processor
FORWARD_SECONDS = 2.0
AS_CHEAP = 0.35  # what costs this much more than an explanation is not an alternative to it
SECOND_ONLY = 2.0  # changes that cost as much are tried as the second of a pair only
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

    def tell(self, what: str, done: int, total: int) -> None:
        """Says that ``done`` of ``total`` have been tried, where it is time to."""
        if self.say is not None and time.monotonic() > self.next:
            self.next = time.monotonic() + 1
            self.say(f"looking for the mistake: {what}, {100 * done // max(total, 1)} % tried")


@dataclass(eq=False)
class Answer:
    """One answer in all problems, and its shadow on the directions of the screening problem."""

    index: int
    arrays: Sequence[Tensor]
    shadow: Array = field(default_factory=lambda: np.zeros(0))
    true: Array = field(default_factory=lambda: np.zeros(0))
    moved: dict[int, Any] = field(default_factory=dict)


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
        self.truth = [problem.answers({}) for problem in problems]
        self.screened = max(range(len(problems)), key=lambda k: (self._wrong_in(k, answers), _work(problems[k])))
        self.problem = problems[self.screened]
        self.answers = [self._answer(index, [given[index] for given in answers]) for index in wrong]
        self.changes: list[Change] = []
        self.shadows: dict[int, dict[int, Array]] = {}  # of each change, of each answer
        self.worked = dict.fromkeys(self.found, 0)

    def _answer(self, index: int, arrays: Sequence[Tensor]) -> Answer:
        answer = Answer(index, arrays)
        step = self.problem.graph.inputs[self.problem.wanted[index]]
        assert step is not None
        generator = torch.Generator().manual_seed(SEED + index)
        directions = [
            torch.randn(step.value.shape, generator=generator, dtype=torch.float64) for _ in range(DIRECTIONS)
        ]
        moved = tangents(self.problem, self.problem.wanted[index], directions)
        answer.moved = {
            index: torch.stack(parts).reshape(DIRECTIONS, -1) if isinstance(parts[0], Tensor) else parts
            for index, parts in moved.items()
        }
        answer.shadow = _project(directions, arrays[self.screened])
        answer.true = _project(directions, self.truth[self.screened][index])
        return answer

    def _wrong_in(self, k: int, answers: Sequence[Sequence[Tensor]]) -> int:
        """How many of the answers are wrong in the k-th problem."""
        return sum(
            _ratio(answers[k][index], self.truth[k][index], self.tolerance) is None
            or not torch.allclose(answers[k][index], self.truth[k][index], rtol=self.tolerance)
            for index in self.found
        )

    def run(self) -> None:
        """Tries one change after the other, besides a factor and the gradient of another input."""
        self._factor_alone()
        self._swapped()
        self.run_singles()

    def run_further(self) -> None:
        """Tries a factor on one path, and other forwards."""
        if self.open():
            self._shares()
        if self.open():
            self._forward(time.thread_time() + FORWARD_SECONDS)

    def run_pairs(self) -> None:
        """Tries two changes together, where one explains nothing."""
        if self.open():
            self._pairs(time.thread_time() + PAIRS_SECONDS)

    def result(self) -> dict[int, list[Found]]:
        """What explains each answer, cheapest first."""
        return {index: sorted(found, key=lambda f: f.cost) for index, found in self.found.items()}

    def open(self) -> list[Answer]:
        """The answers that nothing explains yet."""
        return [answer for answer in self.answers if not self.found[answer.index]]

    def _factor_alone(self) -> None:
        for answer in self.answers:
            factor = self.factor(answer, [truth[answer.index] for truth in self.truth])
            if factor is not None:
                self.found[answer.index].append(Found((), factor, 1.0 + factor.cost))

    def _swapped(self) -> None:
        """The right gradient of another input in the place of this one."""
        for answer in self.answers:
            for other, index in enumerate(self.problem.wanted):
                step = self.problem.graph.inputs[index]
                if other == answer.index or step is None or self.found[answer.index]:
                    continue
                factor = self.factor(answer, [truth[other] for truth in self.truth])
                if factor is not None:
                    says = f"it is the gradient of {step.name}"
                    change = replay.ForwardChange(
                        ("swapped", other), lambda problem, at: None, says, 1.2, "", "swapped"
                    )
                    self.found[answer.index].append(Found((change,), factor, change.cost + factor.cost))

    def run_singles(self) -> None:
        """Tries one change after the other."""
        self.changes = all_changes(self.problem)
        for number, change in enumerate(self.changes):
            self.progress.tell("one change", number, len(self.changes))
            if all(_found_for_less(found, change) for found in self.found.values()):
                return
            placed = change.at(self.problem)
            try:
                shadows = {} if placed is None else self._shadow(placed)
            except RuntimeError:  # the shapes do not allow this change here
                shadows = {}
            if not shadows:
                continue
            self.shadows[number] = shadows
            for answer in self.answers:
                moved = shadows[answer.index]
                if _nothing(moved, answer.true) or not is_parallel(answer.true + moved, answer.shadow):
                    continue
                self._work_out(answer, (change,), change.cost)

    def _shadow(self, placed: dict[Edge, list[Act]]) -> dict[int, Array]:
        """How far a change moves each answer along the directions."""
        if len(placed) > 1:
            return self._shadow_by_walk(placed)
        ((index, slot), acts), *_ = placed.items()
        step = self.problem.graph.steps[index]
        gradient = self.problem.gradients.get(index)
        return self._shadow_at(step, slot, gradient, acts[0])

    def _shadow_at(self, step: Step, slot: int, gradient: object, act: Act) -> dict[int, Array]:
        zero = {answer.index: np.zeros(DIRECTIONS) for answer in self.answers}
        if gradient is None:
            return zero
        at = local(step, max(slot, 0), gradient)
        target = step if slot == NODE else step.operands[slot]
        before = gradient if slot == NODE else self._usual(step, slot, gradient)
        after = act(self.problem, at)
        if not isinstance(before, Tensor) or (after is not None and not isinstance(after, Tensor)):
            return zero
        if after is not None and after.shape != before.shape:
            after = sum_to(after, before.shape)
        change = -before if after is None else after - before
        for answer in self.answers:
            if target.index in answer.moved:
                zero[answer.index] = _project(answer.moved[target.index], change)
        return zero

    def _usual(self, step: Step, slot: int, gradient: object) -> object:
        if gradient is not self.problem.gradients.get(step.index):
            return self.problem.edge(step, slot, gradient)
        key = ("edge", step.index, slot)
        if key not in self.problem.cache:
            self.problem.cache[key] = self.problem.edge(step, slot, gradient)
        return self.problem.cache[key]

    def carried(self, placed: dict[Edge, list[Act]], cut: frozenset[int]) -> dict[int, Any]:
        """How far a change moves the gradient of every step; what reaches one of ``cut`` goes no further."""
        problem, found = self.problem, dict[int, Any]()
        changed: dict[int, Any] = {}
        for index in range(max(index for index, _ in placed), -1, -1):
            step = problem.graph.steps[index]
            here = [slot for slot in range(NODE, len(step.operands)) if (index, slot) in placed]
            if index not in problem.relevant or not (index in changed or here):
                continue
            if index in changed:
                found[index] = changed[index]
            if index in cut:
                changed.pop(index, None)
            else:
                self._carry(step, here, placed, changed)
        return found

    def moved(self, answer: Answer, index: int, change: object) -> Array:
        """What a change of one step's gradient does to an answer."""
        return _project(answer.moved[index], change) if index in answer.moved else np.zeros(DIRECTIONS)

    def _shadow_by_walk(self, placed: dict[Edge, list[Act]]) -> dict[int, Array]:
        """The same for several places: what changes is carried from the first down to the last of them."""
        problem, changed = self.problem, dict[int, Any]()
        last = min(index for index, _ in placed)
        for index in range(max(index for index, _ in placed), last - 1, -1):
            step = problem.graph.steps[index]
            if index not in problem.relevant:
                continue
            here = [slot for slot in range(NODE, len(step.operands)) if (index, slot) in placed]
            if index in changed or here:
                self._carry(step, here, placed, changed)
        shadows = {answer.index: np.zeros(DIRECTIONS) for answer in self.answers}
        for index, change in changed.items():
            for answer in self.answers:
                if change is not None and index in answer.moved:
                    shadows[answer.index] += _project(answer.moved[index], change)
        return shadows

    def _carry(self, step: Step, here: list[int], placed: dict[Edge, list[Act]], changed: dict[int, Any]) -> None:
        """Passes the change of one step's gradient on to its operands, and adds those of the places in it."""
        before = self.problem.gradients.get(step.index)
        if before is None:
            return
        change = changed.pop(step.index, None)
        after = before if change is None else _plus(before, change)
        if NODE in here:
            after = placed[step.index, NODE][0](self.problem, local(step, 0, after))
            if step.op == "input" or not step.operands:
                changed[step.index] = -before if after is None else after - before
        for slot, operand in enumerate(step.operands):
            if operand.index not in self.problem.relevant:
                continue
            if slot in here or NODE in here:
                acts = placed.get((step.index, slot), ())
                reached = None if after is None else self.problem.edge(step, slot, after, acts)
                usual = self._usual(step, slot, before)
                passed = _minus(reached, usual)
            else:
                passed = None if change is None else self.problem.edge(step, slot, change)
            if passed is not None:
                known = changed.get(operand.index)
                changed[operand.index] = passed if known is None else _plus(known, passed)

    def _work_out(self, answer: Answer, changes: tuple[Change, ...], cost: float) -> None:
        """Believes a candidate only where it gives the answer in every problem."""
        if self.worked[answer.index] > NAMED_ENOUGH:
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

    def _shares(self) -> None:
        """A factor on one path alone: the answer is rest + λ · path, or f · (rest + λ · path)."""
        for change in [c for c in self.changes if c.kind == "path"]:
            for answer in self._open_or_shared():
                number = self.changes.index(change)
                moved = -self.shadows.get(number, {}).get(answer.index, np.zeros(DIRECTIONS))
                if _nothing(moved, answer.true):
                    continue
                design = np.stack([answer.true - moved, moved], 1)
                solved, *_ = np.linalg.lstsq(design, answer.shadow, rcond=None)
                if np.abs(design @ solved - answer.shadow).max() <= SCREEN * np.abs(answer.shadow).max():
                    self._share(answer, change)

    def _open_or_shared(self) -> list[Answer]:
        return [a for a in self.answers if all(f.share is not None for f in self.found[a.index])]

    def _share(self, answer: Answer, change: Change) -> None:
        rests, shares, sizes = [], [], []
        for problem, given, truth in zip(self.problems, answer.arrays, self.truth, strict=True):
            placed = change.at(problem)
            if placed is None:
                return
            rest = problem.answers(placed)[answer.index].reshape(-1)
            path = truth[answer.index].reshape(-1) - rest
            design = torch.stack([rest, path], 1).numpy()
            if given.numel() < 3 or np.linalg.matrix_rank(design, tol=1e-9 * np.abs(design).max()) < 2:
                continue
            solved, *_ = np.linalg.lstsq(design, given.reshape(-1).numpy(), rcond=None)
            missed = np.abs(design @ solved - given.reshape(-1).numpy()).max()
            if missed > 10 * self.tolerance * np.abs(design).max() or abs(solved[0]) < 1e-9:
                return
            rests.append(float(solved[0]))
            shares.append(float(solved[1] / solved[0]))
            sizes.append(problem.sizes)
        if len(rests) < 2:
            return
        factor, share = fit(rests, sizes), fit(shares, sizes)
        if factor is None or share is None or share == SizeFactor():
            return
        if (share.plain and factor.plain) or len(rests) > len(factor.powers) + len(share.powers) + 2:
            cost = change.cost + 0.6 + share.cost + factor.cost
            self.found[answer.index].append(Found((change,), factor, cost, share))

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

    def _pairs(self, deadline: float) -> None:
        """Two changes: the first one nearer to the output, the second where the first one's gradient passes."""
        single = [(n, c, placed) for n, c, placed in self._placed() if len(placed) == 1]
        table = {
            answer.index: np.stack([self.shadows[n][answer.index] for n, _, _ in single]) for answer in self.open()
        }
        for number, (_, first, placed) in enumerate(single):
            self.progress.tell("two changes", number, len(single))
            if first.cost >= SECOND_ONLY:
                continue
            if time.thread_time() > deadline:
                return
            ((index, slot), _), *_ = placed.items()
            walked = self.problem.walk(placed, keep=True)
            for answer in self.open():
                step = self.problem.graph.inputs[self.problem.wanted[answer.index]]
                assert step is not None
                got = walked.get(step.index)
                start = _project(answer.moved[step.index], got) if got is not None else np.zeros(DIRECTIONS)
                shadows = table[answer.index].copy()
                for row, (_, second, other) in enumerate(single):
                    shadows[row] = self._second(answer, walked, (index, slot), second, other, shadows[row])
                for row in _all_parallel(start + shadows, answer.shadow):
                    second = single[row][1]
                    self._work_out(answer, (first, second), first.cost + second.cost)

    def _second(
        self,
        answer: Answer,
        walked: dict[int, Any],
        above: Edge,
        second: Change,
        placed: dict[Edge, list[Act]],
        alone: Array,
    ) -> Array:
        """How far a second change moves the answer after a first one nearer to the output."""
        ((index, slot), acts), *_ = placed.items()
        if (index, slot) == above or (index > above[0] and second.cost < SECOND_ONLY):
            return np.full(DIRECTIONS, np.nan)  # not a pair, or met in the other order
        gradient = walked.get(index)
        if index > above[0] or _equal(gradient, self.problem.gradients.get(index)):
            return alone
        return self._shadow_at(self.problem.graph.steps[index], slot, gradient, acts[0])[answer.index]

    def _placed(self) -> Iterator[tuple[int, Change, dict[Edge, list[Act]]]]:
        for number, change in enumerate(self.changes):
            placed = change.at(self.problem)
            if placed is not None and number in self.shadows:
                yield number, change, placed


def _found_for_less(found: Sequence[Found], change: Change) -> bool:
    """Whether what is left to try costs clearly more than what was found."""
    return bool(found) and change.cost > min(f.cost for f in found) + AS_CHEAP


def _plus(a: Any, b: Any) -> Any:
    if isinstance(a, list):
        return [y if x is None else x if y is None else x + y for x, y in zip(a, b, strict=True)]
    return a + b


def _minus(a: Any, b: Any) -> Any:
    if isinstance(b, list):
        return _plus([None if y is None else -y for y in b], a if a is not None else [None] * len(b))
    return -b if a is None else a - b


def _equal(a: object, b: object) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)


def _work(problem: Traced) -> int:
    total = sum(step.value.numel() for step in problem.graph.steps if isinstance(step.value, Tensor))
    return total if total <= LARGEST else -total


def _project(directions: Any, value: Any) -> Array:
    """⟨direction, value⟩ for every direction; several parts of one result are added up."""
    if isinstance(value, list):
        parts = [_project([d[k] for d in directions], part) for k, part in enumerate(value) if part is not None]
        return sum(parts, np.zeros(DIRECTIONS))
    stacked = directions if isinstance(directions, Tensor) else torch.stack(list(directions)).reshape(DIRECTIONS, -1)
    return (stacked @ value.reshape(-1)).numpy()  # type: ignore[no-any-return]


def _nothing(moved: Array, true: Array) -> bool:
    return bool(np.abs(moved).max() <= 1e-10 * (np.abs(true).max() + 1e-300))


def is_parallel(guess: Array, answer: Array) -> bool:
    """Whether one is the other times a number."""
    return bool(_all_parallel(guess[None], answer))


def _all_parallel(guesses: Array, answer: Array) -> list[int]:
    """The rows that are the answer times one number."""
    with np.errstate(all="ignore"):
        norms = (guesses**2).sum(1)
        scale = guesses @ answer / norms
        missed = np.abs(answer - scale[:, None] * guesses).max(1)
        return list(np.flatnonzero((missed <= SCREEN * np.abs(answer).max()) & (norms > 0)))


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
    largest = max(float(given.abs().max()), abs(value) * float(guess.abs().max()))
    missed = float((given - value * guess).abs().max())
    return value if value and missed <= tolerance * largest else None

"""What speaks for a change of a derivation: the calls, each with its values, and how near a changed answer comes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import groupby
from typing import Any

import numpy as np

from bpcompare.marker.calls import Array, Call
from bpcompare.marker.explanation import expected_value, in_layout
from bpcompare.marker.factors import Factor, Pair, fit
from bpcompare.marker.hypotheses.derivation_changes.changes import Change
from bpcompare.marker.hypotheses.derivation_changes.program import Program, Step
from bpcompare.marker.hypotheses.derivation_changes.replay import apply
from bpcompare.marker.hypotheses.derivation_changes.stacks import FAILURES, stacked, through

SCREEN = 1e-8  # relative, in float64
SINGLE = 2e-3  # relative, in float32: a changed derivation may magnify its rounding
ROUNDING = 64.0  # times ε of the largest number met
NOTHING = 1e-12  # relative: what rounding leaves of a change that changes nothing
PAIR_COST = 0.5  # two changes are less likely than their costs say
SMALL = 1e-300
TELLING = 8  # more than a factor has numbers to choose
FEWEST = 4  # numbers

Explained = tuple[tuple[Change, ...], float, Factor]
Given = Mapping[int, Mapping[str, Array]]  # by the call's identity, the learner's own values by step


@dataclass(eq=False)
class Point:
    """One call with the values of its derivation."""

    call: Call
    values: dict[str, Any]
    answer: Array


@dataclass(eq=False)
class Evidence:
    """One answer in several calls, and the derivation that should have led to it.

    Attributes:
        program: The derivation.
        answer: The answer's name.
        calls: Those to explain.
        given: The learner's own values that the derivation goes on from.
        factors: Whether the changed derivation may be multiplied by a factor.
    """

    program: Program
    answer: str
    calls: Sequence[Call]
    given: Given = field(default_factory=dict)
    factors: bool = True

    def __post_init__(self) -> None:
        self.wanted = self.program.before(self.answer, self.given_names)
        with np.errstate(all="ignore"):
            self.points = [self._point(call) for call in self.calls]
        doubles = [p for p in self.points if p.call.problem.dtype == "float64"]
        self.doubles = sorted(doubles, key=lambda p: (not p.answer.any(), -p.answer.size))
        self.screen = self._same_sizes()
        self.in_float32 = [p for p in self.points if p.call.problem.dtype != "float64"]

    @property
    def given_names(self) -> frozenset[str]:
        """The values that are the learner's own."""
        return frozenset(name for values in self.given.values() for name in values)

    def _point(self, call: Call) -> Point:
        values = self.program.values(call.problem.inputs, self.given.get(id(call)))
        return Point(call, values, np.asarray(call.answers[self.answer], dtype=np.float64))

    def _same_sizes(self) -> list[Point]:
        """The largest problem and another of its sizes: one factor must do for both."""
        if not self.doubles:
            return []
        first = self.doubles[0].call.problem
        others = [p for p in self.doubles if p.call.problem is not first and p.call.problem.sizes == first.sizes]
        return [self.doubles[0], *others[:1]]

    @property
    def enough(self) -> bool:
        """Whether there are numbers enough to tell one change from another."""
        return len(self.doubles) > 1 and sum(point.answer.size for point in self.doubles) >= FEWEST

    @property
    def right(self) -> bool:
        """Whether the answer is right wherever rounding in float32 hides nothing."""
        return all(_right(point.call, self.answer) for point in self.doubles)

    def follows(self) -> bool:
        """Whether the answer is what the right derivation makes of the given values."""
        return bool(self.points) and all(self._follows(point) for point in self.points)

    def _follows(self, point: Point) -> bool:
        guess = np.asarray(point.values[self.program.answers[self.answer]])
        if guess.shape != point.answer.shape or not np.isfinite(point.answer).all():
            return False
        right = abs(expected_value(point.call, self.answer)).max(initial=0.0)
        larger = max(1.0, float(abs(guess).max(initial=0.0)) / (float(right) + SMALL))
        allowed = 4 * larger * np.broadcast_to(point.call.rounding(self.answer), guess.shape)
        return bool((abs(guess - point.answer) <= allowed).all())

    @cached_property
    def followers(self) -> dict[str, tuple[Step, ...]]:
        """The steps that follow from each value."""
        return {name: self.program.after(name, self.wanted) for name in self.wanted}

    @cached_property
    def telling(self) -> list[Point]:
        """A few calls, each of other sizes, that refute most of what one call alone does not."""
        by_sizes = {tuple(point.call.problem.sizes.items()): point for point in reversed(self.doubles)}
        return list(by_sizes.values())[-TELLING:]

    def guesses(
        self, changes: Sequence[Change], values: Mapping[str, Any], point: Point
    ) -> Iterator[tuple[list[int], Array]]:
        """The call's answers, each with one change: the places of the changes, and the answers as rows."""
        answer = self.program.answers[self.answer]
        by_step = sorted(range(len(changes)), key=lambda place: changes[place].step)
        for name, same in groupby(by_step, lambda place: changes[place].step):
            places = list(same)
            for chosen, stack in stacked([partial(changes[place].made, values) for place in places]):
                guesses = through(self.followers[name], values, {name: stack}, answer)
                rows = None if guesses is None else rows_of(guesses, point.answer)
                if rows is not None:
                    yield [places[k] for k in chosen], rows

    def guess(self, point: Point, changes: tuple[Change, ...]) -> Array | None:
        """The answer of one call with these changes; None where its shape does not fit."""
        try:
            guess = apply(self.program, self.wanted, point.values, changes, self.answer)
        except FAILURES:
            return None  # the shapes do not allow this change here
        return _laid(guess, point.answer)

    def passing(self, guesses: Array) -> list[int]:
        """Which rows are the first call's answer to a factor, and nearer to it than the unchanged derivation is."""
        point = self.doubles[0]
        answer = point.answer.ravel()
        if not answer.size:
            return []
        rows = np.arange(len(guesses))
        places = abs(guesses).argmax(1)
        factors = answer[places] / guesses[rows, places] if self.factors else np.ones(len(guesses))
        missed = abs(factors[:, None] * guesses - answer).max(1)
        near = (missed <= self._allowed(point)) & (factors != 0)  # what is not finite compares as false
        return [int(row) for row in rows[near]]

    def passes_elsewhere(self, changes: tuple[Change, ...]) -> bool:
        """Whether the factor of the first call does for the other one that is tried first."""
        guesses = [self.guess(point, changes) for point in self.screen]
        first = guesses[0]
        if first is None or not first.any():
            return False
        place = int(abs(first).argmax())
        factor = self.screen[0].answer.flat[place] / first.flat[place] if self.factors else 1.0
        return all(
            guess is not None and abs(point.answer - factor * guess).max() <= self._allowed(point)
            for point, guess in zip(self.screen, guesses, strict=True)
        )

    def _allowed(self, point: Point) -> float:
        """How far a guess may be off: nearer than half of what the unchanged derivation is, or nothing has changed."""
        size = float(abs(point.answer).max())
        unchanged = np.asarray(point.values[self.program.answers[self.answer]])
        if unchanged.shape != point.answer.shape:
            return SCREEN * size
        apart = float(abs(point.answer - unchanged).max())
        return min(SCREEN * size, max(0.5 * apart, NOTHING * size))

    def explained(self, changes: tuple[Change, ...], plain: bool = False) -> Explained | None:
        """The changes with their cost and factor, if they give every call's answer; ``plain``: without a factor."""
        factor = self.fitted(self.telling, changes) and self.fitted(self.doubles, changes)
        if factor is None or ((plain or not self.factors) and factor != Factor()):
            return None
        for point in self.in_float32:
            guess = self.guess(point, changes)
            if guess is None:
                return None
            predicted = factor.at(point.call.problem.sizes_and_neighbours) * guess
            if not abs(predicted - point.answer).max() <= SINGLE * abs(predicted).max() + SMALL:
                return None
        cost = sum(change.cost for change in changes) + (len(changes) - 1) * PAIR_COST + factor.cost
        return changes, cost, factor

    def fitted(self, points: Sequence[Point], changes: tuple[Change, ...]) -> Factor | None:
        """The factor between the answers and what the changes make of these calls."""
        pairs = []
        for point in points:
            guess = self.guess(point, changes)
            if guess is None:
                return None
            pairs.append(self._pair(point, guess))
        return fit(pairs)

    def _pair(self, point: Point, guess: Array) -> Pair:
        call = point.call
        terms = call.problem.terms[self.answer]
        largest = max(float(abs(guess).max(initial=0.0)), float(np.max(terms, initial=0.0)))
        rounding = in_layout(call.rounding(self.answer), guess) + ROUNDING * np.finfo(np.float64).eps * largest
        return Pair(point.answer, guess, rounding, call.problem.sizes_and_neighbours)


def _right(call: Call, answer: str) -> bool:
    laid = _laid(expected_value(call, answer), call.answers[answer])
    return laid is not None and bool((abs(laid - call.answers[answer]) <= in_layout(call.rounding(answer), laid)).all())


def _laid(guess: Array, answer: Array) -> Array | None:
    """The guess in the answer's layout, where the two differ only by dimensions of size 1."""
    if guess.shape == answer.shape:
        return guess
    if guess.size == answer.size and guess.squeeze().shape == answer.squeeze().shape:
        return guess.reshape(answer.shape)
    if guess.ndim == 0 and answer.ndim:
        return np.broadcast_to(guess, answer.shape)
    return None


def rows_of(guesses: Array, answer: Array) -> Array | None:
    """Each guess of a stack as a row of the answer's length; see `_laid`."""
    if _laid(guesses[0], answer) is None:
        return None
    return np.broadcast_to(guesses.reshape(len(guesses), -1), (len(guesses), answer.size))

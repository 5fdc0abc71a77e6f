"""Finds the cheapest change of a derivation, or pair of changes, that gives the answer in every call."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from bpcompare.language import N_, _
from bpcompare.marker.calls import Array, Call
from bpcompare.marker.explanation import Explanation, all_sizes, expected_value, in_layout
from bpcompare.marker.factors import Factor, Pair, fit
from bpcompare.marker.hypotheses.derivation_changes.changes import Change, additions, all_changes, apply, replay
from bpcompare.marker.hypotheses.derivation_changes.program import Program, Step, written
from bpcompare.marker.mistakes import Mistake
from bpcompare.marker.phrases import Phrase, phrase, said

SCREEN = 1e-8  # relative, in float64
SINGLE = 2e-3  # relative, in float32: a changed derivation may magnify its rounding
ROUNDING = 64.0  # times ε of the largest number met
PAIR_SECONDS = 2.5  # of processor time, for one answer
SINGLE_SECONDS = 5.0
NOTHING = 1e-12  # relative: what rounding leaves of a change that changes nothing
PAIR_COST = 0.5  # two changes are less likely than their costs say
SAME_COST = 0.05  # of two explanations: neither is cheaper
SMALL = 1e-300
NEWTON = 8  # steps
NUDGE = 1e-4
LEAST = 1e-9  # a number that is added
MOST_MET = 40
FAILURES = (ArithmeticError, ValueError, IndexError, np.exceptions.AxisError, np.linalg.LinAlgError)

Explained = tuple[tuple[Change, ...], float, Factor]
Given = Mapping[int, Mapping[str, Array]]  # by the call's identity, the learner's own values by step


@dataclass(eq=False)
class _Point:
    """One call with the values of its derivation."""

    call: Call
    values: dict[str, Any]
    answer: Array


@dataclass(eq=False)
class Search:
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
        names = frozenset(name for values in self.given.values() for name in values)
        self.wanted = self.program.before(self.answer, names)
        with np.errstate(all="ignore"):
            self.points = [self._point(call) for call in self.calls]
        doubles = [p for p in self.points if p.call.problem.dtype == "float64"]
        self.doubles = sorted(doubles, key=lambda p: (not p.answer.any(), -p.answer.size))
        self.screen = self._same_sizes()
        self.singles = [p for p in self.points if p.call.problem.dtype != "float64"]

    def _point(self, call: Call) -> _Point:
        values = self.program.values(call.problem.inputs, self.given.get(id(call)))
        return _Point(call, values, np.asarray(call.answers[self.answer], dtype=np.float64))

    def _same_sizes(self) -> list[_Point]:
        """The largest problem and another of its sizes: one factor must do for both."""
        if not self.doubles:
            return []
        first = self.doubles[0].call.problem
        others = [p for p in self.doubles if p.call.problem is not first and p.call.problem.sizes == first.sizes]
        return [self.doubles[0], *others[:1]]

    def follows(self) -> bool:
        """Whether the answer is what the right derivation makes of the given values."""
        return bool(self.points) and all(self._follows(point) for point in self.points)

    def _follows(self, point: _Point) -> bool:
        guess = np.asarray(point.values[self.program.answers[self.answer]])
        if guess.shape != point.answer.shape or not np.isfinite(point.answer).all():
            return False
        right = abs(expected_value(point.call, self.answer)).max(initial=0.0)
        larger = max(1.0, float(abs(guess).max(initial=0.0)) / (float(right) + SMALL))
        allowed = 4 * larger * np.broadcast_to(point.call.rounding(self.answer), guess.shape)
        return bool((abs(guess - point.answer) <= allowed).all())

    def run(self, pairs: bool = True, first: Sequence[tuple[Change, ...]] = ()) -> tuple[Explanation, list[Any]] | None:
        """The cheapest explanation with its changes, or None."""
        if len(self.doubles) < 2 or sum(p.answer.size for p in self.doubles) < 4:
            return None
        if all(_right(p.call, self.answer) for p in self.doubles):
            return None
        with np.errstate(all="ignore"):
            for changes in first:
                found = self._explained(changes)
                if found is not None:
                    return _explanation([found]), list(changes)
            every = all_changes(self.program, self.wanted, self.doubles[0].values)
            names = {name for values in self.given.values() for name in values}
            self.changes = [change for change in every if change.step not in names]
            singles = self._singles()
            if not singles:
                singles = self._added()
            if not singles and pairs:
                singles = self._last_step() or self._pairs()
        if not singles:
            return None
        order = {name: place for place, name in enumerate(self.program.users)}
        ranked = sorted(singles, key=lambda one: (round(one[1], 2), -min(order[change.step] for change in one[0])))
        return _explanation(ranked), list(ranked[0][0])

    def tried(self, several: Sequence[tuple[Change, ...]]) -> Explanation | None:
        """The first of these changes that explains the answer."""
        with np.errstate(all="ignore"):
            found = next((one for changes in several if (one := self._explained(changes)) is not None), None)
        return None if found is None else _explanation([found])

    def _singles(self) -> list[Explained]:
        found = []
        self.told: list[Change] = []
        seen: set[bytes] = set()
        deadline = time.process_time() + SINGLE_SECONDS
        for change in self.changes:
            if time.process_time() > deadline:
                break
            guess = self._guess(self.doubles[0], (change,))
            if guess is None:
                continue
            mark = np.round(guess / (abs(guess).max(initial=0.0) + SMALL), 9).tobytes()
            if mark not in seen:  # changes that give the same are tried once in pairs
                seen.add(mark)
                self.told.append(change)
            if self._screened((change,), guess):
                explained = self._explained((change,))
                if explained is not None:
                    found.append(explained)
        return found

    def _added(self) -> list[Explained]:
        """One unknown number times another value is added to a value: the same number in every call."""
        found = []
        for change_of, __ in additions(self.program, self.wanted, self.doubles[0].values):
            number = self._solved(change_of)
            if number is not None:
                explained = self._explained((change_of(number),), plain=True)
                if explained is not None:
                    found.append(explained)
        return found

    def _solved(self, change_of: Callable[[float], Change]) -> float | None:
        """The number for which the change gives the answer in the first call, by Newton's method."""
        point = self.screen[0]
        number = 0.01
        for __ in range(NEWTON):
            here = self._guess(point, (change_of(number),))
            ahead = self._guess(point, (change_of(number + NUDGE),))
            if here is None or ahead is None:
                return None
            slope = (ahead - here) / NUDGE
            norm = float((slope * slope).sum())
            if not norm or not np.isfinite(norm):
                return None
            move = float(((point.answer - here) * slope).sum()) / norm
            number += move
            if abs(move) <= 1e-12 * abs(number):
                break
        here = self._guess(point, (change_of(number),))
        size = abs(point.answer).max(initial=0.0)
        fits = here is not None and abs(here - point.answer).max(initial=0.0) <= 1e-7 * size
        return _short(number) if fits and LEAST < abs(number) < 1e6 else None

    def _last_step(self) -> list[Explained]:
        """Two changes that meet in the last step only, each of one operand: all of them at once."""
        step = next(s for s in self.program.steps if s.name == self.program.answers[self.answer])
        if step.operation not in ("matmul", "multiply") or len(set(step.operands)) < 2:
            return []
        point = self.screen[0]
        sides: tuple[list[Array], list[Array]] = ([], [])
        changes: tuple[list[Change], list[Change]] = ([], [])
        usual = [np.asarray(point.values[name]) for name in step.operands]
        for change in self.told:
            place, value = self._operand(step, change)
            if value is not None and value.shape == usual[place].shape and np.isfinite(value).all():
                sides[place].append(value)
                changes[place].append(change)
        return self._met(step, sides, changes) if all(sides) else []

    def _operand(self, step: Step, change: Change) -> tuple[int, Array | None]:
        """Which operand of the last step a change moves, and what it becomes; none where it moves both."""
        point = self.screen[0]
        try:
            if change.step == step.name:
                place, transform = change.operand or (0, None)
                return place, transform and np.asarray(transform(point.values[step.operands[place]]))
            values = replay(self.program, self.wanted, point.values, (change,))
        except FAILURES:
            return 0, None
        moved = [k for k, name in enumerate(step.operands) if values[name] is not point.values[name]]
        return (moved[0], np.asarray(values[step.operands[moved[0]]])) if len(moved) == 1 else (0, None)

    def _met(
        self, step: Step, sides: tuple[list[Array], list[Array]], changes: tuple[list[Change], list[Change]]
    ) -> list[Explained]:
        answer = self.screen[0].answer.ravel()
        if step.operation == "matmul" and sides[1][0].ndim == 1:
            guesses = np.einsum("aij,bj->abi", np.stack(sides[0]), np.stack(sides[1]))
        elif step.operation == "matmul":
            guesses = np.einsum("aij,bjk->abik", np.stack(sides[0]), np.stack(sides[1]), optimize=True)
        else:
            guesses = np.stack(sides[0])[:, None] * np.stack(sides[1])[None]
        flat = guesses.reshape(*guesses.shape[:2], -1)
        if flat.shape[-1] != answer.size or answer.size < 2:
            return []
        norms = (flat * flat).sum(-1)
        factor = np.divide(flat @ answer, norms, out=np.zeros_like(norms), where=norms > 0)
        missed = abs(factor[..., None] * flat - answer).max(-1)
        found = []
        for one, other in np.argwhere((missed <= SCREEN * abs(answer).max()) & (factor != 0))[:MOST_MET]:
            explained = self._explained((changes[0][one], changes[1][other]))
            if explained is not None:
                found.append(explained)
        return found

    def _pairs(self) -> list[Explained]:
        deadline = time.process_time() + PAIR_SECONDS
        order = {
            name: k for k, name in enumerate([*self.program.inputs.values(), *(s.name for s in self.program.steps)])
        }
        found: list[Explained] = []
        for one, other in _by_cost(self.told):
            if found and one.cost + other.cost > found[0][1]:
                break
            if time.process_time() > deadline:
                break
            if one.step == other.step:
                continue
            changes = (one, other) if order[one.step] <= order[other.step] else (other, one)
            guess = self._guess(self.doubles[0], changes)
            if guess is not None and self._screened(changes, guess):
                explained = self._explained(changes)
                if explained is not None:
                    found.append(explained)
        return found

    def _guess(self, point: _Point, changes: tuple[Change, ...]) -> Array | None:
        try:
            guess = apply(self.program, self.wanted, point.values, changes, self.answer)
        except FAILURES:
            return None  # the shapes do not allow this change here
        return _laid(guess, point.answer)

    def _screened(self, changes: tuple[Change, ...], guess: Array) -> bool:
        """Whether one factor makes the guesses the answers, in the two calls that are tried first."""
        place = int(abs(guess).argmax()) if guess.size else 0
        largest = guess.flat[place] if guess.size else 0.0
        if not largest or not np.isfinite(largest):
            return False
        factor = self.screen[0].answer.flat[place] / largest if self.factors else 1.0
        if not factor or not self._near(factor * guess, self.screen[0]):
            return False
        for point in self.screen[1:]:
            other = self._guess(point, changes)
            if other is None or not self._near(factor * other, point):
                return False
        return True

    def _near(self, guess: Array, point: _Point) -> bool:
        """Whether the guess is the answer, and nearer to it than the unchanged derivation is: else nothing changed."""
        missed, size = abs(point.answer - guess).max(), abs(point.answer).max()
        if missed > SCREEN * size:
            return False
        unchanged = np.asarray(point.values[self.program.answers[self.answer]])
        if unchanged.shape != point.answer.shape:
            return True
        return bool(missed <= max(0.5 * abs(point.answer - unchanged).max(), NOTHING * size))

    def _explained(self, changes: tuple[Change, ...], plain: bool = False) -> Explained | None:
        pairs = []
        for point in self.doubles:
            guess = self._guess(point, changes)
            if guess is None:
                return None
            pairs.append(self._pair(point, guess))
        factor = fit(pairs)
        if factor is None or ((plain or not self.factors) and factor != Factor()):
            return None
        for point in self.singles:
            guess = self._guess(point, changes)
            if guess is None:
                return None
            predicted = factor.at(all_sizes(point.call)) * guess
            if not abs(predicted - point.answer).max() <= SINGLE * abs(predicted).max() + SMALL:
                return None
        cost = sum(change.cost for change in changes) + (len(changes) - 1) * PAIR_COST + factor.cost
        return changes, cost, factor

    def _pair(self, point: _Point, guess: Array) -> Pair:
        call = point.call
        terms = call.problem.terms[self.answer]
        largest = max(float(abs(guess).max(initial=0.0)), float(np.max(terms, initial=0.0)))
        rounding = in_layout(call.rounding(self.answer), guess) + ROUNDING * np.finfo(np.float64).eps * largest
        return Pair(point.answer, guess, rounding, all_sizes(call))


def _right(call: Call, answer: str) -> bool:
    laid = _laid(expected_value(call, answer), call.answers[answer])
    return laid is not None and bool((abs(laid - call.answers[answer]) <= in_layout(call.rounding(answer), laid)).all())


def _short(number: float) -> float:
    """A number that somebody typed, where it is one."""
    typed = float(f"{number:.6g}")
    return typed if abs(typed - number) <= 1e-8 * abs(number) else number


def _laid(guess: Array, answer: Array) -> Array | None:
    """The guess in the answer's layout, where the two differ only by dimensions of size 1."""
    if guess.shape == answer.shape:
        return guess
    if guess.size == answer.size and guess.squeeze().shape == answer.squeeze().shape:
        return guess.reshape(answer.shape)
    if guess.ndim == 0 and answer.ndim:
        return np.broadcast_to(guess, answer.shape)
    return None


def _by_cost(changes: Sequence[Change]) -> Iterator[tuple[Change, Change]]:
    """Pairs, the sum of their costs rising roughly: the cheap with the cheap first."""
    for total in range(1, 2 * len(changes) - 2):
        for first in range(max(0, total - len(changes) + 1), (total + 1) // 2):
            yield changes[first], changes[total - first]


def _explanation(found: Sequence[Explained]) -> Explanation:
    changes, cost, factor = found[0]
    ties = [other for other in found[1:] if other[1] - cost < SAME_COST and _says(other[0]) != _says(changes)]
    return Explanation(
        tuple(change.kind for change in changes),
        cost,
        factor if factor != Factor() else None,
        told=tuple(Mistake(str(change.says), change.line, _hint(change)) for change in changes),
        others=tuple(map(str, tuple(dict.fromkeys(_says(other[0]) for other in ties))[:2])),
    )


def _says(changes: Sequence[Change]) -> Phrase:
    first, *more = (change.says for change in changes)
    return reduce(lambda one, other: phrase(N_("{one}; and {other}"), one=one, other=other), more, first)


def _hint(change: Change) -> str:
    return _(
        "Look at {value} once more: which values make it, and what is done with them?", value=said(written(change.step))
    )

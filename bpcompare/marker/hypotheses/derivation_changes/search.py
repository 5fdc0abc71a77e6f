"""Finds the cheapest change of a derivation, or pair of changes, that gives the answer in every call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from itertools import groupby
from typing import Any

import numpy as np

from bpcompare.language import N_, _
from bpcompare.marker.calls import Array, Call
from bpcompare.marker.explanation import Explanation, all_sizes, expected_value, in_layout
from bpcompare.marker.factors import Factor, Pair, fit
from bpcompare.marker.hypotheses.derivation_changes.changes import Change, additions, all_changes, apply, replay
from bpcompare.marker.hypotheses.derivation_changes.program import Program, Step, written
from bpcompare.marker.hypotheses.derivation_changes.stacks import FAILURES, stacked, through
from bpcompare.marker.mistakes import Mistake
from bpcompare.marker.phrases import Phrase, phrase, said

SCREEN = 1e-8  # relative, in float64
SINGLE = 2e-3  # relative, in float32: a changed derivation may magnify its rounding
ROUNDING = 64.0  # times ε of the largest number met
MOST_PAIRS = 25_000  # of one answer, the likeliest first
PARALLEL = 1e-6  # relative: a first look
NOTHING = 1e-12  # relative: what rounding leaves of a change that changes nothing
PAIR_COST = 0.5  # two changes are less likely than their costs say
SAME_COST = 0.05  # of two explanations: neither is cheaper
SMALL = 1e-300
TELLING = 8  # more than a factor has numbers to choose
NEWTON = 8  # steps
NUDGE = 1e-4
LEAST = 1e-9  # a number that is added
MOST_MET = 40

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
            singles = self._singles
            if not singles and pairs:
                singles = self._last_step() or self._pairs()
        if not singles:
            return None
        order = self.program.order
        ranked = sorted(singles, key=lambda one: (round(one[1], 2), -min(order[change.step] for change in one[0])))
        return _explanation(ranked), list(ranked[0][0])

    def tried(self, several: Sequence[tuple[Change, ...]]) -> Explanation | None:
        """The first of these changes that explains the answer."""
        with np.errstate(all="ignore"):
            found = next((one for changes in several if (one := self._explained(changes)) is not None), None)
        return None if found is None else _explanation([found])

    @cached_property
    def _changes(self) -> tuple[Change, ...]:
        given = frozenset(name for values in self.given.values() for name in values)
        return all_changes(self.program, self.wanted, self.doubles[0].values, given)

    @cached_property
    def _followers(self) -> dict[str, tuple[Step, ...]]:
        """The steps that follow from each value."""
        return {name: self.program.after(name, self.wanted) for name in self.wanted}

    @cached_property
    def _singles(self) -> list[Explained]:
        """One change alone."""
        found = [one for change in self._alone[1] if (one := self._explained((change,))) is not None]
        return found or self._added()

    @cached_property
    def _alone(self) -> tuple[list[Change], list[Change]]:
        """Of changes that give the same, the cheapest; and those that pass the screen."""
        marks: dict[int, bytes] = {}
        passed: list[int] = []
        for places, guesses in self._guesses(self._changes, self.doubles[0].values, self.doubles[0]):
            rounded = np.round(guesses / (abs(guesses).max(1, initial=0.0)[:, None] + SMALL), 9)
            marks |= {place: row.tobytes() for place, row in zip(places, rounded, strict=True)}
            passed += [places[k] for k in self._passing(guesses)]
        cheapest: dict[bytes, int] = {}
        for place in sorted(marks):
            cheapest.setdefault(marks[place], place)
        told_apart = [self._changes[place] for place in cheapest.values()]
        return told_apart, self._in_proportion([self._changes[place] for place in sorted(passed)])

    def _in_proportion(self, changes: Sequence[Change]) -> list[Change]:
        """Those of the changes for which one factor explains a few telling calls; equal proportions are asked once."""
        proportions = np.full((len(changes), len(self._telling)), np.nan)
        for k, point in enumerate(self._telling):
            answer = point.answer.ravel()
            for places, guesses in self._guesses(changes, point.values, point):
                norms = (guesses * guesses).sum(1)
                found = np.divide(guesses @ answer, norms, out=np.zeros_like(norms), where=norms > 0)
                apart = abs(found[:, None] * guesses - answer).max(1, initial=0.0)
                proportions[places, k] = np.where(apart <= PARALLEL * abs(answer).max(initial=0.0), found, np.nan)
        whole = ~np.isnan(proportions).any(1)
        rounded = np.round(np.log(abs(proportions) + SMALL), 7) + 0.0
        fits: dict[bytes, bool] = {}
        kept = []
        for place in map(int, np.flatnonzero(whole)):
            mark = rounded[place].tobytes() + np.sign(proportions[place]).tobytes()
            if mark not in fits:
                fits[mark] = self._fitted(self._telling, (changes[place],)) is not None
            if fits[mark] and self._passes_elsewhere((changes[place],)):
                kept.append(changes[place])
        return kept

    def _guesses(
        self, changes: Sequence[Change], values: Mapping[str, Any], point: _Point
    ) -> Iterator[tuple[list[int], Array]]:
        """The call's answers, each with one change: the places of the changes, and the answers as rows."""
        answer = self.program.answers[self.answer]
        by_step = sorted(range(len(changes)), key=lambda place: changes[place].step)
        for name, same in groupby(by_step, lambda place: changes[place].step):
            places = list(same)
            for chosen, stack in stacked([partial(changes[place].make, values) for place in places]):
                guesses = through(self._followers[name], values, {name: stack}, answer)
                rows = None if guesses is None else _rows(guesses, point.answer)
                if rows is not None:
                    yield [places[k] for k in chosen], rows

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
        for change in self._alone[0]:
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
            one, other = np.stack(sides[0]), np.stack(sides[1])
            rank = max(one.ndim, other.ndim)
            one = one.reshape(len(one), 1, *[1] * (rank - one.ndim), *one.shape[1:])
            guesses = one * other.reshape(1, len(other), *[1] * (rank - other.ndim), *other.shape[1:])
        flat = guesses.reshape(*guesses.shape[:2], -1)
        if flat.shape[-1] != answer.size or answer.size < 2:
            return []
        norms = (flat * flat).sum(-1)
        factor = np.divide(flat @ answer, norms, out=np.zeros_like(norms), where=norms > 0)
        missed = abs(factor[..., None] * flat - answer).max(-1)
        found = []
        for first, second in np.argwhere((missed <= SCREEN * abs(answer).max()) & (factor != 0))[:MOST_MET]:
            explained = self._explained((changes[0][first], changes[1][second]))
            if explained is not None:
                found.append(explained)
        return found

    def _pairs(self) -> list[Explained]:
        """Two changes, those first that cost little: for each step, its changes after every earlier one at once."""
        order, usual = self.program.order, self.doubles[0].values
        alone = self._alone[0]
        reach = int(2 * MOST_PAIRS**0.5)  # of the sum of two places in the order of cost
        later: dict[str, list[tuple[int, int]]] = {name: [] for name in self.wanted}
        changed: dict[int, dict[str, Any]] = {}
        for place, early in enumerate(alone[:reach]):
            try:
                changed[place] = replay(self.program, self.wanted, usual, (early,))
            except FAILURES:
                continue
            for next_place, late in enumerate(alone[: reach - place]):
                if order[late.step] > order[early.step]:
                    later[late.step].append((place, next_place))
        passed: list[tuple[int, str, int, int]] = []
        for name, pairs in later.items():
            passed += [(place, name, kind, k) for place, kind, k in self._passing_pairs(name, pairs, changed)]
        found = [self._explained((alone[early], alone[late])) for early, __, ___, late in sorted(passed)]
        return [one for one in found if one is not None]

    def _passing_pairs(
        self, name: str, pairs: Sequence[tuple[int, int]], changed: Mapping[int, Mapping[str, Any]]
    ) -> Iterator[tuple[int, int, int]]:
        """Which pairs, whose later change is that of ``name``, give the first calls' answers.

        Yields:
            The place of the earlier change, that of the first later one which gives this shape, and that of this one.
        """
        alone, point = self._alone[0], self.doubles[0]
        followers, answer = self._followers[name], self.program.answers[self.answer]
        into = {operand for step in followers for operand in step.operands} - {name, *(s.name for s in followers)}
        kinds: dict[tuple[int, tuple[int, ...]], int] = {}
        makers = [partial(alone[late].make, changed[early]) for early, late in pairs]
        for chosen, stack in stacked(makers, [[changed[early][n] for n in into] for early, __ in pairs]):
            early = [pairs[k][0] for k in chosen]
            stacks = {name: stack} | {
                operand: np.stack([changed[place][operand] for place in early])
                for operand in into
                if any(changed[place][operand] is not point.values[operand] for place in early)
            }
            for place, late in (pairs[k] for k in chosen):
                kinds.setdefault((place, stack.shape[1:]), late)
            guesses = through(followers, point.values, stacks, answer)
            rows = None if guesses is None else _rows(guesses, point.answer)
            for k in [] if rows is None else self._passing(rows):
                place, late = pairs[chosen[k]]
                if self._passes_elsewhere((alone[place], alone[late])):
                    yield place, kinds[place, stack.shape[1:]], late

    def _guess(self, point: _Point, changes: tuple[Change, ...]) -> Array | None:
        try:
            guess = apply(self.program, self.wanted, point.values, changes, self.answer)
        except FAILURES:
            return None  # the shapes do not allow this change here
        return _laid(guess, point.answer)

    def _passing(self, guesses: Array) -> list[int]:
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

    def _passes_elsewhere(self, changes: tuple[Change, ...]) -> bool:
        """Whether the factor of the first call does for the other one that is tried first."""
        guesses = [self._guess(point, changes) for point in self.screen]
        first = guesses[0]
        if first is None or not first.any():
            return False
        place = int(abs(first).argmax())
        factor = self.screen[0].answer.flat[place] / first.flat[place] if self.factors else 1.0
        return all(
            guess is not None and abs(point.answer - factor * guess).max() <= self._allowed(point)
            for point, guess in zip(self.screen, guesses, strict=True)
        )

    def _allowed(self, point: _Point) -> float:
        """How far a guess may be off: nearer than half of what the unchanged derivation is, or nothing has changed."""
        size = float(abs(point.answer).max())
        unchanged = np.asarray(point.values[self.program.answers[self.answer]])
        if unchanged.shape != point.answer.shape:
            return SCREEN * size
        apart = float(abs(point.answer - unchanged).max())
        return min(SCREEN * size, max(0.5 * apart, NOTHING * size))

    def _explained(self, changes: tuple[Change, ...], plain: bool = False) -> Explained | None:
        factor = self._fitted(self._telling, changes) and self._fitted(self.doubles, changes)
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

    @cached_property
    def _telling(self) -> list[_Point]:
        """A few calls, each of other sizes, that refute most of what one call alone does not."""
        by_sizes = {tuple(point.call.problem.sizes.items()): point for point in reversed(self.doubles)}
        return list(by_sizes.values())[-TELLING:]

    def _fitted(self, points: Sequence[_Point], changes: tuple[Change, ...]) -> Factor | None:
        """The factor between the answers and what the changes make of these calls."""
        pairs = []
        for point in points:
            guess = self._guess(point, changes)
            if guess is None:
                return None
            pairs.append(self._pair(point, guess))
        return fit(pairs)

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


def _rows(guesses: Array, answer: Array) -> Array | None:
    """Each guess of a stack as a row of the answer's length; see `_laid`."""
    if _laid(guesses[0], answer) is None:
        return None
    return np.broadcast_to(guesses.reshape(len(guesses), -1), (len(guesses), answer.size))


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

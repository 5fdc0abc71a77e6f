"""Finds the cheapest change of a derivation, or pair of changes, that gives the answer in every call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from typing import Any, NamedTuple, TypeVar

import numpy as np

from bpcompare.language import N_, _
from bpcompare.marker.calls import Array
from bpcompare.marker.explanation import Explanation
from bpcompare.marker.factors import Factor, may_be_of_sizes
from bpcompare.marker.hypotheses.derivation_changes import added_numbers, last_step
from bpcompare.marker.hypotheses.derivation_changes.changes import Change, all_changes
from bpcompare.marker.hypotheses.derivation_changes.evidence import SMALL, Evidence, Explained, rows_of
from bpcompare.marker.hypotheses.derivation_changes.program import written
from bpcompare.marker.hypotheses.derivation_changes.replay import replay
from bpcompare.marker.hypotheses.derivation_changes.stacks import FAILURES, stacked, through
from bpcompare.marker.memo import Memo
from bpcompare.marker.mistakes import Mistake
from bpcompare.marker.phrases import Phrase, phrase, said

MOST_PAIRS = 25_000  # of one answer, the likeliest first
PARALLEL = 1e-6  # relative: a first look
SAME_COST = 0.05  # of two explanations: neither is cheaper
Value = TypeVar("Value")


class _Pairs(NamedTuple):
    """Pairs of changes that give values of one shape: the places of both among the changes, and what each pair gives.

    Attributes:
        name: The value that the later change concerns.
        kind: By the place of the earlier change, that of the first later one which gives this shape.
        pairs: The places.
        rows: The answers of the first call.
    """

    name: str
    kind: dict[int, int]
    pairs: list[tuple[int, int]]
    rows: Array


@dataclass(eq=False)
class Search:
    """Which changes of a derivation explain an answer: one alone, one with a number to solve for, or two.

    Attributes:
        evidence: The calls to explain.
        memo: What other searches have worked out of the same problem.
    """

    evidence: Evidence
    memo: Memo = field(default_factory=Memo)

    def run(self, pairs: bool = True, first: Sequence[tuple[Change, ...]] = ()) -> tuple[Explanation, list[Any]] | None:
        """The cheapest explanation with its changes, or None."""
        if not self.evidence.enough or self.evidence.right:
            return None
        with np.errstate(all="ignore"):
            for changes in first:
                first_found = self.evidence.explained(changes)
                if first_found is not None:
                    return _explanation([first_found]), list(changes)
            found = self._by_one_change
            if not found and pairs:
                found = self._in_the_last_step() or self._by_two_changes()
        if not found:
            return None
        order = self.evidence.program.order
        ranked = sorted(found, key=lambda one: (round(one[1], 2), -min(order[change.step] for change in one[0])))
        return _explanation(ranked), list(ranked[0][0])

    def _in_the_last_step(self) -> list[Explained]:
        """Two changes, one of each operand of the last step."""
        sides = self._once("sides", lambda: last_step.sides(self.evidence, self._alone[0]))
        return last_step.explained(self.evidence, sides)

    def tried(self, several: Sequence[tuple[Change, ...]]) -> Explanation | None:
        """The first of these changes that explains the answer."""
        with np.errstate(all="ignore"):
            found = next((one for changes in several if (one := self.evidence.explained(changes)) is not None), None)
        return None if found is None else _explanation([found])

    @cached_property
    def _changes(self) -> tuple[Change, ...]:
        evidence = self.evidence
        return all_changes(evidence.program, evidence.wanted, evidence.doubles[0].values, evidence.given_names)

    @cached_property
    def _by_one_change(self) -> list[Explained]:
        """One change alone."""
        found = [one for change in self._alone[1] if (one := self.evidence.explained((change,))) is not None]
        return found or added_numbers.explained(self.evidence)

    @cached_property
    def _alone(self) -> tuple[list[Change], list[Change]]:
        """Of changes that give the same, the cheapest; and those that pass the screen."""
        told_apart, looked = self._once("alone", self._first_look)
        passed = [places[k] for places, guesses in looked for k in self.evidence.passing(guesses)]
        return told_apart, self._in_proportion([self._changes[place] for place in sorted(passed)])

    def _once(self, what: str, make: Callable[[], Value]) -> Value:
        """What follows from the first problem, and the values that are given there, whatever was answered."""
        evidence, first = self.evidence, self.evidence.doubles[0]
        given = evidence.given.get(id(first.call), {})
        own = tuple((name, value.shape, value.tobytes()) for name, value in given.items())
        key = (what, self._changes, first.call.problem, evidence.answer, first.answer.shape, own)
        return (self.memo.once if own else self.memo.of_problem)(key, make)  # what is given comes from one answer

    def _first_look(self) -> tuple[list[Change], list[tuple[list[int], Array]]]:
        """Of changes that give the same in the first call, the cheapest; and what each gives there."""
        first = self.evidence.doubles[0]
        looked = list(self.evidence.guesses(self._changes, first.values, first))
        marks: dict[int, bytes] = {}
        for places, guesses in looked:
            rounded = np.round(guesses / (abs(guesses).max(1, initial=0.0)[:, None] + SMALL), 9)
            marks |= {place: row.tobytes() for place, row in zip(places, rounded, strict=True)}
        cheapest: dict[bytes, int] = {}
        for place in sorted(marks):
            cheapest.setdefault(marks[place], place)
        return [self._changes[place] for place in cheapest.values()], looked

    def _in_proportion(self, changes: Sequence[Change]) -> list[Change]:
        """Those of the changes for which one factor explains a few telling calls; equal proportions are asked once."""
        telling = self.evidence.telling[::-1]
        proportions = np.full((len(changes), len(telling)), np.nan)
        still = np.arange(len(changes))
        for k, point in enumerate(telling):
            answer = point.answer.ravel()
            for chosen, guesses in self.evidence.guesses(
                [changes[place] for place in still.tolist()], point.values, point
            ):
                norms = (guesses * guesses).sum(1)
                found = np.divide(guesses @ answer, norms, out=np.zeros_like(norms), where=norms > 0)
                apart = abs(found[:, None] * guesses - answer).max(1, initial=0.0)
                near = apart <= PARALLEL * abs(answer).max(initial=0.0)
                proportions[still[chosen], k] = np.where(near, found, np.nan)
            first, here = proportions[still, 0], proportions[still, k]
            sizes = [one.call.problem.sizes_and_neighbours for one in (telling[0], point)]
            still = still[~np.isnan(here) & may_be_of_sizes(first, here, *sizes)]
        rounded = np.round(np.log(abs(proportions) + SMALL), 7) + 0.0
        fits: dict[bytes, bool] = {}
        kept = []
        for place in still.tolist():
            mark = rounded[place].tobytes() + np.sign(proportions[place]).tobytes()
            if mark not in fits:
                fits[mark] = self.evidence.fitted(self.evidence.telling, (changes[place],)) is not None
            if fits[mark] and self.evidence.passes_elsewhere((changes[place],)):
                kept.append(changes[place])
        return kept

    def _by_two_changes(self) -> list[Explained]:
        """Two changes, those first that cost little."""
        alone = self._alone[0]
        passed: list[tuple[int, str, int, int]] = []
        for name, kind, pairs, rows in self._once("pairs", lambda: list(self._pairs())):
            for place, late in (pairs[k] for k in self.evidence.passing(rows)):
                if self.evidence.passes_elsewhere((alone[place], alone[late])):
                    passed.append((place, name, kind[place], late))
        found = [self.evidence.explained((alone[early], alone[late])) for early, __, ___, late in sorted(passed)]
        return [one for one in found if one is not None]

    def _pairs(self) -> Iterator[_Pairs]:
        """What pairs of changes give: for each step, its changes after every earlier one at once."""
        order, usual = self.evidence.program.order, self.evidence.doubles[0].values
        alone = self._alone[0]
        reach = int(2 * MOST_PAIRS**0.5)  # of the sum of two places in the order of cost
        later: dict[str, list[tuple[int, int]]] = {name: [] for name in self.evidence.wanted}
        changed: dict[int, dict[str, Any]] = {}
        for place, early in enumerate(alone[:reach]):
            try:
                changed[place] = replay(self.evidence.program, self.evidence.wanted, usual, (early,))
            except FAILURES:
                continue
            for next_place, late in enumerate(alone[: reach - place]):
                if order[late.step] > order[early.step]:
                    later[late.step].append((place, next_place))
        for name, pairs in later.items():
            yield from self._pairs_of(name, pairs, changed)

    def _pairs_of(
        self, name: str, pairs: Sequence[tuple[int, int]], changed: Mapping[int, Mapping[str, Any]]
    ) -> Iterator[_Pairs]:
        """What the pairs, whose later change is that of ``name``, give, by shape."""
        alone, point = self._alone[0], self.evidence.doubles[0]
        followers, answer = self.evidence.followers[name], self.evidence.program.answers[self.evidence.answer]
        into = {operand for step in followers for operand in step.operands} - {name, *(s.name for s in followers)}
        kinds: dict[tuple[int, ...], dict[int, int]] = {}
        shapes = {early: tuple(np.shape(changed[early][n]) for n in into) for early in {early for early, __ in pairs}}
        makers = [partial(alone[late].made, changed[early]) for early, late in pairs]
        for chosen, stack in stacked(makers, [shapes[early] for early, __ in pairs]):
            early = [pairs[k][0] for k in chosen]
            stacks = {name: stack} | {
                operand: np.stack([changed[place][operand] for place in early])
                for operand in into
                if any(changed[place][operand] is not point.values[operand] for place in early)
            }
            kind = kinds.setdefault(stack.shape[1:], {})
            for place, late in (pairs[k] for k in chosen):
                kind.setdefault(place, late)
            guesses = through(followers, point.values, stacks, answer)
            rows = None if guesses is None else rows_of(guesses, point.answer)
            if rows is not None:
                yield _Pairs(name, kind, [pairs[k] for k in chosen], rows)


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

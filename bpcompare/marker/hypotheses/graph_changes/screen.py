"""One problem in which changes are tried cheaply: how far each of them moves every answer along a few directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bpcompare.marker.hypotheses.graph_changes.local import local, sum_to
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Act, Edge, Traced, tangents

Array = np.ndarray[Any, Any]
DIRECTIONS = 4
SCREEN = 1e-6  # relative; a candidate is worked out in full before it is believed
SEED = 20_240_229


@dataclass(eq=False)
class Answer:
    """One answer in all problems, and its shadow on the directions of the screening problem."""

    index: int
    arrays: Sequence[Tensor]
    shadow: Array
    true: Array
    moved: dict[int, Any]


def shadowed(problem: Traced, index: int, arrays: Sequence[Tensor], given: Tensor, true: Tensor) -> Answer:
    """The answer with the shadows of what was given for it and of the true gradient in this problem."""
    step = problem.graph.inputs[problem.wanted[index]]
    assert step is not None
    generator = torch.Generator().manual_seed(SEED + index)
    directions = [torch.randn(step.value.shape, generator=generator, dtype=torch.float64) for _ in range(DIRECTIONS)]
    moved = tangents(problem, problem.wanted[index], directions)
    flat = {
        at: torch.stack(parts).reshape(DIRECTIONS, -1) if isinstance(parts[0], Tensor) else parts
        for at, parts in moved.items()
    }
    return Answer(index, arrays, project(directions, given), project(directions, true), flat)


class Screen:
    """What a change does to the answers of one problem, without a walk back for each."""

    def __init__(self, problem: Traced, answers: Sequence[Answer]) -> None:
        self.problem, self.answers = problem, answers

    def shadow(self, placed: dict[Edge, list[Act]]) -> dict[int, Array]:
        """How far a change moves each answer along the directions."""
        if len(placed) > 1:
            return self._shadow_by_walk(placed)
        ((index, slot), acts), *_ = placed.items()
        step = self.problem.graph.steps[index]
        gradient = self.problem.gradients.get(index)
        return self.shadow_at(step, slot, gradient, acts[0])

    def shadow_at(self, step: Step, slot: int, gradient: object, act: Act) -> dict[int, Array]:
        """How far a change at one place moves each answer, for any gradient of its step."""
        zero = {answer.index: np.zeros(DIRECTIONS) for answer in self.answers}
        if gradient is None:
            return zero
        at = local(step, slot, gradient)
        target = step if slot == NODE else step.operands[slot]
        before = gradient if slot == NODE else self._usual(step, slot, gradient)
        after = act(self.problem, at)
        if after is not None and not isinstance(after, type(before)):
            return zero
        if isinstance(after, Tensor) and isinstance(before, Tensor) and after.shape != before.shape:
            after = sum_to(after, before.shape)
        change = _minus(after, before)  # of each part, where the step has several results
        for answer in self.answers:
            if target.index in answer.moved:
                zero[answer.index] = project(answer.moved[target.index], change)
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
                    shadows[answer.index] += project(answer.moved[index], change)
        return shadows

    def _carry(self, step: Step, here: list[int], placed: dict[Edge, list[Act]], changed: dict[int, Any]) -> None:
        """Passes the change of one step's gradient on to its operands, and adds those of the places in it."""
        before = self.problem.gradients.get(step.index)
        if before is None:
            return
        change = changed.pop(step.index, None)
        after = before if change is None else _plus(before, change)
        if NODE in here:
            after = placed[step.index, NODE][0](self.problem, local(step, NODE, after))
        if step.op == "input":
            changed[step.index] = _minus(after, before)
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


def effect(answer: Answer, index: int, change: object) -> Array:
    """What a change of one step's gradient does to an answer."""
    return project(answer.moved[index], change) if index in answer.moved else np.zeros(DIRECTIONS)


def _plus(a: Any, b: Any) -> Any:
    if isinstance(a, list):
        return [y if x is None else x if y is None else x + y for x, y in zip(a, b, strict=True)]
    return a + b


def _minus(a: Any, b: Any) -> Any:
    if isinstance(b, list):
        return _plus([None if y is None else -y for y in b], a if a is not None else [None] * len(b))
    return -b if a is None else a - b


def project(directions: Any, value: Any) -> Array:
    """⟨direction, value⟩ for every direction; several parts of one result are added up."""
    if isinstance(value, list):
        parts = [project([d[k] for d in directions], part) for k, part in enumerate(value) if part is not None]
        return sum(parts, np.zeros(DIRECTIONS))
    stacked = directions if isinstance(directions, Tensor) else torch.stack(list(directions)).reshape(DIRECTIONS, -1)
    return (stacked @ value.reshape(-1)).numpy()  # type: ignore[no-any-return]


def is_nothing(moved: Array, true: Array) -> bool:
    """Whether a change moves an answer by no more than rounding."""
    return bool(np.abs(moved).max() <= 1e-10 * (np.abs(true).max() + 1e-300))


def is_parallel(guess: Array, answer: Array) -> bool:
    """Whether one is the other times a number."""
    return bool(all_parallel(guess[None], answer))


def all_parallel(guesses: Array, answer: Array) -> list[int]:
    """The rows that are the answer times one number."""
    with np.errstate(all="ignore"):
        norms = (guesses**2).sum(1)
        scale = guesses @ answer / norms
        missed = np.abs(answer - scale[:, None] * guesses).max(1)
        return list(np.flatnonzero((missed <= SCREEN * np.abs(answer).max()) & (norms > 0)))

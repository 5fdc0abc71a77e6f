"""One problem in which changes are tried cheaply: how far each of them moves every answer along a few directions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bpcompare.marker.hypotheses.graph_changes import jacobians
from bpcompare.marker.hypotheses.graph_changes.jacobians import plus
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
        """How far a change moves each answer along the directions: its last place first, as the gradient goes back."""
        shadows = {answer.index: np.zeros(DIRECTIONS) for answer in self.answers}
        above: list[Callable[[int], Any]] = []  # what the places so far do to the gradients of the steps before
        for number, (index, slot) in enumerate(sorted(placed, key=lambda edge: (-edge[0], edge[1])), 1):
            gradient = self.problem.gradients.get(index)
            for changed in above:
                gradient = plus(gradient, changed(index))
            step = self.problem.graph.steps[index]
            change = self._change(step, slot, gradient, placed[index, slot][0])
            target = step if slot == NODE else step.operands[slot]
            if change is None:
                continue
            for answer in self.answers:
                shadows[answer.index] = shadows[answer.index] + effect(answer, target.index, change)
            if number < len(placed):
                above.append(jacobians.changed(self.problem, target.index, change))
        return shadows

    def shadow_at(self, step: Step, slot: int, gradient: object, act: Act) -> dict[int, Array]:
        """How far a change at one place moves each answer, for any gradient of its step."""
        change = self._change(step, slot, gradient, act)
        target = step if slot == NODE else step.operands[slot]
        return {answer.index: effect(answer, target.index, change) for answer in self.answers}

    def _change(self, step: Step, slot: int, gradient: object, act: Act) -> Any:
        """The change of what the place gives; None where there is none."""
        if gradient is None:
            return None
        before = gradient if slot == NODE else self._usual(step, slot, gradient)
        after = act(self.problem, local(step, slot, gradient))
        if after is not None and not isinstance(after, type(before)):
            return None
        if isinstance(after, Tensor) and isinstance(before, Tensor) and after.shape != before.shape:
            after = sum_to(after, before.shape)
        return _minus(after, before)  # of each part, where the step has several results

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

    def _carry(self, step: Step, here: list[int], placed: dict[Edge, list[Act]], changed: dict[int, Any]) -> None:
        """Passes the change of one step's gradient on to its operands, and adds those of the places in it."""
        before = self.problem.gradients.get(step.index)
        if before is None:
            return
        change = changed.pop(step.index, None)
        after = plus(before, change)
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
                changed[operand.index] = plus(changed.get(operand.index), passed)


def effect(answer: Answer, index: int, change: object) -> Array:
    """What a change of one step's gradient does to an answer."""
    if change is None or index not in answer.moved:
        return np.zeros(DIRECTIONS)
    return project(answer.moved[index], change)


def _minus(a: Any, b: Any) -> Any:
    return plus(a, [None if y is None else -y for y in b] if isinstance(b, list) else -b)


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

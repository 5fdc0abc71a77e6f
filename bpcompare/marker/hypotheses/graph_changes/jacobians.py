"""What a change of one step's gradient does to the gradients of the steps before it.

A rule is linear in the gradient, so a change goes back from step to step by the Jacobian of each edge. Where all of
them are small, they are worked out once and multiplied; else the change itself goes back.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import Traced

LARGEST = 4096  # entries of an edge's Jacobian


def changed(problem: Traced, above: int, change: Any) -> Callable[[int], Any]:
    """A function that tells how the gradient of any step changes with that of step ``above``; None: not at all."""
    if not is_small(problem):
        return _back(problem, above, change, problem.edge).get
    matrices, column = _matrices(problem, above), change.reshape(-1)

    def at(below: int) -> Any:
        matrix = matrices.get(below)
        return None if matrix is None else (matrix @ column).reshape(problem.graph.steps[below].value.shape)

    return at


def diagonal(problem: Traced, above: int, below: int) -> Tensor:
    """∂(gradient of step ``below``)/∂(gradient of step ``above``), entry by entry, where both have one shape."""
    value = problem.graph.steps[above].value
    if is_small(problem):
        matrix = _matrices(problem, above).get(below)
        return torch.zeros_like(value) if matrix is None else matrix.diagonal().reshape(value.shape)
    key = ("diagonal", above, below)  # the same for every gradient that is multiplied by it
    if key not in problem.cache:
        problem.cache[key] = _walked_diagonal(problem, above, below)
    return problem.cache[key]  # type: ignore[no-any-return]


def _walked_diagonal(problem: Traced, above: int, below: int) -> Tensor:
    value = problem.graph.steps[above].value
    found = torch.zeros(value.numel(), dtype=torch.float64)
    for entry, unit in enumerate(_units(value)):
        reached = _back(problem, above, unit, problem.edge, below).get(below)
        found[entry] = 0.0 if reached is None else reached.reshape(-1)[entry]
    return found.reshape(value.shape)


def is_small(problem: Traced) -> bool:
    """Whether the Jacobian of every edge may be kept."""
    if "small" not in problem.cache:
        problem.cache["small"] = all(
            isinstance(step.value, Tensor) and step.value.numel() * step.operands[slot].value.numel() <= LARGEST
            for step, slot in problem.edges()
        )
    return problem.cache["small"]  # type: ignore[no-any-return]


def _matrices(problem: Traced, above: int) -> dict[int, Tensor]:
    """By step the Jacobian of its gradient by that of ``above``: (entries of the step, entries of ``above``)."""
    key = ("jacobians", above)
    if key not in problem.cache:
        start = torch.eye(problem.graph.steps[above].value.numel(), dtype=torch.float64)
        problem.cache[key] = _back(problem, above, start, lambda step, slot, m: _of_edge(problem, step, slot) @ m)
    return problem.cache[key]  # type: ignore[no-any-return]


def _of_edge(problem: Traced, step: Step, slot: int) -> Tensor:
    key = ("jacobian", step.index, slot)
    if key not in problem.cache:
        reached = [problem.edge(step, slot, unit).reshape(-1) for unit in _units(step.value)]
        problem.cache[key] = torch.stack(reached, 1)
    return problem.cache[key]  # type: ignore[no-any-return]


def _units(value: Tensor) -> Tensor:
    return torch.eye(value.numel(), dtype=torch.float64).reshape(-1, *value.shape)


def _back(
    problem: Traced, above: int, start: Any, passed: Callable[[Step, int, Any], Any], below: int = 0
) -> dict[int, Any]:
    """What reaches each step from ``above`` down to ``below``."""
    found = {above: start}
    for step in reversed(problem.graph.steps[below : above + 1]):
        here = found.get(step.index)
        if here is None or step.index not in problem.relevant:
            continue
        for slot, operand in enumerate(step.operands):
            if operand.index in problem.relevant and operand.index >= below:
                more = passed(step, slot, here)
                found[operand.index] = plus(found.get(operand.index), more)
    return found


def plus(a: Any, b: Any) -> Any:
    """The sum of two gradients, each of which may be None or have several parts."""
    if a is None or b is None:
        return b if a is None else a
    return [plus(x, y) for x, y in zip(a, b, strict=True)] if isinstance(a, list) else a + b

"""Blocks of steps that begin and end with tensors of one shape, through which every path goes."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from bpcompare.marker.hypotheses.graph_changes import jacobians
from bpcompare.marker.hypotheses.graph_changes.local import Local
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import Act, Traced

LONGEST = 14  # steps of a block
OUTSIDE = -1  # who takes an output: no step, so that no block has an output within
MOST_ENTRIES = 400  # of a tensor whose Jacobian's diagonal is worked out
MIXING = frozenset({"sum", "mean", "amax", "cumsum", "cumprod", "logcumsumexp", "mm", "bmm", "mv"})


def find(problem: Traced) -> Iterator[tuple[Step, Step, bool]]:
    """The blocks: the step they begin with, the step they end with, and whether they mix entries."""
    relevant = [s for s in problem.graph.steps if s.index in problem.relevant]
    consumers = _consumers(problem, relevant)
    for first in relevant:
        if not isinstance(first.value, Tensor) or not first.value.dim():
            continue
        reached, pending = {first.index}, set(consumers.get(first.index, ()))
        ops: set[str] = set()
        for step in relevant:
            if step.index not in pending:
                continue
            if len(reached) > LONGEST:
                break
            pending.discard(step.index)
            reached.add(step.index)
            ops.add(step.op)
            joined = not pending
            pending |= set(consumers.get(step.index, ()))
            short = len(reached) < 3 and step.op not in ("cumprod", "logcumsumexp")
            if not joined or short or not isinstance(step.value, Tensor):
                continue
            if step.value.shape == first.value.shape and problem.gradients.get(step.index) is not None:
                yield first, step, bool(ops & MIXING)


def _consumers(problem: Traced, steps: Sequence[Step]) -> dict[int, list[int]]:
    """Who takes each step's value."""
    found = {output.index: [OUTSIDE] for output in problem.graph.outputs}
    for step in steps:
        for operand in step.operands:
            found.setdefault(operand.index, []).append(step.index)
    return found


def _end(problem: Traced, key: Any, occurrence: int) -> Step | None:
    steps = [step for step in problem.graph.steps if step.key == key]
    return steps[min(occurrence, len(steps) - 1)] if steps else None


def passed_through(key: Any) -> Act:
    """The gradient of the block's end in the place of the gradient of its beginning."""

    def act(problem: Traced, at: Local) -> Any:
        end = _end(problem, key, at.step.occurrence)
        gradient = None if end is None else problem.gradients.get(end.index)
        return gradient if gradient is not None and gradient.shape == at.gradient.shape else _unknown(at)

    return act


def own_share(key: Any) -> Act:
    """The diagonal of the block's Jacobian times the gradient of its end."""

    def act(problem: Traced, at: Local) -> Any:
        end = _end(problem, key, at.step.occurrence)
        gradient = None if end is None else problem.gradients.get(end.index)
        if end is None or gradient is None or end.value.shape != at.gradient.shape:
            return _unknown(at)
        if end.value.numel() > MOST_ENTRIES:
            return _unknown(at)
        return jacobians.diagonal(problem, end.index, at.step.index) * gradient

    return act


def _unknown(at: Local) -> Tensor:
    return torch.full_like(at.gradient, torch.nan)

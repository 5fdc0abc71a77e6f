"""Changes of the operands: another tensor, or the transposed one, in a derivative; a tensor too many or too few."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.change import (
    FACTOR,
    MOVES,
    OPERAND,
    Change,
    one_change,
    places,
    steps_by_key,
    steps_once,
)
from bpcompare.marker.hypotheses.graph_changes.local import Local, local
from bpcompare.marker.hypotheses.graph_changes.rules import RULES, contribution
from bpcompare.marker.hypotheses.graph_changes.sentences import called
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Act, Traced
from bpcompare.marker.hypotheses.graph_changes.wrong_operations import WHOLE
from bpcompare.marker.phrases import phrase


def operands(problem: Traced) -> Iterator[Change]:
    """Another tensor of the same shape, or the transposed one, in the backward of one step."""
    values = [s for s in problem.graph.steps if isinstance(s.value, Tensor) and s.value.is_floating_point()]
    unmoved = [s for s in values if s.op not in MOVES or s.name]
    starts = _starts(problem)
    for step, slot in places(problem):
        if (step.op not in RULES and step.op not in WHOLE) or step.op in UNSAVED:
            continue
        at = local(step, slot, problem.gradients[step.index])
        for position, saved in _saved(at):
            name = called(step) if position < 0 else called(step.args[position])
            if saved.dim() > 1 and saved.shape[-1] == saved.shape[-2]:
                transposed = N_("{name} is transposed in the derivative of {step}")
                says = phrase(transposed, name=name, step=called(step))
                yield one_change(OPERAND, step, slot, _with_transposed(position), says)
            for other in unmoved:
                if other.value.shape == saved.shape and other.value is not saved and other.value.dim():
                    stand = called(other)
                    if stand == name:
                        later = other.index > _index(step, position)
                        stand = phrase(N_("a later {name}") if later else N_("an earlier {name}"), name=name)
                    exchanged = N_("{other} stands for {name} in the derivative of {step}")
                    says = phrase(exchanged, other=stand, name=name, step=called(step))
                    act = _with_other(position, other, step, starts.get(other.key))
                    yield one_change(OPERAND, step, slot, act, says, 0.1)


def transposed_gradients(problem: Traced) -> Iterator[Change]:
    """The gradient of a square matrix, transposed."""
    for step in steps_once(problem):
        if step.op not in ("mm", "bmm", "input"):
            continue
        if step.value.dim() > 1 and step.value.shape[-1] == step.value.shape[-2]:
            says = phrase(N_("the gradient of {value} is transposed"), value=called(step))
            yield one_change(OPERAND, step, NODE, lambda p, at: at.gradient.transpose(-2, -1), says)


UNSAVED = (*MOVES, "add", "sub", "neg", "sum", "mean", "t", "transpose", "permute", "select", "slice", "cat", "stack")


def _index(step: Step, position: int) -> int:
    return step.index if position < 0 else int(step.args[position].index)


def _saved(at: Local) -> Iterator[tuple[int, Tensor]]:
    """The tensors that the rule uses: those whose change changes what comes out."""
    before = contribution(at)
    for position in range(-1, len(at.args)):
        value = at.out if position < 0 else at.args[position]
        if isinstance(value, Tensor) and value.is_floating_point() and value.numel():
            other = contribution(at.with_value(position, value * 0.7 + 0.1))
            if not torch.equal(before, other):
                yield position, value


def _with_transposed(position: int) -> Act:
    def act(problem: Traced, at: Local) -> Tensor | None:
        value = at.out if position < 0 else at.args[position]
        if value.shape[-1] != value.shape[-2]:
            return torch.full_like(contribution(at), torch.nan)
        return contribution(at.with_value(position, value.transpose(-2, -1)))

    return act


def _starts(problem: Traced) -> dict[Any, tuple[Any, int]]:
    """For a step whose value a loop takes up the next time: the step that does, and the place among its arguments."""
    found: dict[Any, tuple[Any, int]] = {}
    for key, (first, *_, last) in ((key, steps) for key, steps in steps_by_key(problem).items() if len(steps) > 1):
        for place, (start, operand) in enumerate(zip(first.args, last.args, strict=True)):
            if isinstance(operand, Step) and not (isinstance(start, Step) and start.key == operand.key):
                found[operand.key] = key, place
    return found


def _with_other(position: int, other: Step, user: Step, start: tuple[Any, int] | None) -> Act:
    """The rule with another step's value: that of the same time, or as many times before or after.

    Before the first time of a loop stands what the loop began with, where it takes the value up.
    """
    later = other.occurrence - user.occurrence

    def act(problem: Traced, at: Local) -> Tensor | None:
        steps = steps_by_key(problem)
        values = [step.value for step in steps.get(other.key, [])]
        index = at.step.occurrence + later if len(values) > 1 or start else 0
        if start and start[0] in steps:
            values.insert(0, steps[start[0]][0].values[start[1]])
            index += 1
        stands = values[min(max(index, 0), len(values) - 1)] if values else None
        value = at.out if position < 0 else at.args[position]
        if not isinstance(stands, Tensor) or stands.shape != value.shape:
            return torch.full_like(contribution(at), torch.nan)
        return contribution(at.with_value(position, stands))

    return act


def tensor_factors(problem: Traced) -> Iterator[Change]:
    """A tensor of the forward that multiplies or divides the gradient of a step."""
    values: dict[Any, Step] = {}
    for step in problem.graph.steps:
        value = step.value
        if isinstance(value, Tensor) and value.is_floating_point() and value.dim() and step.op not in MOVES:
            values.setdefault(step.key, step)
    repeated = {step.key for step in problem.graph.steps if step.occurrence}
    for step in steps_once(problem):
        if not isinstance(step.value, Tensor) or step.key in repeated or not step.name:
            continue
        more = -0.4 if step.op == "input" else 0.1
        for other in values.values():
            if other is step or not _broadcasts(other.value, step.value):
                continue
            lacks = N_(
                "the gradient of {whole} is divided by {name}: a factor {name} is missing, or a division is extra"
            )
            extra = N_("the gradient of {whole} is multiplied by {name}: a factor is extra, or a division is missing")
            for power, wrong in ((-1, lacks), (1, extra)):
                says = phrase(wrong, whole=called(step), name=called(other))
                yield one_change(FACTOR, step, NODE, _times_other(other, power), says, more)


def _broadcasts(small: Tensor, large: Tensor) -> bool:
    if small.dim() > large.dim():
        return False
    tail = large.shape[large.dim() - small.dim() :]
    return all(a in (1, b) for a, b in zip(small.shape, tail, strict=True))


def _times_other(other: Step, power: int) -> Act:
    def act(problem: Traced, at: Local) -> Tensor:
        steps = steps_by_key(problem).get(other.key, [])
        value = steps[0].value if steps else at.gradient * torch.nan
        if not _broadcasts(value, at.gradient):
            return torch.full_like(at.gradient, torch.nan)
        found: Tensor = at.gradient * value if power > 0 else at.gradient / value
        return found

    return act

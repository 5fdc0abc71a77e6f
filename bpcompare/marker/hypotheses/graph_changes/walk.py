"""The walk back through the steps, with or without changes, and the directions that tell what a change does."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bpcompare.marker.given_gradients import gradients_of
from bpcompare.marker.hypotheses.graph_changes.local import Local, local, sum_to
from bpcompare.marker.hypotheses.graph_changes.rules import contribution
from bpcompare.marker.hypotheses.graph_changes.steps import Graph, Step
from bpcompare.marker.hypotheses.graph_changes.trace import trace

Edge = tuple[int, int]  # a step's index and the operand's slot; slot NODE is the gradient of the step itself
NODE = -1
EXTREMES = ("amax", "amin", "getitem", "max", "min")
CANCELLED = 1e-11
Act = Callable[
    ["Traced", Local], Tensor | None
]  # what reaches the operand instead; None where the path is not followed
Changes = Mapping[Edge, Sequence[Act]]


@dataclass(eq=False)
class Traced:
    """One problem: its graph, the gradients that the walk starts with, and which inputs are asked for.

    Attributes:
        graph: The steps.
        upstream: The gradient of each output.
        wanted: The positions of the inputs whose gradients are asked for.
        sizes: The lengths of the dimensions, by name.
        gradients: The true gradient of every step, by index.
    """

    graph: Graph
    upstream: Sequence[Tensor]
    wanted: tuple[int, ...]
    sizes: dict[str, int]
    gradients: dict[int, Any] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.relevant = self._relevant()
        self.gradients = self.walk({}, keep=True)
        if self._hold_what_cancels():
            self.relevant = self._relevant()
            self.gradients = self.walk({}, keep=True)

    def _hold_what_cancels(self) -> bool:
        """Blocks the maximum that is subtracted against overflow: its gradient cancels here, in a changed graph not."""
        found = False
        for step in self.graph.steps:
            gradient = self.gradients.get(step.index) if step.op in EXTREMES else None
            if not isinstance(gradient, Tensor) or not gradient.numel() or step.index not in self.relevant:
                continue
            users = [self.gradients.get(s.index) for s in self.graph.steps if step in s.operands]
            largest = max((float(g.abs().max()) for g in users if isinstance(g, Tensor) and g.numel()), default=0.0)
            if float(gradient.abs().max()) <= CANCELLED * largest:
                step.graded, found = False, True
        return found

    def _relevant(self) -> set[int]:
        """The steps that depend on a wanted input by a way that gradients follow."""
        found = set()
        for index in self.wanted:
            step = self.graph.inputs[index]
            assert step is not None
            found.add(step.index)
        for step in self.graph.steps:
            if step.flows and any(operand.index in found for operand in step.operands):
                value = step.value
                if not isinstance(value, Tensor) or value.is_floating_point():
                    found.add(step.index)
        return found

    def edges(self) -> list[tuple[Step, int]]:
        """Every edge that a gradient follows."""
        return [
            (step, slot)
            for step in self.graph.steps
            if step.index in self.relevant and self.gradients.get(step.index) is not None
            for slot, operand in enumerate(step.operands)
            if operand.index in self.relevant
        ]

    def walk(self, changes: Changes, keep: bool = False) -> dict[int, Any]:
        """The gradients by step: of every step if ``keep``, else of the inputs."""
        gradients: dict[int, Any] = {}
        for output, gradient in zip(self.graph.outputs, self.upstream, strict=True):
            _add(gradients, output, gradient)
        for step in reversed(self.graph.steps):
            if step.index not in self.relevant or gradients.get(step.index) is None:
                continue
            for act in changes.get((step.index, NODE), ()):
                gradients[step.index] = act(self, Local(step, NODE, gradients[step.index], (), step.value))
            gradient = gradients[step.index] if keep or step.op == "input" else gradients.pop(step.index)
            if gradient is None:
                continue
            for slot, operand in enumerate(step.operands):
                if operand.index in self.relevant:
                    reached = self.edge(step, slot, gradient, changes.get((step.index, slot), ()))
                    if reached is not None:
                        _add(gradients, operand, reached)
        return gradients

    def edge(self, step: Step, slot: int, gradient: Any, acts: Sequence[Act] = ()) -> Any:
        """What one operand receives."""
        at = local(step, slot, gradient)
        if not acts:
            return contribution(at) if step.op != "getitem" else contribution_of_part(at)
        reached = acts[0](self, at)
        return None if reached is None else sum_to(reached, step.operands[slot].value.shape)

    def true_answers(self) -> list[Tensor]:
        """The gradients of the wanted inputs, nothing changed."""
        return self._wanted(self.gradients)

    def answers(self, changes: Changes) -> list[Tensor]:
        """The gradients of the wanted inputs."""
        return self._wanted(self.walk(changes))

    def _wanted(self, gradients: dict[int, Any]) -> list[Tensor]:
        found = []
        for index in self.wanted:
            step = self.graph.inputs[index]
            assert step is not None
            gradient = gradients.get(step.index)
            found.append(torch.zeros_like(step.value) if gradient is None else gradient)
        return found


def contribution_of_part(at: Local) -> Any:
    """The parts of an operation with several results, all but one without a gradient."""
    parts: list[Any] = [None] * len(at.step.operands[0].value)
    parts[at.args[1]] = at.gradient
    return parts


def _add(gradients: dict[int, Any], step: Step, more: Any) -> None:
    before = gradients.get(step.index)
    if before is None:
        gradients[step.index] = more
    elif isinstance(more, list):
        gradients[step.index] = [b if m is None else m for b, m in zip(before, more, strict=True)]  # one step a part
    else:
        gradients[step.index] = before + more


def traced(
    forward: Callable[..., Any],
    arguments: Sequence[Any],
    names: Sequence[str],
    upstream: Sequence[Tensor] | None,
    wanted: tuple[int, ...],
    sizes: dict[str, int],
    through_no_grad: bool = False,
    whole: Collection[str] = (),
) -> Traced:
    """The graph of one problem with its true gradients."""
    with torch.no_grad():
        graph = trace(forward, arguments, names, through_no_grad, whole)
        if upstream is None:
            upstream = [torch.ones_like(output.value) for output in graph.outputs]
        return Traced(graph, upstream, wanted, sizes)


def tangents(problem: Traced, input_index: int, directions: Sequence[Tensor]) -> dict[int, list[Tensor]]:
    """How every step moves where one input moves along each direction.

    ⟨tangent, Δ⟩ is what a change Δ of a step's gradient does to ⟨direction, gradient of the input⟩, so that a change
    is tried without walking back from it. A rule is linear in the gradient u: its own derivative by u, applied to the
    operand's tangent, is the tangent of the output.
    """
    source = problem.graph.inputs[input_index]
    assert source is not None
    found: dict[int, list[Tensor]] = {source.index: list(directions)}
    for step in problem.graph.steps:
        if step.index not in problem.relevant:
            continue
        for slot, operand in enumerate(step.operands):
            if operand.index in found:
                _move(step, slot, found, found[operand.index])
    return found


def _move(step: Step, slot: int, found: dict[int, list[Any]], moved: Sequence[Any]) -> None:
    if step.op == "getitem":
        steps: list[Any] = [parts[step.args[1]] for parts in moved]
        if any(tangent is None for tangent in steps):
            return
    elif isinstance(step.value, Tensor):
        with torch.enable_grad():
            free = torch.zeros_like(step.value).requires_grad_()
            reached = contribution(local(step, slot, free))
            if not reached.requires_grad:
                return
            along = [(reached * tangent).sum() for tangent in moved]
            steps = [torch.autograd.grad(one, free, retain_graph=True)[0] for one in along]
    else:
        parts = [
            torch.zeros_like(p).requires_grad_() if isinstance(p, Tensor) and p.is_floating_point() else None
            for p in step.value
        ]
        asked = [part for part in parts if part is not None]
        with torch.enable_grad():
            reached = contribution(local(step, slot, parts))
            if not reached.requires_grad:
                return
            grads = [
                iter(gradients_of([reached], asked, [tangent], retain_graph=True, allow_unused=True))
                for tangent in moved
            ]
        steps = [[None if part is None else next(grad) for part in parts] for grad in grads]
        found[step.index] = steps
        return
    before = found.get(step.index)
    found[step.index] = steps if before is None else [a + b for a, b in zip(before, steps, strict=True)]

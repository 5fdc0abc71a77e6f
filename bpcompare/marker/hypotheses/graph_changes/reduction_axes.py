"""Changes of the axes: a reduction whose backward adds up over other axes than the forward."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.change import REDUCTION, Change, one_change
from bpcompare.marker.hypotheses.graph_changes.local import Local, axes, local, sum_to
from bpcompare.marker.hypotheses.graph_changes.rules import RULES, contribution
from bpcompare.marker.hypotheses.graph_changes.sentences import axes_listed, called
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import CANCELLED, Act, Traced
from bpcompare.marker.phrases import Phrase, phrase


def other_axes(problem: Traced, step: Step) -> Iterator[Change]:
    """A reduction whose backward adds up over other axes than the forward."""
    source = step.operands[0].value
    if source.dim() < 2 or _terms(problem, step) is None:
        return
    right, rank = axes(local(step, 0, problem.gradients[step.index])), source.dim()
    sizes = range(1, rank + 1) if rank <= MOST_AXES else (1, rank)
    for chosen in (list(some) for n in sizes for some in combinations(range(rank), n)):
        if chosen == right:
            continue
        counted = [axis - rank for axis in chosen]
        along = Phrase(N_("every axis")) if len(chosen) == rank else axes_listed(counted)
        of_step = N_("the gradient of {step} is added up over {axes}, not over what it runs over")
        change = one_change(REDUCTION, step, 0, _over(counted), phrase(of_step, step=called(step), axes=along), 0.1)
        anywhere = N_("the gradient is added up over {axes}, not over what it runs over")
        yield replace(change, what=phrase(anywhere, axes=along))
    if rank > 2 and right != list(range(1, rank)):
        of_step = N_("the gradient of {step} is added up over every axis but the first, not over what it runs over")
        change = one_change(REDUCTION, step, 0, _over(None), phrase(of_step, step=called(step)), 0.05)
        anywhere = N_("the gradient is added up over every axis but the first, not over what it runs over")
        yield replace(change, what=Phrase(anywhere))


MOST_AXES = 4  # of a tensor, for which every set of axes is tried
ELEMENTWISE = ("add", "sub", "mul", "div", "pow", "sqrt", "rsqrt", "reciprocal", "neg", "exp", "log")


def _terms(problem: Traced, step: Step) -> list[Tensor] | None:
    """What reaches a reduction before it is added up over the axes: one term for each path, in the source's shape.

    Between the reduction and the step that spreads it out again there may be a root, an ε, a reciprocal; None where
    there is something else.
    """
    shape, at, slope = step.operands[0].value.shape, step, torch.ones_like(step.value)
    for _ in range(LONGEST_CHAIN):
        users = [s for s in problem.graph.steps if at in s.operands and problem.gradients.get(s.index) is not None]
        if users and all(_shape(problem, user) == shape for user in users):
            return [term * slope for user in users for term in _unreduced(problem, user, at, shape)]
        if len(users) != 1 or users[0].op not in ELEMENTWISE or users[0].value.shape != at.value.shape:
            return None
        if users[0].operands.count(at) != 1:
            return None
        slope = slope * contribution(local(users[0], users[0].operands.index(at), torch.ones_like(at.value)))
        at = users[0]
    return None


LONGEST_CHAIN = 6


def _unreduced(problem: Traced, user: Step, at: Step, shape: Sequence[int]) -> Iterator[Tensor]:
    for slot, operand in enumerate(user.operands):
        for gradient in _incoming(problem, user) if operand is at else ():
            raw = RULES[user.op](local(user, slot, gradient)).expand(shape)
            whole = sum_to(raw, at.value.shape)
            if float(whole.abs().max()) > CANCELLED * float(raw.abs().max()):
                yield raw  # what adds up to nothing is left out of a derivation by hand


def _incoming(problem: Traced, user: Step) -> list[Any]:
    """The gradient of a sum or difference, path by path."""
    whole = problem.gradients[user.index]
    if user.op not in ("add", "sub") or user in problem.graph.outputs:
        return [whole]
    found = []
    for consumer in problem.graph.steps:
        gradient = problem.gradients.get(consumer.index)
        if gradient is not None and consumer.index in problem.relevant:
            found += [problem.edge(consumer, slot, gradient) for slot, o in enumerate(consumer.operands) if o is user]
    return found or [whole]


def _shape(problem: Traced, user: Step) -> Any:
    gradient = problem.gradients.get(user.index)
    return gradient.shape if isinstance(gradient, Tensor) and user.op in RULES else None


def _over(chosen: list[int] | None) -> Act:
    """The sum over these axes; over all but the first where none are given."""

    def act(problem: Traced, at: Local) -> Tensor:
        reduce = torch.mean if at.step.op == "mean" else torch.sum
        total = torch.zeros_like(at.step.operands[0].value)
        for term in _terms(problem, at.step) or ():
            along = chosen if chosen is not None else list(range(1, term.dim()))
            total = total + reduce(term, along, keepdim=True)
        return total

    return act

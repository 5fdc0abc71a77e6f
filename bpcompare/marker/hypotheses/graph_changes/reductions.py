"""Changes of what is added up: over a broadcast axis, in a product of matrices, at an index that comes twice."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.change import DERIVATIVE, REDUCTION, Change, by_rule, one_change, places
from bpcompare.marker.hypotheses.graph_changes.local import Local
from bpcompare.marker.hypotheses.graph_changes.reduction_axes import other_axes
from bpcompare.marker.hypotheses.graph_changes.rules import RULES, contribution
from bpcompare.marker.hypotheses.graph_changes.sentences import called
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import Act, Traced
from bpcompare.marker.phrases import Phrase, phrase


def reductions(problem: Traced) -> Iterator[Change]:
    """Sums over a broadcast axis, and repeated indices."""
    for step, slot in places(problem):
        operand = step.operands[slot].value
        gradient = problem.gradients[step.index]
        if not isinstance(operand, Tensor):
            continue
        if isinstance(gradient, Tensor) and gradient.numel() > operand.numel() and step.op in BROADCASTING:
            name = called(step.operands[slot])
            for words, take in BROADCAST.items():
                broadcast = N_("{name} is broadcast in {step}: its gradient is {what}")
                says = phrase(broadcast, name=name, step=called(step), what=Phrase(words))
                yield one_change(REDUCTION, step, slot, _taken(take), says)
        if step.op in ("sum", "mean"):
            yield from other_axes(problem, step)
        if step.op in PRODUCTS:
            yield from _products(step, slot)
        if step.op in GATHERING and slot == 0:
            for words, reduce in REPEATED.items():
                repeated = N_("where an index comes twice in {step}, the gradient is {what}, not added up")
                says = phrase(repeated, step=called(step), what=Phrase(words))
                yield one_change(REDUCTION, step, slot, _collected(reduce), says)


BROADCASTING = ("add", "sub", "mul", "div", "expand", "pow", "where", "maximum", "minimum")
GATHERING = ("index", "index_select", "gather", "embedding", "im2col", "unfold")
REPEATED = {
    N_("overwritten by the last"): "amax",
    N_("kept from the first"): "amin",
    N_("averaged"): "mean",
}


def _mean(values: Tensor, axes: list[int]) -> Tensor:
    return values.mean(axes, keepdim=True)


BROADCAST: dict[str, Callable[[Tensor, list[int]], Tensor]] = {
    N_("averaged, not added up"): _mean,
    N_("that of one entry: it counts once, however often it is used"): lambda values, axes: (
        values.sum(axes, keepdim=True) / (values != 0).sum(axes, keepdim=True).clamp(min=1)
    ),
    N_("that of the first entry only"): lambda values, axes: _one(values, axes, 0),
    N_("that of the last entry only: the others are overwritten"): lambda values, axes: _one(values, axes, -1),
    N_("added up over as many rows as the first dimension has"): lambda values, axes: _first_rows(values, axes),
}


def _first_rows(values: Tensor, axes: list[int]) -> Tensor:
    """The rows counted by the first dimension alone, as a grid that was made for two dimensions does."""
    if len(axes) < 2 or axes != list(range(len(axes))):
        return values.sum(axes, keepdim=True)
    rows = values.reshape(-1, *values.shape[len(axes) :])[: values.shape[0]]
    return rows.sum(0).reshape(*[1] * len(axes), *values.shape[len(axes) :])


def _one(values: Tensor, axes: list[int], which: int) -> Tensor:
    for axis in axes:
        values = values.narrow(axis, which % values.shape[axis], 1)
    return values


def _taken(take: Callable[[Tensor, list[int]], Tensor]) -> Act:
    def act(problem: Traced, at: Local) -> Tensor:
        raw = RULES[at.step.op](at)
        shape = at.step.operands[at.slot].value.shape
        extra = raw.dim() - len(shape)
        axes = [d for d in range(raw.dim()) if d < extra or (shape[d - extra] == 1 and raw.shape[d] != 1)]
        return take(raw, axes).reshape(shape) if axes else contribution(at)

    return act


PRODUCTS = ("mm", "bmm", "mv")


def _products(step: Step, slot: int) -> Iterator[Change]:
    """A product of sums for a sum of products; an operand left out."""
    name, other = called(step.operands[slot]), called(step.operands[1 - slot])
    apart = N_("for the gradient of {name} the mean is taken before the product: of {other} and of the gradient apart")
    says = phrase(apart, name=name, other=other)
    yield one_change(REDUCTION, step, slot, by_rule(_product_of_means), says, 0.2)
    left_out = N_("{other} is left out of the derivative of {step}: ones stand for it")
    says = phrase(left_out, other=other, step=called(step))
    yield one_change(DERIVATIVE, step, slot, lambda p, at: _with_ones(at), says, 0.3)


def _product_of_means(at: Local) -> Any:
    """The rule of a product with what it adds up replaced by its mean over those terms."""
    axis = -1 if at.position == 0 else -2
    rule = RULES[at.step.op]
    other = at.other
    if other.dim() < 2 or at.gradient.dim() < 2:
        if at.position == 0:
            return rule(at)
        return at.args[0].mean(0) * at.gradient.sum()
    changed = at.with_value(1 - at.position, other.mean(axis, keepdim=True).expand_as(other))
    return rule(changed)


def _with_ones(at: Local) -> Tensor:
    return contribution(at.with_value(1 - at.position, torch.ones_like(at.other)))


def _collected(reduce: str) -> Act:
    return lambda problem, at: _scattered(at, reduce)


def _scattered(at: Local, reduce: str) -> Tensor:
    """The gradient of a gather that does not add up what repeated indices bring."""
    table = at.step.operands[0].value
    order = torch.arange(table.numel(), dtype=torch.float64).reshape(table.shape)
    assert at.step.function is not None
    args = [order if index == at.position else value for index, value in enumerate(at.args)]
    taken = at.step.function(*args).round().long().reshape(-1)
    whole = torch.zeros_like(table).reshape(-1)
    gradient = at.gradient.reshape(-1)
    if reduce == "mean":
        return whole.scatter_reduce(0, taken, gradient, "mean", include_self=False).reshape(table.shape)
    kept = torch.full((table.numel(),), -1, dtype=torch.long)
    kept.scatter_reduce_(0, taken, torch.arange(taken.numel()), reduce, include_self=False)
    hit = kept >= 0
    whole[hit] = gradient[kept[hit]]
    return whole.reshape(table.shape)

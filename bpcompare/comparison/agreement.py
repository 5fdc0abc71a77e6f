"""Agreement: whether two gradient sources under one update rule are the same calculation, and if not, why."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from bpcompare.language import N_, _
from bpcompare.training.floating_point import ulp
from bpcompare.training.gradients import ORDER_OF_ARITHMETIC
from bpcompare.training.run import NetworkRun, Run

RunT = TypeVar("RunT", bound=Run)


@dataclass(frozen=True)
class Agreement:
    """Whether two gradient sources under one rule gave the same parameters at every epoch.

    Attributes:
        bit_equal: Whether they did, to the last bit.
        max_ulp: The largest distance between two parameters at the same epoch, in units in the last place.
        first_difference_at: The first epoch at which they differ, or None.
        explanation: What was added up in another order.
    """

    bit_equal: bool
    max_ulp: int
    first_difference_at: int | None
    explanation: str


def one_rule(runs: Sequence[RunT]) -> dict[str, tuple[RunT, RunT]]:
    """Per pair "a~b" the two runs, of all that are under one update rule: their curves must coincide."""
    return {
        f"{a.method.name}~{b.method.name}": (a, b)
        for a, b in itertools.combinations(runs, 2)
        if a.method.canonical_update == b.method.canonical_update
    }


def agree(a: Run, b: Run) -> Agreement:
    """Whether two runs went through the same parameters, and if not, where they parted and why.

    Example:
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.training.train import train
        >>> agree(train(line(), "manual"), train(line(), "autograd")).max_ulp
        0
    """
    steps = min(len(a.losses), len(b.losses))
    apart = torch.stack(
        [ulp(a.parameters[n][:steps], b.parameters[n][:steps]).flatten(1).amax(1) for n in a.parameters]
    ).amax(0)
    differing = apart.nonzero()
    if not len(differing) and a.diverged_at == b.diverged_at:
        return Agreement(True, 0, None, _("the same numbers were added in the same order"))
    first = int(differing[0]) if len(differing) else steps
    return Agreement(False, int(apart.max()), first, _explain(a, b, first))


def _explain(a: Run, b: Run, first: int) -> str:
    """Names the gradient that made the first difference, and how each source adds it up."""
    before = max(first - 1, 0)
    names = [n for n in a.gradients if not torch.equal(a.gradients[n][before], b.gradients[n][before])]
    if not names:
        message = N_("from equal gradients at epoch {epoch} the rules round the step differently")
        if {a.method.update, b.method.update} == {"GradientDescent", "torch.optim.SGD"}:
            message = N_(
                "from equal gradients at epoch {epoch} the rules round the step differently (torch.optim.SGD rounds "
                "p − lr·∂L/∂p once, by a fused multiply-add; by hand it is rounded twice)"
            )
        return _(message, epoch=before)
    first_order, second_order = (_order(run.method.gradient) for run in (a, b))
    orders = first_order
    if second_order != first_order:
        orders = _("{first}; {second}", first=first_order, second=second_order)
    return _("∂L/∂{name} at epoch {epoch} is rounded differently: {orders}", name=names[0], epoch=before, orders=orders)


def _order(source: str) -> str:
    """How a gradient source adds up."""
    if source in ORDER_OF_ARITHMETIC:
        return _(ORDER_OF_ARITHMETIC[source], source=source)
    return _("{source} adds up in an order of its own", source=source)


def agree_on_network(a: NetworkRun, b: NetworkRun) -> Agreement:
    """Whether two runs of a network went through the same parameters, and if not, how far apart they ended.

    Rounding grows in training: where two sources differ in a last bit, the states may be far apart some hundred
    steps on, and neither is wrong.

    Example:
        >>> from bpcompare.problem.networks import quadratic
        >>> from bpcompare.training.train import train
        >>> problem = quadratic(layers=(2, 5, 1))
        >>> agree_on_network(train(problem, "manual", epochs=2), train(problem, "autograd", epochs=2)).bit_equal
        True
    """
    pairs = zip(a.track.fingerprints, b.track.fingerprints, strict=False)
    first = next((epoch for epoch, (mine, other) in enumerate(pairs) if mine != other), None)
    if first is None and a.diverged_at == b.diverged_at:
        return Agreement(True, 0, None, _("the same numbers were added in the same order"))
    if first is None:  # one of them ended earlier
        first = min(len(a.track.fingerprints), len(b.track.fingerprints))
    apart = max(int(ulp(a.parameters[name], b.parameters[name]).max()) for name in a.parameters)
    return Agreement(False, apart, first, _explain_network(a, b, max(first - 1, 0)))


def _explain_network(a: NetworkRun, b: NetworkRun, epoch: int) -> str:
    """How far apart the gradients were that made the first difference, and how far the parameters are in the end."""
    sizes = [(a.track.gradient_norms[name][epoch], b.track.gradient_norms[name][epoch]) for name in a.parameters]
    relative = max(((mine - other).abs() / mine.clamp(min=1e-300)).item() for mine, other in sizes)
    values = [(a.parameters[name], b.parameters[name]) for name in a.parameters]
    largest = max((mine - other).abs().max().item() for mine, other in values)
    rounding = relative <= torch.finfo(values[0][0].dtype).eps ** 0.5
    return _(
        "{first} and {second} differ by {difference} at epoch {epoch}, and every step acts on it: in the last state "
        "the parameters are up to {largest:.2g} apart",
        first=a.method.gradient,
        second=b.method.gradient,
        difference=_("rounding") if rounding else f"{relative:.1g}",
        epoch=epoch,
        largest=largest,
    )

"""Calls the function for each case, and sets the right gradients next to its answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_, _, listed
from bpcompare.marker import gradcheck_expected as right_answers
from bpcompare.marker.backward_call import Answered, outputs_of
from bpcompare.marker.gradcheck_cases import Case, upstream_for
from bpcompare.marker.gradcheck_subject import Subject

SAME_FORWARD = 1e-6  # relative difference of two forwards that calculate the same
OtherForward = tuple[Case, list[Tensor]]  # a case and the function's outputs, which are not the reference's


@dataclass(frozen=True, eq=False)
class Tried:
    """One case, what was answered, and what is right."""

    case: Case
    upstream: tuple[Tensor, ...]
    answered: Answered
    expected: right_answers.Expected

    def is_right(self, position: int) -> bool:
        """Whether this gradient came, in float64's accuracy or the expected value's."""
        right, given = self.expected.gradients[position], self.gradient(position)
        if given is None or given.shape != right.shape:
            return False
        return close(given, right, self.expected.tolerance)

    def gradient(self, position: int) -> Tensor | None:
        """What was answered; zeros where the backward gave None."""
        if self.answered.raised:
            return None
        return self.answered.gradients.get(position, torch.zeros_like(self.expected.gradients[position]))


def try_cases(subject: Subject, cases: Iterable[Case]) -> tuple[list[Tried], list[OtherForward]]:
    """Every case that can be judged, and those for which the reference gives other outputs."""
    other_forward: list[OtherForward] = []
    tried = [result for case in cases if (result := _try(subject, case, other_forward)) is not None]
    return tried, other_forward


def _try(subject: Subject, case: Case, other_forward: list[OtherForward]) -> Tried | None:
    """One case; None where the function may refuse it and does."""
    try:
        outputs = outputs_of(subject.function, case.arguments)
        if subject.reference is not None and not _same_outputs(outputs, outputs_of(subject.reference, case.arguments)):
            if not case.optional:
                other_forward.append((case, outputs))
            return None
    except Exception as error:
        if case.optional:
            return None
        subject.findings["raises"] = raises("forward", f"{type(error).__name__}: {error}", shapes_of(case))
        return None
    if not all(bool(torch.isfinite(o).all()) for o in outputs):
        return None
    upstream = tuple(upstream_for(outputs, subject.generator))
    answered = subject.call(case.arguments, upstream)
    if answered.raised and case.optional:
        return None
    expected = _expected(subject, case.arguments, upstream, answered)
    if expected is None:
        return None
    result = Tried(case, upstream, answered, expected)
    return _with_subgradients(subject, result)


def _expected(
    subject: Subject, arguments: Sequence[Any], upstream: Sequence[Tensor], answered: Answered
) -> right_answers.Expected | None:
    if subject.reference is not None:
        found = right_answers.of_reference(subject.reference, arguments, upstream, subject.wanted)
        if not found.raised:
            if right_answers.confirmed(subject.reference, arguments, upstream, dict(found.gradients)):
                return right_answers.Expected(dict(found.gradients), 1e-9, "reference")
            subject.note(_("the reference's own gradient differs from a central difference of it: not used"))
    if max(arguments[p].numel() for p in subject.wanted) > right_answers.MOST_ENTRIES or any(
        arguments[p].numel() * sum(g.numel() for g in upstream) > 2e7 for p in subject.wanted
    ):
        mine = {p: answered.gradients.get(p, torch.zeros_like(arguments[p])) for p in subject.wanted}
        return (
            right_answers.Expected(mine, 1e-9, "difference")
            if right_answers.confirmed(subject.plain, arguments, upstream, mine)
            else None
        )
    return right_answers.Expected(
        right_answers.by_difference(subject.plain, arguments, upstream, subject.wanted), 1e-7, "difference"
    )


def _with_subgradients(subject: Subject, result: Tried) -> Tried:
    """At a kink any valid subgradient is right: there, the answer is the expected value."""
    gradients = dict(result.expected.gradients)
    for position in subject.wanted:
        given = result.gradient(position)
        if given is None or given.shape != gradients[position].shape or result.is_right(position):
            continue
        if result.expected.source == "difference":
            gradients[position] = right_answers.refined(
                subject.plain, result.case.arguments, result.upstream, position, given, gradients[position]
            )
        if right_answers.is_subgradient(
            subject.plain, result.case.arguments, result.upstream, position, given, gradients[position]
        ):
            gradients[position] = given
    expected = right_answers.Expected(gradients, result.expected.tolerance, result.expected.source)
    return Tried(result.case, result.upstream, result.answered, expected)


def close(given: Tensor, right: Tensor, tolerance: float) -> bool:
    """Whether every entry is right, up to a part of the largest."""
    if given.shape != right.shape:
        return False
    if not right.numel():
        return True
    return bool((given - right).abs().max() <= tolerance * float(right.abs().max()) + 1e-10)


def _same_outputs(mine: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    return len(mine) == len(theirs) and all(
        a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=SAME_FORWARD, atol=SAME_FORWARD)
        for a, b in zip(mine, theirs, strict=True)
    )


def shapes_of(case: Case) -> str:
    """The shapes of a case's tensors, in words."""
    shapes = [str(tuple(value.shape)) for value in case.arguments if isinstance(value, Tensor)]
    return _("shapes {shapes}", shapes=listed(shapes))


def raises(stage: str, error: str, shapes: str = "") -> str:
    """That the forward or the backward raises, and for which shapes."""
    if stage == "forward":
        everywhere, there = N_("the forward raises: {error}"), N_("the forward raises for {shapes}: {error}")
    else:
        everywhere, there = N_("the backward raises: {error}"), N_("the backward raises for {shapes}: {error}")
    return _(there if shapes else everywhere, error=error, shapes=shapes)

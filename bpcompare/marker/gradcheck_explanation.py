"""Why a gradient or a forward is wrong: the mistake where it can be named, else what is true of the gradient."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_, _, listed
from bpcompare.marker import gradcheck_expected as right_answers
from bpcompare.marker.gradcheck_cases import Case, upstream_for
from bpcompare.marker.gradcheck_subject import Subject
from bpcompare.marker.gradcheck_tried import OtherForward, Tried, shapes_of
from bpcompare.marker.hypotheses.graph_changes.explain import Sample, explain, explain_forward
from bpcompare.marker.hypotheses.graph_changes.named_mistake import NamedMistake
from bpcompare.marker.questions import Asked, Property, ask


def explain_gradients(
    subject: Subject,
    tried: Sequence[Tried],
    wrong: dict[int, list[Tried]],
    pairs: bool,
    progress: Callable[[str], None] | None,
) -> dict[str, NamedMistake]:
    """The mistake of each wrong gradient, where one is found that gives the same numbers."""
    answered = [t for t in tried if not t.answered.raised]
    alike = [t for t in answered if _ranks(t.case) == _ranks(answered[0].case)]
    found: dict[str, NamedMistake] = {}
    for chosen in (alike, *([t for t in answered if t in bad] for bad in wrong.values())):
        if all(subject.names[p] in found for p in wrong):
            break
        samples = [_sample(subject, t) for t in chosen]
        if samples:
            tolerance = max(t.expected.tolerance for t in chosen) if subject.reference is None else 1e-9
            names = explain(
                subject.plain,
                samples,
                subject.names,
                pairs=pairs,
                tolerance=max(1e-9, tolerance),
                progress=progress,
            )
            found = {**names, **found}
    return {subject.names[p]: found[subject.names[p]] for p in wrong if subject.names[p] in found}


def _sample(subject: Subject, tried: Tried) -> Sample:
    answers = {subject.names[p]: tried.gradient(p) for p in subject.wanted}
    expected = {subject.names[p]: g for p, g in tried.expected.gradients.items()}
    return Sample(tried.case.arguments, tried.upstream, {n: a for n, a in answers.items() if a is not None}, expected)


def ask_properties(subject: Subject, position: int, wrong: Sequence[Tried]) -> list[Property]:
    """What is true of a wrong gradient whose mistake is not named."""
    place = subject.wanted.index(position)
    small = sorted(wrong, key=lambda t: sum(g.numel() for g in t.upstream))[:4]
    problems = [Asked(t.case.arguments, t.upstream, subject.wanted) for t in small]
    if any(t.expected.source == "difference" and g.numel() > 500 for t in small for g in t.expected.gradients.values()):
        return []

    def mine(arguments: Sequence[Any], upstream: Sequence[Tensor]) -> list[Tensor]:
        found = subject.call(arguments, upstream)
        return [found.gradients.get(p, torch.zeros_like(arguments[p])) for p in subject.wanted]

    def right(arguments: Sequence[Any], upstream: Sequence[Tensor]) -> list[Tensor]:
        if subject.reference is not None:
            found = right_answers.of_reference(subject.reference, arguments, upstream, subject.wanted).gradients
        else:
            found = right_answers.by_difference(subject.function, arguments, upstream, subject.wanted)
        return [found[p] for p in subject.wanted]

    return ask(subject.names[position], place, mine, right, problems, subject.names)


def explain_other_forward(subject: Subject, other_forward: Sequence[OtherForward]) -> str:
    """What the function calculates otherwise than its reference, and whether its backward belongs to that."""
    assert subject.reference is not None
    samples, outputs = [], []
    for case, mine in other_forward:
        upstream = tuple(upstream_for(mine, subject.generator))
        expected = right_answers.of_reference(subject.reference, case.arguments, upstream, subject.wanted)
        named = {subject.names[p]: g for p, g in expected.gradients.items()}
        samples.append(Sample(case.arguments, upstream, {}, named))
        outputs.append(mine)
    found = explain_forward(subject.reference, samples, outputs, subject.names)
    first, mine = other_forward[0]
    own = subject.call(first.arguments, samples[0].upstream or ())
    zeros = {p: torch.zeros_like(first.arguments[p]) for p in subject.wanted}
    fits = not own.raised and right_answers.confirmed(
        subject.function, first.arguments, samples[0].upstream or (), zeros | dict(own.gradients)
    )
    differ = N_("the forwards differ: function and reference give different outputs for {shapes}")
    lines = [_(differ, shapes=shapes_of(first))]
    lines += [listed(["  ", found[0]], ""), _("  at {place}", place=found[1])] if found else []
    belongs = N_("  the backward belongs to the function's own forward")
    foreign = N_("  the backward does not fit the function's own forward")
    return listed([*lines, _(belongs if fits else foreign)], "\n")


def _ranks(case: Case) -> tuple[int, ...]:
    return tuple(value.dim() for value in case.arguments if isinstance(value, Tensor))

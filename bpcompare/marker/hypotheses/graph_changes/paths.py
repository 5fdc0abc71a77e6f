"""Changes of the paths: edges and nodes that the gradient does not follow, and chains that stop too early."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.change import (
    COST,
    MIXING,
    MOVES,
    PATH,
    UPSTREAM,
    Change,
    Site,
    one_change,
    places,
    steps_by_key,
    steps_once,
)
from bpcompare.marker.hypotheses.graph_changes.local import Local
from bpcompare.marker.hypotheses.graph_changes.sentences import called, where
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Traced
from bpcompare.marker.phrases import Phrase, phrase


def _nothing(problem: Traced, at: Local) -> None:
    return None


def paths(problem: Traced) -> Iterator[Change]:
    """Edges and nodes held constant."""
    edges = list(places(problem))
    uses: dict[int, list[tuple[Step, int]]] = {}
    for step, slot in edges:
        uses.setdefault(step.operands[slot].index, []).append((step, slot))
    for step, slot in edges:
        operand = step.operands[slot]
        if len(uses.get(operand.index, ())) > 1:
            ends = {"operand": called(operand), "step": called(step)}
            says = phrase(N_("the path from {operand} into {step} is not followed"), **ends)
            change = one_change(PATH, step, slot, _nothing, says)
            yield replace(change, path=phrase(N_("the path from {operand} into {step}"), **ends))
    for step in steps_once(problem):
        if step.op != "input" and step not in problem.graph.outputs and step.op not in MOVES:
            says = phrase(N_("{value} is held constant: the path through it is missing"), value=called(step))
            yield replace(one_change(PATH, step, NODE, _nothing, says), through=called(step))
    for index, consumers in uses.items():
        if len(consumers) < 2:
            continue
        for kept in consumers:
            sites = tuple(Site(step.key, slot) for step, slot in consumers if (step, slot) != kept)
            if Site(kept[0].key, kept[1]) in sites:
                continue
            operand = problem.graph.steps[index]
            only = N_("of the {count} uses of {operand} only the one in {step} counts")
            says = phrase(only, count=len(consumers), operand=called(operand), step=called(kept[0]))
            yield Change(PATH, sites, _nothing, says, COST[PATH] + 0.2, where(kept[0]))
    yield from _kinds(problem)
    yield from _times(problem)


def _kinds(problem: Traced) -> Iterator[Change]:
    """All reductions of one kind, or of every kind, or of one line, held constant."""
    reductions = [step for step in steps_once(problem) if step.op in MIXING[:4]]
    groups: dict[Phrase, list[Step]] = {}
    for step in reductions:
        groups.setdefault(phrase(N_("every {op}"), op=step.op), []).append(step)
        if step.inner is not None:
            whole = step.source and step.source.text
            groups.setdefault(phrase(N_("every mean and sum in {whole}"), whole=whole), []).append(step)
    groups[Phrase(N_("every mean and sum"))] = reductions
    for label, steps in groups.items():
        sites = tuple(dict.fromkeys(Site(step.key, NODE) for step in steps))
        if len(sites) > 1:
            first, *others = dict.fromkeys(called(step) for step in steps)
            named = first
            for other in others:
                named = phrase(N_("{some}, {other}"), some=named, other=other)
            says = phrase(N_("{values} is held constant ({names})"), values=label, names=named)
            yield Change(PATH, sites, _nothing, says, COST[PATH] + 0.1, where(steps[0]), through=label)


def _times(problem: Traced) -> Iterator[Change]:
    """In a loop: the first or last time only."""
    for steps in steps_by_key(problem).values():
        step = steps[-1]
        if len(steps) < 2 or step.index not in problem.relevant:
            continue
        for slot, operand in enumerate(step.operands):
            if operand.index in problem.relevant:
                names = {"operand": called(operand), "step": called(step)}
                says = phrase(N_("earlier times are not followed: {operand} is held constant in {step}"), **names)
                earlier = phrase(N_("earlier times are not followed: {operand}"), **names)
                yield replace(one_change(PATH, step, slot, _nothing, says, -0.02), through=earlier)
                for times, counted in TIMES.items():
                    yield one_change(PATH, step, slot, _nothing, phrase(counted, **names), 0.2, times)


TIMES = {
    "not last": N_("the last time only counts of {operand} in {step}"),
    "not first": N_("the first time only counts of {operand} in {step}"),
    "last": N_("the last time is left out of {operand} in {step}"),
}


def upstreams(problem: Traced) -> Iterator[Change]:
    """The chain before a step left out."""
    for step in steps_once(problem):
        if isinstance(step.value, Tensor):
            whole = step in problem.graph.outputs
            stops = N_("the chain stops at {step}: the gradient of what follows it is left out")
            ignored = Phrase(N_("the upstream gradient is ignored: ones stand for it"))
            says = ignored if whole else phrase(stops, step=called(step))
            more = 0.0 if whole else 0.6
            yield one_change(UPSTREAM, step, NODE, lambda p, at: torch.ones_like(at.gradient), says, more)
            if not whole:
                yield one_change(UPSTREAM, step, NODE, lambda p, at: -torch.ones_like(at.gradient), says, more)

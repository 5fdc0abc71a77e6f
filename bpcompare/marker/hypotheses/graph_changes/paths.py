"""Changes of the paths: edges and nodes that the gradient does not follow, and chains that stop too early."""

from collections.abc import Iterator

import torch
from torch import Tensor

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
from bpcompare.marker.hypotheses.graph_changes.rules import Local
from bpcompare.marker.hypotheses.graph_changes.sentences import called, where
from bpcompare.marker.hypotheses.graph_changes.trace import Step
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Traced


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
            says = f"the path from {called(operand)} into {called(step)} is not followed"
            yield one_change(PATH, step, slot, _nothing, says)
    for step in steps_once(problem):
        if step.op != "input" and step not in problem.graph.outputs and step.op not in MOVES:
            yield one_change(
                PATH, step, NODE, _nothing, f"{called(step)} is held constant: the path through it is missing"
            )
    for index, consumers in uses.items():
        if len(consumers) < 2:
            continue
        for kept in consumers:
            sites = tuple(Site(step.key, slot) for step, slot in consumers if (step, slot) != kept)
            if Site(kept[0].key, kept[1]) in sites:
                continue
            operand = problem.graph.steps[index]
            says = f"of the {len(consumers)} uses of {called(operand)} only the one in {called(kept[0])} counts"
            yield Change(PATH, sites, _nothing, says, COST[PATH] + 0.2, where(kept[0]))
    yield from _kinds(problem)
    yield from _times(problem)


def _kinds(problem: Traced) -> Iterator[Change]:
    """All reductions of one kind, or of every kind, or of one line, held constant."""
    reductions = [step for step in steps_once(problem) if step.op in MIXING[:4]]
    groups: dict[str, list[Step]] = {}
    for step in reductions:
        groups.setdefault(f"every {step.op}", []).append(step)
        if step.inner is not None:
            groups.setdefault(f"every mean and sum in {step.source and step.source.text}", []).append(step)
    groups["every mean and sum"] = reductions
    for label, steps in groups.items():
        sites = tuple(dict.fromkeys(Site(step.key, NODE) for step in steps))
        if len(sites) > 1:
            says = f"{label} is held constant ({', '.join(dict.fromkeys(called(step) for step in steps))})"
            yield Change(PATH, sites, _nothing, says, COST[PATH] + 0.1, where(steps[0]))


def _times(problem: Traced) -> Iterator[Change]:
    """In a loop: the first or last time only."""
    for steps in steps_by_key(problem).values():
        step = steps[-1]
        if len(steps) < 2 or step.index not in problem.relevant:
            continue
        for slot, operand in enumerate(step.operands):
            if operand.index in problem.relevant:
                says = f"earlier times are not followed: {called(operand)} is held constant in {called(step)}"
                yield one_change(PATH, step, slot, _nothing, says, -0.02)
                for times, words in (
                    ("not last", "the last"),
                    ("not first", "the first"),
                    ("last", "all but the last"),
                ):
                    says = f"{words} time only counts of {called(operand)} in {called(step)}"
                    if times == "last":
                        says = f"the last time is left out of {called(operand)} in {called(step)}"
                    yield one_change(PATH, step, slot, _nothing, says, 0.2, times)


def upstreams(problem: Traced) -> Iterator[Change]:
    """The chain before a step left out."""
    for step in steps_once(problem):
        if isinstance(step.value, Tensor):
            whole = step in problem.graph.outputs
            says = (
                "the upstream gradient is ignored: ones stand for it"
                if whole
                else f"the chain stops at {called(step)}: the gradient of what follows it is left out"
            )
            more = 0.0 if whole else 0.6
            yield one_change(UPSTREAM, step, NODE, lambda p, at: torch.ones_like(at.gradient), says, more)
            if not whole:
                yield one_change(UPSTREAM, step, NODE, lambda p, at: -torch.ones_like(at.gradient), says, more)

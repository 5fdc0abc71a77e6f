"""A change that holds on some paths only: a factor that reaches the direct term, and not the mean and the variance."""

from collections.abc import Iterator

import numpy as np
import torch

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.change import PATH, Change
from bpcompare.marker.hypotheses.graph_changes.screen import DIRECTIONS, Answer, Array, effect, is_parallel
from bpcompare.marker.hypotheses.graph_changes.search import Found, Search
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Traced
from bpcompare.marker.phrases import phrase

LEFT_OUT_FOR_LESS = 1.75  # changes that cost no more may hold partly
MORE = 0.8


def name(search: Search) -> None:
    """Adds what is found to the search."""
    if not search.open():
        return
    cuts = list(_cuts(search))
    for number, change in enumerate(search.changes):
        if change.cost > LEFT_OUT_FOR_LESS or change.kind == PATH or number not in search.shadows:
            continue
        for cut, through in _through(search, change, cuts):
            for answer in search.open():
                _try(search, answer, (number, change), cut, through[answer.index])


def _cuts(search: Search) -> Iterator[Change]:
    """The nodes that a path may pass: single ones and all of a kind."""
    for change in search.changes:
        if change.kind == PATH and all(site.slot == NODE and site.times == "all" for site in change.sites):
            yield change


def _through(search: Search, change: Change, cuts: list[Change]) -> Iterator[tuple[Change, dict[int, Array]]]:
    """How far the change moves each answer by the paths through each cut."""
    placed = change.at(search.problem)
    if placed is None:
        return
    try:
        reached = search.screen.carried(placed, frozenset())
    except RuntimeError:
        return
    for cut in cuts:
        edges = cut.at(search.problem)
        if edges is None or any(edge in placed for edge in edges):
            continue
        nodes = frozenset(index for index, _ in edges)
        if not nodes & reached.keys():
            continue
        deltas = reached if len(nodes) == 1 else search.screen.carried(placed, nodes)
        yield (
            cut,
            {
                answer.index: sum((effect(answer, n, deltas[n]) for n in nodes & deltas.keys()), np.zeros(DIRECTIONS))
                for answer in search.open()
            },
        )


def _try(search: Search, answer: Answer, changed: tuple[int, Change], cut: Change, through: Array) -> None:
    number, change = changed
    alone = search.shadows[number][answer.index]
    for inside, moved in ((True, through), (False, alone - through)):
        if not is_parallel(answer.true + moved, answer.shadow):
            continue
        try:
            predicted = [_answer(problem, change, cut, inside, answer.index) for problem in search.problems]
        except RuntimeError:
            continue
        factor = search.factor(answer, [p for p in predicted if p is not None]) if None not in predicted else None
        if factor is not None:
            only = N_("{change} – only in what passes through {value}")
            apart = N_("{change} – but not in what passes through {value}")
            says = phrase(only if inside else apart, change=change.says, value=cut.through or cut.says)
            cost = change.cost + MORE + cut.cost / 10
            told = Change(change.kind, change.sites, change.act, says, cost, change.place)
            search.found[answer.index].append(Found((told,), factor, cost + factor.cost))


def _answer(problem: Traced, change: Change, cut: Change, inside: bool, index: int) -> torch.Tensor | None:
    """The paths through the cut with the change and the others without it, or the other way round."""
    with_change, with_cut = change.at(problem), cut.at(problem)
    if with_change is None or with_cut is None:
        return None
    whole = problem.answers({})[index]
    changed, rest = problem.answers(with_change)[index], problem.answers(with_cut)[index]
    both = problem.answers(with_change | with_cut)[index]
    return rest + changed - both if inside else whole - rest + both

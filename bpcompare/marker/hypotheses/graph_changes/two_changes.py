"""Two changes together, where one explains nothing."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.change import Change
from bpcompare.marker.hypotheses.graph_changes.screen import DIRECTIONS, Answer, Array, all_parallel, project
from bpcompare.marker.hypotheses.graph_changes.search import Search
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Act, Edge

PAIRS_SECONDS = 7.5  # of the processor
SECOND_ONLY = 2.0  # changes that cost as much are tried as the second of a pair only


def name(search: Search) -> None:
    """Adds what is found to the search."""
    if search.open():
        _pairs(search, time.thread_time() + PAIRS_SECONDS)


def _pairs(search: Search, deadline: float) -> None:
    """Two changes: the first one nearer to the output, the second where the first one's gradient passes."""
    single = [(n, c, placed) for n, c, placed in _placed(search) if len(placed) == 1]
    table = {
        answer.index: np.stack([search.shadows[n][answer.index] for n, _, _ in single]) for answer in search.open()
    }
    for number, (_, first, placed) in enumerate(single):
        search.progress.tell(N_("looking for the mistake: two changes, {percent} % tried"), number, len(single))
        if first.cost >= SECOND_ONLY:
            continue
        if time.thread_time() > deadline:
            return
        ((index, slot), _), *_ = placed.items()
        walked = search.problem.walk(placed, keep=True)
        for answer in search.open():
            step = search.problem.graph.inputs[search.problem.wanted[answer.index]]
            assert step is not None
            got = walked.get(step.index)
            start = project(answer.moved[step.index], got) if got is not None else np.zeros(DIRECTIONS)
            shadows = table[answer.index].copy()
            for row, (_, second, other) in enumerate(single):
                shadows[row] = _second(search, answer, walked, (index, slot), second, other, shadows[row])
            for row in all_parallel(start + shadows, answer.shadow):
                second = single[row][1]
                search.work_out(answer, (first, second), first.cost + second.cost)


def _second(
    search: Search,
    answer: Answer,
    walked: dict[int, Any],
    above: Edge,
    second: Change,
    placed: dict[Edge, list[Act]],
    alone: Array,
) -> Array:
    """How far a second change moves the answer after a first one nearer to the output."""
    ((index, slot), acts), *_ = placed.items()
    nearer = index > above[0] or (index == above[0] and slot == NODE)  # to the output than the first
    if (index, slot) == above or (nearer and second.cost < SECOND_ONLY):
        return np.full(DIRECTIONS, np.nan)  # not a pair, or met in the other order
    gradient = walked.get(index)
    if nearer or _equal(gradient, search.problem.gradients.get(index)):
        return alone
    return search.screen.shadow_at(search.problem.graph.steps[index], slot, gradient, acts[0])[answer.index]


def _placed(search: Search) -> Iterator[tuple[int, Change, dict[Edge, list[Act]]]]:
    for number, change in enumerate(search.changes):
        placed = change.at(search.problem)
        if placed is not None and number in search.shadows:
            yield number, change, placed


def _equal(a: object, b: object) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)

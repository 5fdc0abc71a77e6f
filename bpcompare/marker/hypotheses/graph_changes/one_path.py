"""A factor on one path alone: the answer is rest + λ · path, or f · (rest + λ · path)."""

import numpy as np
import torch
from torch import Tensor

from bpcompare.marker.hypotheses.graph_changes.change import PATH, Change
from bpcompare.marker.hypotheses.graph_changes.screen import SCREEN, Answer, Array, is_nothing
from bpcompare.marker.hypotheses.graph_changes.search import Found, Search
from bpcompare.marker.hypotheses.graph_changes.size_factor import SAME, SizeFactor, fit
from bpcompare.marker.hypotheses.graph_changes.walk import Traced


def name(search: Search) -> None:
    """Adds what is found to the search."""
    if not search.open():
        return
    for number, change in enumerate(search.changes):
        if change.kind != PATH or number not in search.shadows:
            continue
        for answer in _open_or_shared(search):
            moved = -search.shadows[number][answer.index]
            if is_nothing(moved, answer.true):
                continue
            design = np.stack([answer.true - moved, moved], 1)
            solved, *_ = np.linalg.lstsq(design, answer.shadow, rcond=None)
            if np.abs(design @ solved - answer.shadow).max() <= SCREEN * np.abs(answer.shadow).max():
                _share(search, answer, change)


def _open_or_shared(search: Search) -> list[Answer]:
    return [a for a in search.answers if all(f.share is not None for f in search.found[a.index])]


def _share(search: Search, answer: Answer, change: Change) -> None:
    """Solves for both factors in the problems with enough numbers; believes what gives the answer in all of them."""
    parts, rests, shares, sizes = [], [], [], []
    for problem, given, expected in zip(search.problems, answer.arrays, search.expected, strict=True):
        placed = change.at(problem)
        if placed is None:
            return
        rest = problem.answers(placed)[answer.index].reshape(-1)
        path = expected[answer.index].reshape(-1) - rest
        design = torch.stack([rest, path], 1).numpy()
        parts.append(design)
        if given.numel() < 3 or np.linalg.matrix_rank(design, tol=1e-9 * np.abs(design).max()) < 2:
            continue
        solved, *_ = np.linalg.lstsq(design, given.reshape(-1).numpy(), rcond=None)
        missed = np.abs(design @ solved - given.reshape(-1).numpy()).max()
        if missed > 10 * search.tolerance * np.abs(design).max() or abs(solved[0]) < 1e-9:
            return
        rests.append(float(solved[0]))
        shares.append(float(solved[1] / solved[0]))
        sizes.append(problem.sizes)
    if len(rests) < 2:
        return
    factor, share = fit(rests, sizes), fit(shares, sizes)
    if factor is None or share is None or share == SizeFactor():
        return
    if not (share.plain and factor.plain) and len(rests) <= len(factor.powers) + len(share.powers) + 2:
        return
    if all(_gives(factor, share, *one) for one in zip(search.problems, parts, answer.arrays, strict=True)):
        cost = change.cost + 0.6 + share.cost + factor.cost
        search.found[answer.index].append(Found((change,), factor, cost, share))


def _gives(factor: SizeFactor, share: SizeFactor, problem: Traced, parts: Array, given: Tensor) -> bool:
    """Whether an answer is what the factors make of its parts, also where it has too few numbers to solve for them."""
    guess = factor.value(problem.sizes) * (parts @ [1.0, share.value(problem.sizes)])
    missed = np.abs(guess - given.reshape(-1).numpy()).max(initial=0.0)
    return bool(missed <= 10 * SAME * np.abs(guess).max(initial=0.0))

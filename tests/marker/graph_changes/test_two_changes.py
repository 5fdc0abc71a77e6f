"""Two changes together, told beforehand for every pair: what the walk with both of them gives."""

import numpy as np
import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, search_of

from bpcompare.marker.hypotheses.graph_changes import two_changes
from bpcompare.marker.hypotheses.graph_changes.screen import DIRECTIONS, project
from bpcompare.marker.hypotheses.graph_changes.walk import NODE


def forward(x, w):
    hidden = torch.tanh(x * w)
    return torch.sigmoid(hidden)


def draw(k):
    return drawn(20 + k, 3 + k, 3, low=0.2), drawn(40 + k, 3 + k, 3, low=0.2)


def square(k):
    return drawn(20 + k, 3, 3), drawn(40 + k, 3, 3)


def anything(g, right, x, w):
    return right * torch.cos(3 * w) + torch.sin(x)


def all_pairs():
    """Every seventh pair of changes of one place: both, what is foretold of both, and what the walk gives."""
    search = search_of(lambda x, w: torch.tanh(x @ w) * torch.sin(x), square, anything)
    (answer,) = search.answers
    single = [(n, c, placed) for n, c, placed in two_changes._placed(search) if len(placed) == 1]
    step = search.problem.graph.inputs[0]
    for _, first, placed in single[::4]:
        ((above, _),) = placed.items()
        walked = search.problem.walk(placed, keep=True)
        got = walked.get(step.index)
        start = project(answer.moved[step.index], got) if got is not None else np.zeros(DIRECTIONS)
        for n, second, other in single[::3]:
            alone = search.shadows[n][answer.index]
            moved = two_changes._second(search, answer, walked, above, second, other, alone)
            yield search, answer, (first, placed, above), (second, other), start, moved


def nearer(one, other):
    """Whether a place is met before another on the way back: a step's own gradient before its operands'."""
    return (one[0], -one[1]) > (other[0], -other[1]) and (one[0] != other[0] or one[1] == NODE)


def test_what_is_foretold_of_a_pair_is_what_the_walk_with_both_gives():
    compared = apart = 0
    for search, answer, (first, placed, above), (second, other), start, moved in all_pairs():
        ((below, _),) = other.items()
        if below == above or (nearer(below, above) and second.cost < two_changes.SECOND_ONLY):
            assert np.isnan(moved).all()
            apart += 1
            continue
        try:
            both = search.problem.answers(placed | other)[0]
        except RuntimeError:
            continue
        if nearer(below, above) or not torch.isfinite(both).all():
            continue  # the dearer one nearer to the output: by itself, not after the other
        expected = project(answer.moved[search.problem.graph.inputs[0].index], both)
        size = np.abs(expected).max() + np.abs(start).max() + np.abs(moved).max()
        np.testing.assert_allclose(start + moved, expected, atol=1e-9 * size, err_msg=f"{first.says}, {second.says}")
        compared += 1
    assert compared > 50
    assert apart > 50


def test_a_change_above_another_moves_the_answer_as_far_as_by_itself():
    for search, answer, (_, _, above), (second, other), _, moved in all_pairs():
        ((below, _),) = other.items()
        if nearer(below, above) and not np.isnan(moved).all():
            number = search.changes.index(second)
            assert np.array_equal(moved, search.shadows[number][answer.index], equal_nan=True)


def both_wrong(g, right, x, w):
    hidden = torch.tanh(x * w)
    return g * torch.sigmoid(hidden) ** 2 * (1 - hidden) * w


def test_two_mistakes_are_found_together_each_with_its_own_cost():
    search = search_of(forward, draw, both_wrong)
    two_changes.name(search)
    found = [([str(change.says) for change in one.changes], one.cost) for one in search.found[0]]
    wanted = [
        "in the derivative of torch.sigmoid(hidden) it is s², not s(1 − s)",
        "in the derivative of hidden it is 1 − t, not 1 − t²",
    ]
    assert (wanted, pytest.approx(2.6)) in found
    for changes in (one.changes for one in search.found[0]):
        for problem, array in zip(search.problems, search.answers[0].arrays, strict=True):
            placed = changes[0].at(problem) | changes[1].at(problem)
            assert_close(problem.answers(placed)[0], array, rtol=1e-9, atol=1e-12)
    for one in search.found[0]:
        assert one.cost == pytest.approx(sum(change.cost for change in one.changes) + one.factor.cost)


def test_the_first_of_a_pair_is_cheap_and_the_second_may_be_dear():
    search = search_of(forward, draw, both_wrong)
    two_changes.name(search)
    assert all(one.changes[0].cost < two_changes.SECOND_ONLY for one in search.found[0])


def test_an_answer_that_is_explained_is_not_explained_by_two():
    search = search_of(forward, draw, both_wrong)
    two_changes.name(search)
    (first, *_) = search.found[0]
    search.found[0][:] = [first]
    two_changes.name(search)
    assert search.found[0] == [first]


def test_no_pair_is_tried_after_the_time_is_over():
    search = search_of(forward, draw, both_wrong)
    two_changes._pairs(search, 0.0)
    assert search.found[0] == []


def test_how_many_pairs_were_tried_is_told():
    said = []
    search = search_of(forward, draw, anything)
    search.progress.tell = lambda message, done, total: said.append((done, total))
    two_changes.name(search)
    total = said[0][1]
    assert said == [(k, total) for k in range(total)]
    assert total == sum(len(placed) == 1 for _, _, placed in two_changes._placed(search))

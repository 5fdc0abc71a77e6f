"""A change that holds on some paths only: what it does there, told beforehand and by walks."""

import numpy as np
import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, search_of

from bpcompare.marker.hypotheses.graph_changes import partly
from bpcompare.marker.hypotheses.graph_changes.change import PATH
from bpcompare.marker.hypotheses.graph_changes.screen import project
from bpcompare.marker.hypotheses.graph_changes.walk import NODE


def forward(x, w):
    mean = x.mean(1, keepdim=True)
    apart = torch.tanh(x - mean)
    return apart * w


def draw(k):
    return drawn(20 + k, 3 + k, 4 + k, low=0.2), drawn(40 + k, 3 + k, 4 + k, low=0.2)


def wrong(inside, slope=lambda t: t):
    """tanh's derivative mistaken on the paths through the mean, or on all others."""

    def given(g, right, x, w):
        t = torch.tanh(x - x.mean(1, keepdim=True))
        known, mistaken = g * w * (1 - t**2), g * w * slope(t)
        through, rest = (mistaken, known) if inside else (known, mistaken)
        return rest - through.mean(1, keepdim=True)

    return given


@pytest.mark.parametrize("inside", [True, False])
def test_a_mistake_on_some_paths_is_named_with_what_they_pass(inside):
    search = search_of(forward, draw, wrong(inside))
    partly.name(search)
    found = {str(one.changes[0].says): one for one in search.found[0]}
    only = "– only in what passes through mean" if inside else "– but not in what passes through mean"
    ((says, one),) = [pair for pair in found.items() if pair[0].endswith(only) and "it is t, not" in pair[0]]
    assert says.startswith("in the derivative of apart it is t, not 1 − t²")
    assert one.cost == pytest.approx(1.3 + 0.8 + 0.94 / 10)  # the change, that it is in part, the path
    assert one.changes[0].cost == pytest.approx(one.cost)
    assert one.factor.constant == 1
    assert one.changes[0].place.endswith("torch.tanh(x - mean)")


def test_a_factor_besides_is_named_too():
    double = search_of(forward, draw, lambda *given: 2 * wrong(True)(*given))
    partly.name(double)
    one = min(double.found[0], key=lambda found: found.cost)
    assert (one.factor.constant, one.cost) == (2.0, pytest.approx(1.3 + 0.8 + 0.94 / 10 + 0.8))


def test_what_holds_in_every_problem_but_one_is_not_named():
    def sometimes(g, right, x, w):
        return wrong(True)(g, right, x, w) if len(x) != 4 else right

    search = search_of(forward, draw, sometimes)
    partly.name(search)
    assert search.found[0] == []


def test_what_is_explained_already_is_not_tried():
    search = search_of(forward, draw, wrong(True))
    search.found[0].append("an explanation")
    partly.name(search)
    assert search.found[0] == ["an explanation"]


def test_paths_and_dear_changes_do_not_hold_partly():
    search = search_of(forward, draw, wrong(True))
    tried = []
    search.screen.carried = lambda placed, cut, carried=search.screen.carried: (
        tried.append(placed),
        carried(placed, cut),
    )[1]
    partly.name(search)
    by_edges = {tuple(change.at(search.problem)) for change in search.changes if allowed(change)}
    assert {tuple(placed) for placed in tried} == by_edges
    assert any(change.cost > partly.LEFT_OUT_FOR_LESS for change in search.changes)


def allowed(change):
    return change.kind != PATH and change.cost <= partly.LEFT_OUT_FOR_LESS


def both_ways(search):
    """Each change and cut with what is told of the paths through the cut."""
    cuts = list(partly._cuts(search))
    for change in search.changes:
        if allowed(change):
            for cut, through in partly._through(search, change, cuts):
                yield change, cut, through[0]


def test_what_passes_a_cut_is_what_is_gone_when_nothing_passes_it():
    search = search_of(forward, draw, wrong(True))
    (answer,) = search.answers
    problem, compared = search.problem, 0
    leaf = answer.moved[problem.graph.inputs[0].index]
    for change, cut, through in both_ways(search):
        at, gone = change.at(problem), cut.at(problem)
        assert not set(at) & set(gone)
        walks = [problem.answers(placed)[0] for placed in ({}, at, gone, at | gone)]
        right, changed, rest, both = walks
        expected = project(leaf, changed - right - both + rest)
        np.testing.assert_allclose(through, expected, rtol=1e-9, atol=1e-9 * np.abs(answer.true).max())
        within = partly._answer(problem, change, cut, True, 0)
        outside = partly._answer(problem, change, cut, False, 0)
        assert_close(within, rest + changed - both, rtol=1e-12, atol=1e-12)
        assert_close(outside, right + both - rest, rtol=1e-12, atol=1e-12)
        assert_close(within + outside, right + changed, rtol=1e-12, atol=1e-12)
        compared += 1
    assert compared > 20


def test_every_cut_that_a_change_reaches_is_tried():
    search = search_of(forward, draw, wrong(True))
    tried = {(str(change.says), str(cut.says)) for change, cut, _ in both_ways(search)}
    right = search.problem.walk({}, keep=True)
    for change in filter(allowed, search.changes):
        changed = search.problem.walk(change.at(search.problem), keep=True)
        for cut in partly._cuts(search):
            nodes = {index for index, _ in cut.at(search.problem)}
            places = change.at(search.problem)
            moved = any(not torch.allclose(changed[n], right[n], rtol=1e-6, atol=1e-9) for n in nodes)
            if moved and not any((n, NODE) in places for n in nodes):
                assert (str(change.says), str(cut.says)) in tried


def test_cuts_are_whole_values_held_constant_at_every_time():
    search = search_of(forward, draw, wrong(True))
    cuts = list(partly._cuts(search))
    assert {str(cut.says).partition(" is held constant")[0] for cut in cuts} == {"mean", "x - mean", "apart"}
    assert all(cut.kind == PATH for cut in cuts)


def test_where_the_places_are_not_there_nothing_is_told():
    search = search_of(forward, draw, wrong(True))
    other = search_of(lambda x, w: x * w, draw, wrong(True)).problem
    cut = next(partly._cuts(search))
    change = next(filter(allowed, search.changes))
    assert partly._answer(other, change, cut, True, 0) is None

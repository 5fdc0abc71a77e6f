"""The search step by step: how far it is, what it works out, what it believes, and in which order it asks."""

from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, search_of, step_of

from bpcompare.marker.hypotheses.graph_changes import jacobians, replay, screen, search
from bpcompare.marker.hypotheses.graph_changes.change import Change, one_change
from bpcompare.marker.hypotheses.graph_changes.search import Found, Progress, Search
from bpcompare.marker.hypotheses.graph_changes.sentences import called
from bpcompare.marker.hypotheses.graph_changes.size_factor import SizeFactor


class Clock:
    """The seconds that a test says."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_nothing_is_said_for_two_seconds_and_then_a_sentence_a_second():
    clock, said = Clock(), []
    with patch.object(search.time, "monotonic", clock):
        progress = Progress(said.append)
        for now, percent in ((101.9, None), (102.0, None), (102.1, 25), (103.0, None), (103.2, 50), (104.1, None)):
            clock.now, before = now, len(said)
            progress.tell("{percent} % tried", percent or 7, 100)
            assert said[before:] == ([f"{percent} % tried"] if percent else [])
        clock.now = 200.0
        progress.tell("{percent} % tried", 1, 3)
        assert said[-1] == "33 % tried"
        clock.now = 250.0
        progress.tell("{percent} % tried", 3, 3)
        assert said[-1] == "100 % tried"
        clock.now = 300.0
        progress.tell("{percent} % tried", 0, 0)
        assert said[-1] == "0 % tried"
        Progress(None).tell("{percent} % tried", 1, 3)


def forward(x, w):
    return torch.tanh(x) * torch.sin(w) + x


def draw(k):
    return drawn(20 + k, 4 + k, low=0.2), drawn(40 + k, 4 + k, low=0.2)


def double(g, right, x, w):
    return 2 * right


def forgotten(g, right, x, w):
    return g * torch.sin(w) * torch.tanh(x) + g


def anything(g, right, x, w):
    return right * torch.cos(3 * w) + torch.sin(x)


def test_a_factor_is_found_before_any_change_and_costs_one_more_than_itself():
    found = search_of(forward, draw, double)
    found._factor_alone()
    (one,) = found.found[0]
    assert (one.changes, one.factor, one.cost) == ((), SizeFactor(2.0), 1.8)


def test_the_gradient_of_another_input_is_found_unless_it_is_explained():
    def other(g, right, x, w):
        return -g * torch.tanh(x) * torch.cos(w)

    found = search_of(forward, draw, other)
    found._swapped()
    (one,) = found.found[0]
    assert (str(one.changes[0].says), one.changes[0].kind) == ("it is the gradient of x1", "swapped")
    assert (one.changes[0].cost, one.factor, one.cost) == (1.2, SizeFactor(-1.0), 2.0)
    found._swapped()
    assert len(found.found[0]) == 1
    none = search_of(forward, draw, double)
    none._swapped()
    assert none.found[0] == []


def test_what_is_left_is_open_and_the_cheapest_comes_first():
    found = search_of(forward, draw, double)
    assert found.open() == found.answers
    found.found[0] += [Found((), SizeFactor(), cost) for cost in (2.0, 1.0, 1.5)]
    assert found.open() == []
    assert [one.cost for one in found.result()[0]] == [1.0, 1.5, 2.0]


def test_changes_are_tried_until_all_that_is_left_costs_clearly_more():
    tried = search_of(forward, draw, forgotten)
    tried.changes, tried.shadows = [], {}
    tried.run_singles()
    best = min(one.cost for one in tried.found[0])
    assert best == 1.3
    assert any("it is t, not 1 − t²" in str(one.changes[0].says) for one in tried.found[0])
    last = max(tried.shadows)
    assert tried.changes[last].cost <= best + search.AS_CHEAP
    dearer = [change.cost for change in tried.changes[last + 1 :]]
    assert min(dearer) > best + search.AS_CHEAP or all(c.at(tried.problem) is None for c in tried.changes[last + 1 :])
    for one in tried.found[0]:
        for problem, array in zip(tried.problems, tried.answers[0].arrays, strict=True):
            predicted = problem.answers(one.changes[0].at(problem))[0] * one.factor.value(problem.sizes)
            assert_close(predicted, array, rtol=1e-8, atol=1e-12)


def test_what_costs_just_as_much_as_an_alternative_may_is_tried():
    change = Change("path", (), lambda problem, at: None, "", 1.0, "")
    assert not search._found_for_less([Found((), SizeFactor(), 0.65)], change)
    assert search._found_for_less([Found((), SizeFactor(), 0.64)], change)


def test_the_progress_of_single_changes_is_told_for_each():
    found, said = search_of(forward, draw, anything), []
    found.progress.tell = lambda message, done, total: said.append((done, total))
    found.run_singles()
    assert said == [(k, len(found.changes)) for k in range(len(found.changes))]


def fitting(found):
    """A change of tanh's derivative that gives the answer of ``forgotten``."""
    step = step_of(found.problem, "tanh")
    return one_change("derivative", step, 0, lambda problem, at: at.gradient * at.out, "m")


def test_a_candidate_is_believed_where_it_gives_the_answer_in_every_problem():
    found = search_of(forward, draw, forgotten)
    change = fitting(found)
    found.work_out(found.answers[0], (change,), change.cost)
    (one,) = found.found[0]
    assert (one.changes, one.factor, one.cost) == ((change,), SizeFactor(), change.cost)
    assert found.worked == {0: 1}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_candidate_that_fails_in_one_problem_is_not_believed(place):
    def once(g, right, x, w):
        return forgotten(g, right, x, w) * (1 + (len(x) == 4 + place) * w)

    found = search_of(forward, draw, once)
    found.work_out(found.answers[0], (fitting(found),), 1.3)
    assert found.found[0] == []


def test_only_so_many_candidates_are_worked_out_for_one_answer():
    found = search_of(forward, draw, forgotten)
    change = fitting(found)
    for _ in range(search.NAMED_ENOUGH + 5):
        found.work_out(found.answers[0], (change,), change.cost)
    assert len(found.found[0]) == search.NAMED_ENOUGH == 24


def test_two_changes_are_worked_out_together_and_must_both_be_there():
    found = search_of(forward, draw, lambda g, right, x, w: g * w * torch.tanh(x) + g)
    tanh, sine = step_of(found.problem, "tanh"), step_of(found.problem, "sin")
    other = one_change("derivative", tanh, -1, lambda p, at: at.gradient / torch.sin(p.graph.inputs[1].value), "n")
    times = one_change("derivative", tanh, 0, lambda p, at: at.gradient * at.out * p.graph.inputs[1].value, "m")
    found.work_out(found.answers[0], (other, times), 2.6)
    ((one),) = found.found[0]
    assert (one.changes, one.cost) == ((other, times), 2.6)
    gone = Change("path", (type(times.sites[0])(("nowhere", ""), 0),), times.act, "m", 1.0, "")
    found.work_out(found.answers[0], (other, gone), 2.6)
    found.work_out(found.answers[0], (times,), 2.6)
    assert len(found.found[0]) == 1
    assert sine is not tanh


def test_a_factor_is_one_of_all_problems_and_zero_fits_zero():
    found = search_of(forward, draw, double)
    (answer,) = found.answers
    right = [expected[0] for expected in found.expected]
    assert found.factor(answer, right) == SizeFactor(2.0)
    assert found.factor(answer, [right[0], right[1], right[2] * 3]) is None
    assert found.factor(answer, [right[0], right[1], right[2].flip(0)]) is None
    zero = replace(answer, arrays=[0 * answer.arrays[0], *answer.arrays[1:]])
    assert found.factor(zero, [0 * right[0], *right[1:]]) == SizeFactor(2.0)
    assert found.factor(zero, right) is None
    nothing = replace(answer, arrays=[0 * array for array in answer.arrays])
    assert found.factor(nothing, [0 * one for one in right]) is None


def test_three_numbers_in_all_are_enough_to_name_a_mistake():
    def lengths(*sizes):
        return lambda k: (drawn(20 + k, sizes[k], low=0.2), drawn(40 + k, sizes[k], low=0.2))

    for sizes, known in (((1, 1), False), ((2, 1), True), ((1, 1, 1), True), ((2,), False)):
        found = search_of(forward, lengths(*sizes), double, len(sizes))
        guess = [expected[0] for expected in found.expected]
        assert (found.factor(found.answers[0], guess) is not None) is known


def with_constant(x, w):
    return torch.tanh(3 * x) * w


def without(g, right, x, w):
    return g * w * (1 - torch.tanh(x) ** 2)


def test_other_forwards_are_tried_while_there_is_time():
    found = search_of(with_constant, draw, lambda *given: 2 * without(*given))
    found._forward(0.0)
    assert found.found[0] == []
    found.run_forwards()
    told = {str(one.changes[0].says): (one.factor, round(one.cost, 9)) for one in found.found[0]}
    assert told == {
        "the backward belongs to a forward without the constant 3 of 3 * x": (SizeFactor(2.0), 3.0),
        "the backward belongs to a forward in which x0 stands for 3 * x in torch.tanh(3 * x)": (SizeFactor(2.0), 3.4),
    }
    found.run_forwards()
    assert len(found.found[0]) == 2


def test_another_forward_must_give_the_answer_in_every_problem():
    found = search_of(with_constant, draw, lambda g, right, x, w: without(g, right, x, w) * (w if len(x) == 4 else 1))
    found.run_forwards()
    assert found.found[0] == []


def test_the_screened_problem_is_one_where_the_answer_is_wrong():
    problems = [graph(forward, list(draw(k)), [drawn(k, 4 + k)]) for k in range(3)]
    right = [problem.answers({}) for problem in problems]
    for wrong in range(3):
        answers = [[one[0] * (1 + (k == wrong)), one[1]] for k, one in enumerate(right)]
        made = Search(problems, answers, [0])
        assert made.screened == wrong
        assert made.problem is problems[wrong]
    assert isinstance(next(replay.all_changes(problems[0])).answers(problems[0]), list)


def test_parts_of_several_results_are_added_where_they_are_known():
    one, two = torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0])
    total = jacobians.plus([one, None, one, None], [two, two, None, None])
    assert [part if part is None else part.tolist() for part in total] == [[11, 22], [10, 20], [1, 2], None]
    assert jacobians.plus(one, two).tolist() == [11, 22]
    less = screen._minus([two, None, two], [one, one, None])
    assert [part if part is None else part.tolist() for part in less] == [[9, 18], [-1, -2], [10, 20]]
    gone = screen._minus(None, [one, None])
    assert [part if part is None else part.tolist() for part in gone] == [[-1, -2], None]
    assert screen._minus(two, one).tolist() == [9, 18]
    assert screen._minus(None, one).tolist() == [-1, -2]


def test_what_is_laid_out_in_another_way_is_called_by_its_leaf_only():
    def moved(x, w):
        hidden = x * w
        return hidden.t() @ x.t().t() + (w.t() * 2) @ x

    problem = graph(moved, [drawn(1, 3, 4), drawn(2, 3, 4)])
    told = [str(called(step)) for step in problem.graph.steps if step.op == "t"]
    assert told == ["hidden.t()", "x0", "x0", "x1"]

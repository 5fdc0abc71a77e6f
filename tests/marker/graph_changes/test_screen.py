"""What is screened cheaply against what a walk back gives: every change of every forward."""

import numpy as np
import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph
from torch.nn import functional as F

from bpcompare.marker.hypotheses.graph_changes.changes import all_changes
from bpcompare.marker.hypotheses.graph_changes.screen import (
    DIRECTIONS,
    Screen,
    all_parallel,
    is_nothing,
    is_parallel,
    project,
    shadowed,
)
from bpcompare.marker.hypotheses.graph_changes.walk import NODE


def loop(x, w):
    state = x
    for _ in range(3):
        state = torch.tanh(state * w + x)
    return state


def split(x, w):
    values, _ = (x * w).max(1)
    first, second = (x + w).chunk(2, 1)
    return values[:, None] * first + second.exp()


FORWARDS = {
    "a loop": loop,
    "several results": split,
    "a norm": lambda x, w: F.layer_norm(x * w, (4,)) + x.mean(0),
    "a softmax": lambda x, w: torch.softmax(x @ w.t(), 1) @ w,
    "indices": lambda x, w: x[torch.tensor([0, 0, 2])] * w.sum(0),
}


def searched(forward):
    """A problem, and the screen of two answers that are anything."""
    x, w = drawn(1, 3, 4), drawn(2, 3, 4)
    (upstream,) = [drawn(3, *forward(x, w).shape)]
    problem = graph(forward, [x, w], [upstream])
    true = problem.answers({})
    return problem, Screen(problem, [shadowed(problem, k, [], drawn(4, 3, 4), true[k]) for k in (0, 1)])


def assert_moved_as_by_the_walk(problem, screen, placed, true, told=""):
    """Compares the shadow of a change with that of a whole walk; how many answers could be, as all was finite."""
    try:
        changed = problem.answers(placed)
    except RuntimeError:  # the shapes do not allow it
        return 0
    shadows, compared = screen.shadow(placed), 0
    for answer, before, after in zip(screen.answers, true, changed, strict=True):
        if torch.isfinite(after).all():
            leaf = answer.moved[problem.graph.inputs[answer.index].index]
            expected = project(leaf, after - before)
            size = np.abs(answer.true).max() + np.abs(expected).max()
            assert (abs(shadows[answer.index] - expected) <= 1e-9 * size + 1e-7 * abs(expected)).all(), told
            compared += 1
    return compared


@pytest.mark.parametrize("name", FORWARDS)
def test_a_change_moves_an_answer_as_far_as_the_walk_with_it_does(name):
    problem, screen = searched(FORWARDS[name])
    true = problem.answers({})
    for answer in screen.answers:
        step = problem.graph.inputs[answer.index]
        np.testing.assert_allclose(project(answer.moved[step.index], true[answer.index]), answer.true, rtol=1e-10)
        np.testing.assert_allclose(project(answer.moved[step.index], drawn(4, 3, 4)), answer.shadow, rtol=1e-10)
    tried = []
    for change in all_changes(problem):
        if placed := change.at(problem):
            tried += [len(placed)] * assert_moved_as_by_the_walk(problem, screen, placed, true, str(change.says))
    assert len(tried) > 50
    assert (max(tried) > 1) == (name != "a softmax")  # all sums, or all times of a loop


@pytest.mark.parametrize("name", FORWARDS)
def test_changes_at_several_places_move_an_answer_as_far_as_the_walk_with_all_of_them_does(name):
    problem, screen = searched(FORWARDS[name])
    changes = [change for change in all_changes(problem) if change.kind != "upstream"]  # which need no gradient
    single = [placed for change in changes if (placed := change.at(problem)) and len(placed) == 1]
    tried, true = 0, problem.answers({})
    for k, placed in enumerate(single[::5]):
        together = placed | single[(11 * k + 3) % len(single)] | single[(17 * k + 8) % len(single)]
        tried += assert_moved_as_by_the_walk(problem, screen, together, true)
    assert tried > 10


def test_what_a_change_does_to_every_step_is_the_difference_of_two_walks():
    problem, screen = searched(FORWARDS["a softmax"])
    right = problem.walk({}, keep=True)
    for change in all_changes(problem):
        placed = change.at(problem)
        if placed is None or change.kind != "derivative" or any(slot == NODE for _, slot in placed):
            continue
        changed = problem.walk(placed, keep=True)
        carried = screen.carried(placed, frozenset())
        for index, moved in carried.items():
            expected = changed[index] - right[index]
            assert_close(moved, expected, rtol=1e-9, atol=1e-9 * float(right[index].abs().max() + 1))
        touched = {i for i, g in changed.items() if not torch.allclose(g, right[i], rtol=1e-9, atol=1e-12)}
        assert touched <= set(carried)
        top = max(carried)
        assert screen.carried(placed, frozenset({top})).keys() == {top}  # what reaches a cut goes no further


def test_what_a_change_gives_a_broadcast_operand_is_added_up():
    x, w, g = drawn(1, 4), drawn(2, 3, 4), drawn(3, 3, 4)
    problem = graph(lambda x, w: x * w, [x, w], [g])
    screen = Screen(problem, [shadowed(problem, 0, [], x, x)])
    (step,) = [step for step in problem.graph.steps if step.op == "mul"]
    shadows = screen.shadow({(step.index, 0): [lambda p, at: at.gradient * 2]})
    leaf = screen.answers[0].moved[problem.graph.inputs[0].index]
    np.testing.assert_allclose(shadows[0], project(leaf, (2 * g - g * w).sum(0)), rtol=1e-12)


def test_what_is_no_gradient_of_the_operand_s_kind_moves_nothing():
    problem, screen = searched(lambda x, w: x * w)
    (step,) = [step for step in problem.graph.steps if step.op == "mul"]
    shadows = screen.shadow({(step.index, 0): [lambda p, at: [at.gradient]]})
    assert not any(shadow.any() for shadow in shadows.values())


def test_what_goes_wrong_each_time_of_a_loop_is_carried_from_time_to_time():
    problem, screen = searched(loop)
    right = problem.walk({}, keep=True)
    placed = [c.at(problem) for c in all_changes(problem) if c.kind == "derivative"]
    several = [edges for edges in placed if len(edges) > 1 and not any(slot == NODE for _, slot in edges)]
    assert len(several) > 10
    for edges in several:
        wrong = problem.walk(edges, keep=True)
        for index, moved in screen.carried(edges, frozenset()).items():
            size = float(right[index].abs().max() + moved.abs().max())
            assert_close(moved, wrong[index] - right[index], rtol=1e-9, atol=1e-9 * size)


def test_an_answer_is_projected_on_each_direction_and_parts_are_added_up():
    along = torch.stack([drawn(k, 6) for k in range(DIRECTIONS)])
    value = drawn(9, 2, 3)
    np.testing.assert_allclose(project(along, value), along.numpy() @ value.numpy().ravel())
    np.testing.assert_allclose(project(list(along.reshape(-1, 2, 3)), value), along.numpy() @ value.numpy().ravel())
    parts = [[d.reshape(2, 3), 2 * d.reshape(2, 3), None] for d in along]
    np.testing.assert_allclose(project(parts, [value, value, None]), 3 * along.numpy() @ value.numpy().ravel())


def test_parallel_is_what_is_the_other_times_a_number():
    answer = np.array([1.0, -2.0, 3.0, 0.5])
    assert is_parallel(-3 * answer, answer)
    assert is_parallel(answer * (1 + 4e-7 * np.array([1, -1, 1, -1])), answer)
    assert not is_parallel(answer * (1 + 4e-6 * np.array([1, -1, 1, -1])), answer)
    assert not is_parallel(0 * answer, answer)
    first, almost = np.array([1.0, 0, 0, 0]), np.array([1.0, 1e-6, 0, 0])
    assert is_parallel(first, almost)  # a millionth of the largest, no more
    assert not is_parallel(first, almost + np.array([0, 1e-9, 0, 0]))
    assert all_parallel(np.stack([answer, answer[::-1], 2 * answer, answer * np.nan]), answer) == [0, 2]


def test_nothing_is_what_moves_an_answer_by_rounding_only():
    true = np.array([3.0, -5.0, 0.0, 1.0])
    assert is_nothing(np.array([0, 4.9e-10, 0, -1e-11]), true)
    assert not is_nothing(np.array([0, 5.1e-10, 0, 0]), true)
    assert not is_nothing(np.array([0, 0, -5.1e-10, 0]), true)
    assert is_nothing(0 * true, 0 * true)
    assert not is_nothing(0 * true + 1e-200, 0 * true)

"""A reduction whose backward adds up over other axes than the forward: what is offered, and what it gives."""

from itertools import combinations

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, offered, step_of

from bpcompare.marker.hypotheses.graph_changes import reduction_axes


def listed(axes):
    numbers = " and ".join(str(axis) for axis in axes)
    return f"axes {numbers}" if len(axes) > 1 else f"axis {numbers}"


def expected(name, rank, right):
    """The axes that may be mistaken for those of the forward, by what is said."""
    found = {}
    for size in range(1, rank + 1):
        for chosen in combinations(range(rank), size):
            if list(chosen) != right:
                words = "every axis" if size == rank else listed([axis - rank for axis in chosen])
                found[f"the gradient of {name} is added up over {words}, not over what it runs over"] = (
                    list(chosen),
                    1.5,
                )
    if rank > 2 and right != list(range(1, rank)):
        says = f"the gradient of {name} is added up over every axis but the first, not over what it runs over"
        found[says] = (list(range(1, rank)), 1.45)
    return found


@pytest.mark.parametrize(
    ("shape", "right", "mean"),
    [
        ((3, 4), [1], False),
        ((3, 4), [0], True),
        ((3, 4), [0, 1], True),
        ((2, 3, 4), [1, 2], False),
        ((2, 3, 4), [0], True),
        ((2, 2, 3, 4), [3], False),
    ],
)
def test_every_other_set_of_axes_may_be_added_up_over(shape, right, mean):
    def forward(x, w):
        reduce = torch.mean if mean else torch.sum
        total = reduce(x, right, keepdim=True)
        return w * x / total

    x, w, g = drawn(1, *shape, low=0.2), drawn(2, *shape), drawn(3, *shape)
    problem = graph(forward, [x, w], [g])
    step = step_of(problem, "mean" if mean else "sum")
    found = offered(lambda problem: reduction_axes.other_axes(problem, step), problem)
    total = step.value
    term = -g * w * x / total**2
    told = expected("total", len(shape), right)
    assert {says: cost for says, (_, cost, _) in found.items()} == {says: cost for says, (_, cost) in told.items()}
    for says, (axes, _) in told.items():
        along = term.mean(axes, keepdim=True) if mean else term.sum(axes, keepdim=True)
        assert_close(found[says][2][0], g * w / total + along, rtol=1e-10, atol=1e-12, msg=says)


def test_of_many_axes_only_single_ones_and_all_are_tried():
    problem = graph(lambda x: x / x.sum(4, keepdim=True), [drawn(1, 2, 2, 2, 2, 3, low=0.2)])
    step = step_of(problem, "sum")
    told = [str(change.says) for change in reduction_axes.other_axes(problem, step)]
    assert len(told) == 4 + 1 + 1  # the other axes, every axis, every axis but the first
    assert not any("axes" in says for says in told)


def told(forward, *arguments):
    problem = graph(forward, list(arguments))
    return list(reduction_axes.other_axes(problem, step_of(problem, "sum")))


def test_a_reduction_whose_result_is_not_spread_out_again_has_no_other_axes():
    x = drawn(1, 3, 4, low=0.2)
    assert told(lambda x: x / x.sum(1, keepdim=True), x)
    assert not told(lambda x: x.sum(1).exp(), x)
    assert not told(lambda x: torch.tanh(x.sum(1, keepdim=True)) * x, x)  # a step that no ε, root or power is
    assert not told(lambda x: x / x.sum(), drawn(1, 4, low=0.2))  # one axis
    one = torch.ones(1, 1, dtype=torch.float64)
    assert not told(lambda x: x / (x.sum(1) + one), x[:, :3])  # spread out by an axis in front


def test_between_the_reduction_and_its_use_may_stand_roots_and_powers():
    def forward(x, w):
        total = (x * x).mean(1, keepdim=True)
        return w * x / torch.sqrt(total + 0.1)

    x, w, g = drawn(1, 3, 4), drawn(2, 3, 4), drawn(3, 3, 4)
    problem = graph(forward, [x, w], [g])
    step = step_of(problem, "mean")
    found = offered(lambda problem: reduction_axes.other_axes(problem, step), problem)
    total = (x * x).mean(1, keepdim=True) + 0.1
    term = -0.5 * g * w * x * total**-1.5
    for says, axes in (("over axis -2,", [0]), ("over every axis,", [0, 1])):
        ((_, cost, given),) = [one for key, one in found.items() if says in key]
        right = g * w * total**-0.5 + 2 * x * term.mean(axes, keepdim=True)
        assert_close(given[0], right, rtol=1e-10, atol=1e-12)
        assert cost == 1.5


def chain_of(steps):
    def forward(x):
        total = x.sum(1, keepdim=True)
        for _ in range(steps):
            total = -total
        return x * total

    return forward


def test_a_chain_between_the_reduction_and_its_use_is_followed_so_far_and_no_farther():
    for steps in range(9):
        found = told(chain_of(steps), drawn(1, 3, 4))
        assert bool(found) is (steps < reduction_axes.LONGEST_CHAIN)


def test_a_result_that_is_used_twice_has_both_terms():
    def forward(x, w):
        total = x.sum(1, keepdim=True)
        return (x / total + w * total).exp()

    x, w, g = drawn(1, 3, 4, low=0.2), drawn(2, 3, 4, low=0.2, high=0.5), drawn(3, 3, 4)
    problem = graph(forward, [x, w], [g])
    step = step_of(problem, "sum")
    found = offered(lambda problem: reduction_axes.other_axes(problem, step), problem)
    total = x.sum(1, keepdim=True)
    known = g * (x / total + w * total).exp()
    ((_, _, given),) = [one for key, one in found.items() if "axis -2," in key]
    right = known / total + (known * w - known * x / total**2).sum(0, keepdim=True)
    assert_close(given[0], right, rtol=1e-10, atol=1e-12)


def test_a_term_that_cancels_is_left_out_and_one_that_only_nearly_does_is_not():
    def centred(x, w):
        mean = x.mean(1, keepdim=True)
        apart = x - mean
        return apart / torch.sqrt((apart * apart).mean(1, keepdim=True)) * w

    x, w, g = drawn(1, 3, 4), drawn(2, 3, 4), drawn(3, 3, 4)
    problem = graph(centred, [x, w], [g])
    step = next(step for step in problem.graph.steps if step.op == "mean")
    mean = x.mean(1, keepdim=True)
    apart = x - mean
    spread = (apart * apart).mean(1, keepdim=True)
    slope = g * w / torch.sqrt(spread)
    direct = slope - (g * w * apart).sum(1, keepdim=True) * apart / (4 * spread**1.5)
    found = offered(lambda problem: reduction_axes.other_axes(problem, step), problem)
    ((_, _, given),) = [one for key, one in found.items() if "axis -2," in key]
    # of −slope and −(what comes by the spread) the second adds up to nothing over the axis of the mean
    assert_close(given[0], direct - slope.mean(0, keepdim=True), rtol=1e-9, atol=1e-10)


def test_at_every_reduction_of_a_kind_the_same_may_be_mistaken():
    problem = graph(lambda x: x / x.sum(1, keepdim=True), [drawn(1, 3, 4, low=0.2)])
    for change in reduction_axes.other_axes(problem, step_of(problem, "sum")):
        assert str(change.what) == str(change.says).replace("gradient of x.sum(1, keepdim=True)", "gradient")

"""What a change of one gradient does to those before it is the difference of two walks back."""

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph

from bpcompare.marker.hypotheses.graph_changes import jacobians
from bpcompare.marker.hypotheses.graph_changes.walk import NODE


def loop(x, w):
    state = x
    for _ in range(2):
        state = torch.tanh(state @ w.t() @ x) / (1 + x.sum(1, keepdim=True) ** 2)
    return state


def parts(x, w):
    values, _ = (x * w).max(1)
    first, second = (x + w).chunk(2, 1)
    return values[:, None] * first + second.exp()


@pytest.mark.parametrize("largest", [jacobians.LARGEST, 0], ids=["multiplied", "walked"])
@pytest.mark.parametrize("forward", [loop, parts])
def test_a_change_goes_back_as_the_walk_with_it_does(forward, largest, monkeypatch):
    monkeypatch.setattr(jacobians, "LARGEST", largest)
    x, w = drawn(1, 3, 4), drawn(2, 3, 4)
    problem = graph(forward, [x, w], [drawn(3, *forward(x, w).shape)])
    assert jacobians.is_small(problem) is (largest > 0 and forward is loop)
    right = problem.walk({}, keep=True)
    reached = 0
    for above in problem.graph.steps:
        if not isinstance(right.get(above.index), torch.Tensor):
            continue
        change = drawn(above.index, *above.value.shape)
        wrong = problem.walk(
            {(above.index, NODE): [lambda problem, at, change=change: at.gradient + change]}, keep=True
        )
        told = jacobians.changed(problem, above.index, change)
        for below in problem.graph.steps[: above.index]:
            found, before, after = told(below.index), right.get(below.index), wrong.get(below.index)
            if not isinstance(before, torch.Tensor):
                continue
            found = torch.zeros_like(before) if found is None else found
            assert_close(found, after - before, rtol=1e-9, atol=1e-9 * float(after.abs().max() + 1))
            reached += bool(found.any())
    assert reached > 20


@pytest.mark.parametrize("largest", [jacobians.LARGEST, 0], ids=["multiplied", "walked"])
def test_the_diagonal_is_that_of_autograd_s_jacobian(largest, monkeypatch):
    monkeypatch.setattr(jacobians, "LARGEST", largest)
    x, w = drawn(1, 3, 3), drawn(2, 3, 3)
    problem = graph(lambda x, w: torch.softmax(x @ w, 1) * w, [x, w], [drawn(3, 3, 3)])
    (product,) = [step for step in problem.graph.steps if step.op == "mm"]
    last = problem.graph.steps[problem.graph.outputs[0].index - 1]
    jacobian = torch.autograd.functional.jacobian(lambda z: torch.softmax(z, 1), product.value)
    expected = jacobian.reshape(9, 9).diagonal().reshape(3, 3)
    assert_close(jacobians.diagonal(problem, last.index, product.index), expected)
    apart = problem.graph.inputs[1].index  # no path leads back from x to w
    assert not jacobians.diagonal(problem, problem.graph.inputs[0].index, apart).any()


def test_gradients_are_added_part_by_part():
    one, two = drawn(1, 2), drawn(2, 2)
    assert jacobians.plus(None, one) is one
    assert jacobians.plus(one, None) is one
    assert torch.equal(jacobians.plus(one, two), one + two)
    first, second, third = jacobians.plus([one, None, None], [two, two, None])
    assert torch.equal(first, one + two)
    assert second is two
    assert third is None

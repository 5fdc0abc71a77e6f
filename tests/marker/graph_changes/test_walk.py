"""The walk back: which steps count, what is kept, what a change does, and the tangents that tell it beforehand."""

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, step_of

from bpcompare.marker.hypotheses.graph_changes.local import Local
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, tangents, traced

X, W, G = drawn(1, 3, 4, low=0.2), drawn(2, 3, 4, low=0.2), drawn(3, 3, 4)


def forward(x, w):
    hidden = torch.tanh(x * w)
    mask = (hidden > 0.3).to(torch.float64)
    place = hidden.argmax()
    return hidden * mask + hidden.detach() * w + place


def test_the_steps_that_count_depend_on_a_wanted_input_by_a_way_that_gradients_follow():
    problem = graph(forward, [X, W], [G])
    ops = {step.op for step in problem.graph.steps if step.index in problem.relevant}
    assert ops == {"input", "mul", "tanh", "add"}
    assert not {step.op for step in problem.graph.steps} <= ops
    only = traced(forward, [X, W], ["x0", "x1"], [G], (1,), {})
    x, w = only.graph.inputs
    assert x.index not in only.relevant
    assert w.index in only.relevant
    assert len(only.answers({})) == 1
    assert_close(only.answers({})[0], problem.answers({})[1], rtol=0, atol=0)


def test_the_edges_are_those_between_steps_that_count():
    problem = graph(forward, [X, W], [G])
    told = {(step.op, slot) for step, slot in problem.edges()}
    assert ("tanh", 0) in told
    detached = next(step for step in problem.graph.steps if step.op == "mul" and step.operands[0].op == "detach")
    slots = [slot for step, slot in problem.edges() if step is detached]
    assert slots == [1]
    unused = graph(lambda x: (x.exp(), x * 2)[1], [X], [G])
    assert {step.op for step, _ in unused.edges()} == {"mul"}


def test_every_gradient_is_kept_or_only_those_of_the_inputs():
    problem = graph(forward, [X, W], [G])
    kept, only = problem.walk({}, keep=True), problem.walk({})
    assert set(only) == {step.index for step in problem.graph.inputs}
    assert set(kept) > set(only)
    for index in only:
        assert_close(kept[index], only[index], rtol=0, atol=0)
    leaf = (X * W).requires_grad_()
    mask = (torch.tanh(X * W) > 0.3).double()
    (right,) = torch.autograd.grad(torch.tanh(leaf) * mask, leaf, G)
    product = next(step for step in problem.graph.steps if step.op == "mul")
    assert_close(kept[product.index], right)


def test_a_change_at_an_edge_or_a_node_is_what_reaches_the_operand():
    problem = graph(lambda x, w: torch.tanh(x * w) * w, [X, W], [G])
    tanh, first, last = (
        step_of(problem, "tanh"),
        problem.graph.steps[2],
        problem.graph.steps[-1],
    )
    t = torch.tanh(X * W)

    def seen(problem_, at):
        assert problem_ is problem
        assert isinstance(at, Local)
        return at.gradient * 5

    by_node = problem.answers({(tanh.index, NODE): [seen]})
    by_edge = problem.answers({(tanh.index, 0): [seen]})
    assert_close(by_node[0], 5 * G * W * (1 - t**2) * W)
    assert_close(by_edge[0], 5 * G * W * W)
    assert_close(by_node[1], 5 * G * W * (1 - t**2) * X + G * t)
    gone = problem.answers({(tanh.index, 0): [lambda p, at: None]})
    assert_close(gone, [torch.zeros_like(X), G * t])
    assert problem.answers({(tanh.index, NODE): [lambda p, at: None]})[0].eq(0).all()
    both = problem.answers({(first.index, 0): [seen], (last.index, 1): [lambda p, at: None]})
    assert_close(both, [5 * G * W * (1 - t**2), G * W * (1 - t**2) * X])


def test_a_node_is_seen_with_its_gradient_and_its_value():
    problem = graph(lambda x, w: torch.tanh(x * w) * w, [X, W], [G])
    tanh = step_of(problem, "tanh")
    met = []
    problem.answers({(tanh.index, NODE): [lambda p, at: (met.append(at), at.gradient)[1]]})
    (at,) = met
    assert (at.step, at.slot) == (tanh, NODE)
    assert_close(at.gradient, G * W)
    assert_close(at.out, torch.tanh(X * W))


def test_what_reaches_a_broadcast_operand_is_added_up():
    problem = graph(lambda x, w: x * w, [X[0], W], [G])
    found = problem.answers({(step_of(problem, "mul").index, 0): [lambda p, at: at.gradient]})
    assert_close(found[0], G.sum(0))


def test_an_input_that_nothing_reaches_has_the_gradient_zero_in_its_shape():
    problem = graph(lambda x, w: x * 2, [X, W], [G])
    assert torch.equal(problem.answers({})[1], torch.zeros_like(W))
    assert torch.equal(problem.true_answers()[1], torch.zeros_like(W))


SEVERAL = {
    "values of a maximum": lambda x, w: x.max(1).values[:, None] * w + x.min(0).values,
    "parts": lambda x, w: x.chunk(2, 1)[0] * w.chunk(2, 1)[1] + x.chunk(2, 1)[1],
    "one part twice": lambda x, w: (lambda a, b: a * a + b * w[:, 2:])(*x.chunk(2, 1)),
    "a variance and its mean": lambda x, w: (lambda v, m: v[:, None] * w + m[:, None])(*torch.var_mean(x, 1)),
    "sorted": lambda x, w: x.sort(1).values * w,
}


@pytest.mark.parametrize("name", SEVERAL)
def test_steps_with_several_results_pass_the_gradients_of_all_of_them(name):
    forward = SEVERAL[name]
    upstream = drawn(4, *forward(X, W).shape)
    problem = graph(forward, [X, W], [upstream])
    leaves = [X.clone().requires_grad_(), W.clone().requires_grad_()]
    right = torch.autograd.grad(forward(*leaves), leaves, upstream)
    for mine, other in zip(problem.answers({}), right, strict=True):
        assert_close(mine, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("position", [0, 1])
def test_the_tangent_of_each_step_is_how_it_moves(name, position):
    forward = SEVERAL[name]
    upstream = drawn(4, *forward(X, W).shape)
    problem = graph(forward, [X, W], [upstream])
    directions = [drawn(5, 3, 4), drawn(6, 3, 4)]
    moved = tangents(problem, position, directions)
    assert set(moved) <= problem.relevant
    end = problem.graph.outputs[0].index
    for k, direction in enumerate(directions):

        def at(amount, direction=direction):
            values = [X, W]
            values[position] = values[position] + amount * direction
            return forward(*values)

        slope = (at(1e-6) - at(-1e-6)) / 2e-6
        assert_close(moved[end][k], slope, rtol=1e-7, atol=1e-8)


def test_a_maximum_that_is_compared_and_subtracted_is_held_constant_all_the_same():
    def stable(x, w):
        largest = x.amax(1, keepdim=True)
        apart = (x - largest).exp()
        return apart / apart.sum(1, keepdim=True) * w * (x >= largest - 1)

    problem = graph(stable, [X, W], [G])
    assert not step_of(problem, "amax").graded
    leaves = [X.clone().requires_grad_(), W.clone().requires_grad_()]
    right = torch.autograd.grad(stable(*leaves), leaves, G)
    assert_close(problem.answers({}), list(right), rtol=1e-10, atol=1e-12)


def test_tangents_begin_at_their_input_and_go_nowhere_that_does_not_depend_on_it():
    problem = graph(lambda x, w: torch.tanh(x) * w.exp(), [X, W], [G])
    moved = tangents(problem, 0, [G])
    ops = {problem.graph.steps[index].op for index in moved}
    assert ops == {"input", "tanh", "mul"}
    assert torch.equal(moved[problem.graph.inputs[0].index][0], G)


def test_the_gradient_of_several_outputs_is_that_of_all_of_them_together():
    problem = graph(lambda x, w: (x * w, x.exp()), [X, W], [G, 2 * G])
    assert_close(problem.answers({}), [G * W + 2 * G * X.exp(), G * X])
    ones = graph(lambda x, w: (x * w, x.exp()), [X, W])
    assert_close(ones.answers({}), [W + X.exp(), X])

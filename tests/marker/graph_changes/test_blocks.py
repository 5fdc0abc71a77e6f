"""A block is what every path from its first step goes through; its diagonal is that of the Jacobian by autograd."""

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph

from bpcompare.marker.hypotheses.graph_changes import blocks
from bpcompare.marker.hypotheses.graph_changes.local import Local
from bpcompare.marker.hypotheses.graph_changes.walk import NODE


def attention(x, w):
    weights = (x @ w).exp()
    return weights / weights.sum(1, keepdim=True)


def diamond(x, w):
    root = x.exp()
    joined = torch.tanh(root) * torch.sin(root)
    return joined.cos() + w


def loop(x, w):
    state = x
    for _ in range(3):
        state = torch.tanh(state * w).exp()
    return state


def chain(x, w):
    for _ in range(19):
        x = torch.tanh(x)
    return x * w


def cumulative(x, w):
    return x.cumprod(1) * w


def spread_out(x, w):
    total = x.sum(1, keepdim=True)
    return torch.sqrt(total).exp() * w


def two_outputs(x, w):
    early = x.exp()
    return early, torch.sin(torch.tanh(x) * w)


FORWARDS = [attention, diamond, loop, chain, cumulative, spread_out, two_outputs]


def problem_of(forward):
    x, w = drawn(1, 3, 3, low=0.2), drawn(2, 3, 3, low=0.2)
    out = forward(x, w)
    outs = out if isinstance(out, tuple) else (out,)
    return graph(forward, [x, w], [drawn(3 + k, *o.shape) for k, o in enumerate(outs)])


def by_deleting_the_end(problem):
    """The blocks: with its end taken away, no output is reached from the beginning."""
    steps = [step for step in problem.graph.steps if step.index in problem.relevant]
    users = {step.index: [user for user in steps if step in user.operands] for step in steps}
    found = set()
    for first in steps:
        for last in steps:
            inside, todo, past = set(), [first], False
            while todo:
                step = todo.pop()
                if step.index in inside or step is last:
                    continue
                inside.add(step.index)
                past = past or step in problem.graph.outputs
                todo += users[step.index]
            within = [s for s in steps if s.index in {*inside, last.index} - {first.index}]
            enough = len(within) >= 2 or last.op in ("cumprod", "logcumsumexp")
            met = first.value.dim() and first.value.shape == last.value.shape and first is not last
            if met and not past and users[first.index] and enough and len(within) <= blocks.LONGEST:
                found.add((first.index, last.index, any(s.op in blocks.MIXING for s in within)))
    return found


@pytest.mark.parametrize("forward", FORWARDS)
def test_a_block_is_what_every_path_goes_through(forward):
    problem = problem_of(forward)
    found = [(first.index, last.index, mixes) for first, last, mixes in blocks.find(problem)]
    assert set(found) == by_deleting_the_end(problem)
    assert len(found) == len(set(found))
    assert found


def act_on(problem, act, first, gradient=None):
    gradient = problem.gradients[first.index] if gradient is None else gradient
    return act(problem, Local(first, NODE, gradient, (), first.value))


@pytest.mark.parametrize("forward", [attention, diamond, cumulative])
def test_a_block_passed_through_or_kept_by_its_diagonal(forward):
    problem = problem_of(forward)
    for first, last, _ in blocks.find(problem):
        between = problem.graph.steps[first.index + 1 : last.index + 1]

        def again(value, first=first, last=last, between=between):
            values = {first.index: value}
            for step in between:
                if step.index in problem.relevant and step.function is not None:
                    values[step.index] = step.function(*put(step.args, values), **step.kwargs)
            return values[last.index]

        jacobian = torch.autograd.functional.jacobian(again, first.value)
        size = first.value.numel()
        diagonal = jacobian.reshape(size, size).diagonal().reshape(first.value.shape)
        end = problem.gradients[last.index]
        assert_close(act_on(problem, blocks.passed_through(last.key), first), end, rtol=0, atol=0)
        own = act_on(problem, blocks.own_share(last.key), first)
        assert_close(own, diagonal * end, rtol=1e-9, atol=1e-12)
        again_told = act_on(problem, blocks.own_share(last.key), first)
        assert_close(again_told, own, rtol=0, atol=0)


def put(value, values):
    if hasattr(value, "operands"):
        return values.get(value.index, value.value)
    return type(value)(put(one, values) for one in value) if isinstance(value, (tuple, list)) else value


def test_in_a_loop_a_block_ends_at_the_same_time_that_it_begins():
    problem = problem_of(loop)
    products = [step for step in problem.graph.steps if step.op == "mul"]
    ends = [step for step in problem.graph.steps if step.op == "exp"]
    for first, last in zip(products, ends, strict=True):
        passed = act_on(problem, blocks.passed_through(last.key), first)
        assert passed is problem.gradients[last.index]
    tanh = [step for step in problem.graph.steps if step.op == "tanh"]
    once = problem_of(attention)
    (total,) = [step for step in once.graph.steps if step.op == "sum"]
    assert blocks._end(once, total.key, 2) is total  # reached once: whenever it is asked for
    assert blocks._end(problem, tanh[0].key, 1) is tanh[1]
    assert blocks._end(problem, ("nowhere",), 0) is None


def test_where_a_block_is_not_there_or_of_another_shape_nothing_is_known():
    problem = problem_of(attention)
    (total,) = [step for step in problem.graph.steps if step.op == "sum"]
    first = problem.graph.inputs[0]
    for act in (blocks.passed_through, blocks.own_share):
        assert act_on(problem, act(("nowhere",)), first).isnan().all()
        assert act_on(problem, act(total.key), first).isnan().all()
    held = graph(lambda x, w: x * w + x.detach().exp(), [drawn(1, 3), drawn(2, 3)])
    (exp,) = [step for step in held.graph.steps if step.op == "exp"]
    for act in (blocks.passed_through, blocks.own_share):
        assert act_on(held, act(exp.key), held.graph.inputs[0]).isnan().all()


def test_of_an_end_that_does_not_depend_on_the_beginning_the_own_share_is_nothing():
    problem = graph(lambda x, w: x.exp() * w, [drawn(1, 3), drawn(2, 3)])
    (exp,) = [step for step in problem.graph.steps if step.op == "exp"]
    assert act_on(problem, blocks.own_share(exp.key), problem.graph.inputs[1]).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("size", "known"), [(blocks.MOST_ENTRIES, True), (blocks.MOST_ENTRIES + 1, False)])
def test_the_diagonal_of_a_large_block_is_not_worked_out(size, known):
    problem = graph(lambda x: x.exp().cumsum(0), [drawn(1, size)])
    (last,) = [step for step in problem.graph.steps if step.op == "cumsum"]
    own = act_on(problem, blocks.own_share(last.key), problem.graph.inputs[0])
    assert bool(own.isfinite().all()) is known
    if known:
        right = problem.graph.inputs[0].value.exp() * problem.gradients[last.index]
        assert_close(own, right, rtol=1e-12, atol=0)

"""The recorded steps: what they are, where they were, and what a write into a tensor makes of them."""

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph

from bpcompare.marker.hypotheses.graph_changes import trace

X, W = drawn(1, 3, 4), drawn(2, 3, 4)


def ops(forward, *arguments):
    return [step.op for step in graph(forward, list(arguments)).graph.steps]


def right(forward, *arguments):
    """The gradients by autograd, ones before them."""
    leaves = [value.clone().requires_grad_() for value in arguments]
    out = forward(*leaves)
    return out.detach(), torch.autograd.grad(out.sum(), leaves, allow_unused=True, materialize_grads=True)


def row_by_row(x, w):
    out = torch.zeros_like(x)
    for row in range(len(x)):
        out[row] = x[row] * w[row].exp()
    return out * w


def through_a_view(x, w):
    out = x * 2
    top = out[0]
    top.mul_(w[0])
    bottom = out[1:]
    return out.exp() + bottom.sum() + top.sum()


def a_view_taken_before(x, w):
    out = x * 1
    early = out.view(12)
    other = out.t()
    out.mul_(w)
    return early.reshape(3, 4) * w + other.t()


def filled(x, w):
    out = x * w
    out[0].fill_(2.0)
    out[1].zero_()
    out[2, 1:].copy_(w[2, 1:] * x[2, 1:] ** 2)
    return out * x


def filled_by_a_tensor(x, w):
    out = x * w
    out[0].fill_(w[0, 0])
    return out * x


def signs_and_sums(x, w):
    out = x * w
    out.neg_()
    out += x
    out.add_(w, alpha=0.5)
    return out


def two_storages(x, w):
    first, second = x * 1, w * 1
    first_row, second_row = first[0], second[0]
    second.mul_(3)
    first.mul_(second)
    return first_row * 2 + second_row * first[1] + second.sum()


WRITTEN = [
    row_by_row,
    through_a_view,
    a_view_taken_before,
    filled,
    filled_by_a_tensor,
    signs_and_sums,
    two_storages,
]


@pytest.mark.parametrize("forward", WRITTEN)
def test_a_forward_that_writes_into_tensors_has_autograd_s_values_and_gradients(forward):
    problem = graph(forward, [X, W])
    out, gradients = right(forward, X, W)
    assert_close(problem.graph.outputs[0].value, out, rtol=1e-12, atol=1e-12)
    for mine, other in zip(problem.answers({}), gradients, strict=True):
        assert_close(mine, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("forward", WRITTEN)
def test_each_step_calculated_again_from_its_arguments_gives_its_value(forward):
    for step in graph(forward, [X, W]).graph.steps:
        if step.function is not None and torch.is_tensor(step.value):
            again = step.function(*step.values, **step.kwargs)
            assert_close(again, step.value, rtol=0, atol=0)


def test_a_write_is_a_step_of_the_operation_that_writes():
    assert ops(signs_and_sums, X, W) == ["input", "input", "mul", "neg", "add", "add"]
    assert ops(lambda x: x[0].mul_(2), X)[-3:] == ["select", "mul", "write"]


def test_the_arguments_are_left_as_they_were():
    x = X.clone()

    def forward(x):
        return x.mul_(2).exp()

    problem = graph(forward, [x])
    assert torch.equal(x, X)
    assert torch.equal(problem.graph.inputs[0].value, X)
    assert_close(problem.answers({})[0], 2 * torch.exp(2 * X))


def test_what_is_written_where_gradients_are_off_passes_them_as_if_nothing_had_happened():
    def forward(x, w):
        out = x * w
        with torch.no_grad():
            out.mul_(3)
        return out * x

    problem = graph(forward, [X, W])
    out, gradients = right(forward, X, W)
    assert_close(problem.graph.outputs[0].value, out)
    for mine, other in zip(problem.answers({}), gradients, strict=True):
        assert_close(mine, other, rtol=1e-11, atol=1e-11)
    assert "alias" in [step.op for step in problem.graph.steps]


def test_what_cannot_be_followed_is_refused():
    def out_argument(x):
        out = torch.empty_like(x)
        torch.exp(x, out=out)
        return out

    def several_at_once(x):
        out = x * 1
        torch._foreach_mul_([out], 2.0)
        return out

    for forward in (out_argument, several_at_once):
        with pytest.raises(trace.Untraceable, match="changes a tensor in place"):
            graph(forward, [X])

    def row(x):
        x[0].mul_(2)
        return x

    with pytest.raises(trace.Untraceable, match="a part of a tensor that is itself a part"):
        graph(row, [X.t()])
    assert graph(row, [X]).answers({})[0][:, 0].tolist() == [2.0, 1.0, 1.0]

    def long(x):
        for _ in range(trace.MOST_STEPS):
            x = x + 1
        return x

    with pytest.raises(trace.Untraceable, match=f"more than {trace.MOST_STEPS} steps"):
        graph(long, [X[0, 0]])


def test_the_longest_forward_has_so_many_steps():
    def steps(count):
        def forward(x):
            for _ in range(count):
                x = x + 1
            return x

        return len(graph(forward, [X[0, 0]]).graph.steps)

    assert steps(trace.MOST_STEPS - 1) == trace.MOST_STEPS


def test_each_step_has_its_number_and_says_how_often_its_place_was_reached():
    def loop(x, w):
        for _ in range(4):
            x = torch.tanh(x * w)
        return x

    steps = graph(loop, [X, W]).graph.steps
    assert [step.index for step in steps] == list(range(len(steps)))
    for op in ("mul", "tanh"):
        assert [step.occurrence for step in steps if step.op == op] == [0, 1, 2, 3]
        assert len({step.key for step in steps if step.op == op}) == 1
    assert [step.occurrence for step in steps if step.op == "input"] == [0, 0]


def test_calls_in_one_expression_are_told_apart_and_so_are_the_steps_of_one_call():
    def twice(x):
        return [torch.tanh(part) for part in (x, x * 2)][1] + torch.logsumexp(x, 1, keepdim=True)

    steps = graph(twice, [X]).graph.steps
    tanh = [step for step in steps if step.op == "tanh"]
    assert [step.occurrence for step in tanh] == [0, 1]  # one place, reached twice
    assert [step.ordinal for step in tanh] == [0, 0]
    keys = [step.key for step in steps if step.op != "tanh"]
    assert len(keys) == len(set(keys))


def test_the_steps_of_one_call_are_numbered_by_their_kind():
    steps = graph(lambda x: torch.nn.functional.cosine_similarity(x, x.flip(0)), [X]).graph.steps
    for op in {step.op for step in steps}:
        for places in {step.places for step in steps if step.op == op and step.places}:
            here = [step.ordinal for step in steps if step.op == op and step.places == places]
            assert here == list(range(len(here)))


def test_an_input_is_first_used_by_the_step_that_takes_it_first():
    steps = graph(lambda x, w: (w * 2) + (x * w).exp(), [X, W]).graph.steps
    x, w = steps[:2]
    assert (x.user.op, w.user.op) == ("mul", "mul")
    assert w.user.args[1] == 2
    assert x.user.args == (x, w)
    (exp,) = [step for step in steps if step.op == "exp"]
    assert exp.user.op == "add"


def test_the_name_of_an_assignment_goes_to_the_last_step_of_its_expression():
    def named(x, w):
        hidden = torch.logsumexp(x * w, 1)
        value = x.sum(1) + hidden
        return value

    steps = graph(named, [X, W]).graph.steps
    assert [step.name for step in steps if step.op == "add"][-1] == "value"
    assert [step.name for step in steps if step.op == "sum"][-1] == ""
    assert [step.name for step in steps if step.op == "mul"] == [""]


def test_several_results_are_steps_of_their_own_with_their_numbers():
    steps = graph(lambda x: x.chunk(2, 1)[1] * x.max(1).values[:, None], [X]).graph.steps
    for step in steps:
        if step.op == "getitem":
            whole, index = step.args
            assert torch.equal(whole.value[index], step.value)
            assert step.places == whole.places
            assert step.graded
    parts = [step.args[1] for step in steps if step.op == "getitem" and step.args[0].op == "split"]
    assert parts == [0, 1]


def test_a_tensor_that_was_not_given_is_a_constant_and_a_number_is_none():
    outside = torch.ones(3, 4, dtype=torch.float64)
    steps = graph(lambda x: x * outside * 2 + outside, [X]).graph.steps
    assert [step.op for step in steps].count("constant") == 1
    problem = graph(lambda x, k: x * k, [X, 3.0])
    assert [step and step.op for step in problem.graph.inputs] == ["input", None]


def test_every_output_that_is_a_tensor_is_one_of_the_graph_s():
    problem = graph(lambda x: [x * 2, 5, x.exp()], [X], [X, X])
    assert [step.op for step in problem.graph.outputs] == ["mul", "exp"]
    assert [step.op for step in graph(lambda x: x, [X]).graph.outputs] == ["input"]


def test_where_gradients_are_off_they_pass_only_where_they_are_asked_to():
    def forward(x):
        with torch.no_grad():
            return x * 2

    assert not any(step.graded for step in trace.trace(forward, [X], ["x"]).steps if step.op == "mul")
    for through in (False, True):
        found = trace.trace(forward, [X], ["x"], through)
        assert [step.graded for step in found.steps if step.op == "mul"] == [through]
        assert [step.flows for step in found.steps if step.op == "mul"] == [through]


def test_a_fused_operation_is_taken_apart_unless_it_is_to_be_kept_whole():
    soft = lambda x: torch.softmax(x, 1)  # noqa: E731
    assert "exp" in [step.op for step in trace.trace(soft, [X], ["x"]).steps]
    kept = [step.op for step in trace.trace(soft, [X], ["x"], whole=("_softmax",)).steps]
    assert kept == ["input", "_softmax"]

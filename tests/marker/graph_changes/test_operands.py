"""Which operands may be mistaken for which, and the gradient that each mistake gives, written out."""

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, offered

from bpcompare.marker.hypotheses.graph_changes import operands
from bpcompare.marker.hypotheses.graph_changes.steps import Step


def agree(found, expected):
    """The same things said in any order, each with its kind, its cost and its gradients."""
    assert set(found) == set(expected)
    for says, (kind, cost, gradients) in expected.items():
        assert found[says][:2] == (kind, cost), says
        for mine, other in zip(found[says][2], gradients, strict=True):
            assert_close(mine, other, rtol=1e-12, atol=1e-12, equal_nan=True, msg=says)


def product(x, w):
    hidden = x @ w
    return hidden.exp()


X, W, G = drawn(1, 3, 3, low=-1, high=1), drawn(2, 3, 3, low=-1, high=1), drawn(3, 3, 3)
H = X @ W
E = H.exp()


def by_exp(out):
    return (G * out) @ W.t(), X.t() @ (G * out)


def by_product(x, w):
    return (G * E) @ w.t(), x.t() @ (G * E)


def test_each_tensor_that_a_rule_uses_may_be_transposed_or_another_of_its_shape():
    stands = "{} stands for {} in the derivative of {}"
    exp, mm = "hidden.exp()", "hidden"
    expected = {
        "hidden.exp() is transposed in the derivative of hidden.exp()": ("operand", 2.0, by_exp(E.t())),
        "x0 is transposed in the derivative of hidden": ("operand", 2.0, by_product(X.t(), W)),
        "x1 is transposed in the derivative of hidden": ("operand", 2.0, by_product(X, W.t())),
    }
    values = {"x0": X, "x1": W, "hidden": H, "hidden.exp()": E}
    for name, value in values.items():
        if name != exp:
            expected[stands.format(name, exp, exp)] = ("operand", 2.1, by_exp(value))
        if name != "x0":
            expected[stands.format(name, "x0", mm)] = ("operand", 2.1, by_product(value, W))
        if name != "x1":
            expected[stands.format(name, "x1", mm)] = ("operand", 2.1, by_product(X, value))
    agree(offered(operands.operands, graph(product, [X, W], [G])), expected)


def test_the_gradient_of_a_square_matrix_may_be_transposed():
    known = G * E
    expected = {
        "the gradient of x0 is transposed": ("operand", 2.0, ((known @ W.t()).t(), X.t() @ known)),
        "the gradient of x1 is transposed": ("operand", 2.0, (known @ W.t(), (X.t() @ known).t())),
        "the gradient of hidden is transposed": ("operand", 2.0, (known.t() @ W.t(), X.t() @ known.t())),
    }
    agree(offered(operands.transposed_gradients, graph(product, [X, W], [G])), expected)


def test_only_square_matrices_are_transposed_whatever_stands_before_their_last_two_axes():
    for shape, square in (((3, 3), 1), ((2, 3, 3), 1), ((3, 2, 3), 0), ((3, 3, 2), 0), ((3,), 0)):
        problem = graph(lambda x, w: x * w, [drawn(1, *shape), drawn(2, *shape)])
        assert len(list(operands.transposed_gradients(problem))) == 2 * square, shape
        told = [str(change.says) for change in operands.operands(problem)]
        assert sum("transposed" in says for says in told) == 2 * square, shape
    stacks = graph(torch.bmm, [drawn(1, 4, 3, 3), drawn(2, 4, 3, 3)])
    assert len(list(operands.transposed_gradients(stacks))) == 3


def test_what_a_place_knows_of_a_tensor_that_is_not_square_in_another_problem_is_no_number():
    first = graph(lambda x, w: x @ w, [drawn(1, 3, 3), drawn(2, 3, 3)])
    other = graph(lambda x, w: x @ w, [drawn(1, 2, 4), drawn(2, 4, 3)])
    places = {step.op: step for step in other.graph.steps}
    for change in operands.operands(first):
        if "transposed" in str(change.says):
            slot = change.sites[0].slot
            reached = other.edge(places["mm"], slot, other.gradients[places["mm"].index], [change.act])
            assert reached.isnan().all()


def test_a_tensor_may_multiply_or_divide_the_gradient_of_an_input_or_of_a_named_step():
    known = G * E
    expected, lacks, extra = (
        {},
        "the gradient of {} is divided by {}: a factor {} is missing, or a division is extra",
        "the gradient of {} is multiplied by {}: a factor is extra, or a division is missing",
    )
    values = {"x0": X, "x1": W, "hidden": H, "hidden.exp()": E}
    for name, value in values.items():
        for sentence, power in ((lacks, -1), (extra, 1)):
            factor = value**power
            if name != "x0":
                expected[sentence.format("x0", name, name)] = ("factor", 1.8, (known @ W.t() * factor, X.t() @ known))
            if name != "x1":
                expected[sentence.format("x1", name, name)] = ("factor", 1.8, (known @ W.t(), X.t() @ known * factor))
            if name != "hidden":
                moved = known * factor
                expected[sentence.format("hidden", name, name)] = ("factor", 2.3, (moved @ W.t(), X.t() @ moved))
    agree(offered(operands.tensor_factors, graph(product, [X, W], [G])), expected)


def test_a_factor_has_a_shape_that_broadcasts_to_the_gradient_and_not_the_other_way_round():
    def told(x, w):
        return {str(c.says) for c in operands.tensor_factors(graph(lambda x, w: (x * w).sum(), [x, w]))}

    def factors(of, by, says):
        return sum(f"the gradient of {of} is" in one and f"by {by}:" in one for one in says)

    row = told(drawn(1, 3, 4), drawn(2, 4))
    assert (factors("x0", "x1", row), factors("x1", "x0", row)) == (2, 0)
    column = told(drawn(1, 3, 4), drawn(2, 3, 1))
    assert (factors("x0", "x1", column), factors("x1", "x0", column)) == (2, 0)
    single = told(drawn(1, 1, 4), drawn(2, 3, 1))
    assert (factors("x0", "x1", single), factors("x1", "x0", single)) == (0, 0)


def test_where_a_factor_is_missing_or_of_another_shape_in_a_problem_nothing_is_known_of_it():
    first = graph(lambda x, w: x * w, [drawn(1, 3), drawn(2, 3)])
    change = next(c for c in operands.tensor_factors(first) if "x0 is multiplied by x1" in str(c.says))
    shorter = graph(lambda x, w: x * w.sum(), [drawn(1, 3), drawn(2, 5)])
    assert shorter.answers(change.at(shorter))[0].isnan().all()
    alone = graph(lambda x: x * 2, [drawn(1, 3)])
    assert alone.answers(change.at(alone))[0].isnan().all()


def loop(x, w):
    state = x
    for _ in range(3):
        state = torch.tanh(state * w)
    return state


def states(x, w):
    found = [x]
    for _ in range(3):
        found.append(torch.tanh(found[-1] * w))
    return found


def test_in_a_loop_another_value_is_that_of_the_same_time_or_so_many_times_before_or_after():
    x, w, g = drawn(1, 4), drawn(2, 4), drawn(3, 4)
    h = states(x, w)

    def walked(used):
        """Back through the loop with other values of the state in tanh's derivative."""
        back, by_w = g, 0
        for k in (2, 1, 0):
            back = back * (1 - used[k] ** 2)
            by_w = by_w + back * h[k]
            back = back * w
        return back, by_w

    problem = graph(loop, [x, w], [g])
    earlier = [c for c in operands.operands(problem) if str(c.says).startswith("an earlier state stands for state")]
    found = [problem.answers(c.at(problem)) for c in earlier if "derivative of state * w" not in str(c.says)]
    expected = [walked([h[max(k - less, 0)] for k in (1, 2, 3)]) for less in (2, 1)]
    for mine, other in zip(found, expected, strict=True):
        for one, right in zip(mine, other, strict=True):
            assert_close(one, right, rtol=1e-12, atol=0)
    later = [c for c in operands.operands(problem) if str(c.says).startswith("a later state stands for state")]
    assert {c.sites[0].op for c in later} == {"mul"}  # the state before the product
    assert not [c for c in operands.tensor_factors(problem) if "the gradient of state" in str(c.says)]


@pytest.mark.parametrize("times", [2, 3])
def test_in_a_loop_a_value_that_no_later_time_takes_up_is_that_of_the_same_time_or_so_many_before(times):
    def loop(x, w):
        state = x
        for _ in range(times):
            state = torch.tanh(state * w)
        return state

    x, w, upstream = drawn(1, 4), drawn(2, 4), drawn(3, 4)
    h = states(x, w)
    problem = graph(loop, [x, w], [upstream])
    says = "state * w stands for state in the derivative of state"
    changes = [c for c in operands.operands(problem) if str(c.says) == says and c.sites[0].op == "tanh"]
    for change, before in zip(changes, reversed(range(times)), strict=True):
        g = upstream
        for k in reversed(range(times)):
            g = g * (1 - (h[max(k - before, 0)] * w) ** 2) * w
        assert_close(problem.answers(change.at(problem))[0], g, rtol=1e-12, atol=0)


def test_a_value_is_earlier_or_later_than_the_one_it_stands_for():
    def named(x, w):
        value = x * w
        first = value.exp()
        value = torch.sin(value)
        return first * value

    problem = graph(named, [drawn(1, 4), drawn(2, 4)])
    told = [str(c.says) for c in operands.operands(problem)]
    assert "an earlier value stands for value in the derivative of first * value" in told
    assert "a later value stands for value in the derivative of value" in told


def test_moved_tensors_stand_for_others_only_where_they_have_a_name():
    def moved(x, w):
        row = w.reshape(3, 4)
        return (x * row).exp() + w.reshape(3, 4)

    told = {str(c.says).split(" stands")[0] for c in operands.operands(graph(moved, [drawn(1, 3, 4), drawn(2, 12)]))}
    assert "row" in told
    assert "x1" not in told  # which the nameless one is called, too


def test_another_tensor_has_the_shape_of_the_one_it_stands_for_not_of_the_result():
    x, w, g = drawn(1, 3, 4), drawn(2, 4, 2), drawn(3, 3, 2)
    problem = graph(lambda x, w: (x @ w) * torch.sin(x).sum(), [x, w], [g])
    says = "torch.sin(x) stands for x0 in the derivative of x @ w"
    (change,) = [c for c in operands.operands(problem) if str(c.says) == says]
    right = torch.sin(x).t() @ (g * torch.sin(x).sum())
    assert_close(problem.answers(change.at(problem))[1], right)


def test_in_a_stack_each_matrix_is_transposed():
    x, w, g = drawn(1, 2, 3, 3), drawn(2, 2, 3, 3), drawn(3, 2, 3, 3)
    problem = graph(lambda x, w: torch.bmm(x, w), [x, w], [g])
    changes = {str(c.says): problem.answers(c.at(problem)) for c in operands.operands(problem)}
    by_x, by_w = (changes[f"{name} is transposed in the derivative of torch.bmm(x, w)"] for name in ("x1", "x0"))
    assert_close(by_x[0], torch.einsum("bij,bjk->bik", g, w))
    assert_close(by_w[1], torch.einsum("bij,bjk->bik", x, g))


def test_a_number_in_a_tensor_is_never_transposed():
    problem = graph(lambda x, w: x * w, [drawn(1, 3), drawn(2)])
    assert not any("transposed" in str(change.says) for change in operands.operands(problem))


def test_in_a_loop_of_two_times_the_time_before_stands_for_each_and_what_the_loop_began_with_for_the_first():
    def twice(x, w):
        for _ in range(2):
            x = torch.tanh(x * w)
        return x

    x, w, g = drawn(1, 4), drawn(2, 4), drawn(3, 4)
    problem = graph(twice, [x, w], [g])
    earlier = [c for c in operands.operands(problem) if str(c.says).startswith("an earlier x stands for x")]
    (change,) = [c for c in earlier if c.sites[0].op == "tanh"]
    first = torch.tanh(x * w)
    assert_close(problem.answers(change.at(problem))[0], g * (1 - first**2) * (1 - x**2) * w**2)
    second = torch.tanh(first * w)
    by_second = g * (1 - second**2)
    by_first = by_second * w * (1 - first**2)
    (change,) = [c for c in operands.operands(problem) if str(c.says).startswith("a later x stands for x")]
    assert_close(problem.answers(change.at(problem))[1], by_second * second + by_first * first)


def test_a_tensor_of_zeros_that_a_rule_reads_is_saved_too():
    problem = graph(lambda x, w: x * w, [drawn(1, 3), 0 * drawn(2, 3)])
    (step,) = [step for step in problem.graph.steps if step.op == "mul"]
    ((position, value),) = operands._saved(operands.local(step, 0, problem.gradients[step.index]))
    assert (position, value.tolist()) == (1, [0, 0, 0])


def test_the_saved_tensors_of_a_step_are_those_its_rule_reads():
    expected = {
        "mul": {0: [1], 1: [0]},
        "div": {0: [1], 1: [0, 1]},
        "exp": {0: [-1]},
        "sin": {0: [0]},
        "sum": {0: []},
        "mm": {0: [1], 1: [0]},
    }
    forwards = {
        "mul": lambda x, w: x * w,
        "div": lambda x, w: x / w,
        "exp": lambda x, w: x.exp(),
        "sin": lambda x, w: x.sin(),
        "sum": lambda x, w: x.sum(),
        "mm": lambda x, w: x @ w,
    }
    for op, slots in expected.items():
        problem = graph(forwards[op], [drawn(1, 3, 3), drawn(2, 3, 3)])
        (step,) = [step for step in problem.graph.steps if step.op == op]
        assert isinstance(step, Step)
        for slot, positions in slots.items():
            found = list(operands._saved(operands.local(step, slot, problem.gradients[step.index])))
            assert [position for position, _ in found] == positions
            for position, value in found:
                assert value is (step.value if position < 0 else step.values[position])

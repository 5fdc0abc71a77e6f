"""What may be added up otherwise than it should be, and the gradient that comes of it, written out."""

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, offered

from bpcompare.marker.hypotheses.graph_changes import reductions

KINDS = {
    "averaged, not added up": lambda terms, axes: terms.mean(axes),
    "that of one entry: it counts once, however often it is used": lambda terms, axes: (
        terms.sum(axes) / (terms != 0).sum(axes).clamp(min=1)
    ),
    "that of the first entry only": lambda terms, axes: first(terms, axes, 0),
    "that of the last entry only: the others are overwritten": lambda terms, axes: first(terms, axes, -1),
}
ROWS = "added up over as many rows as the first dimension has"


def first(terms, axes, which):
    for axis in sorted(axes, reverse=True):
        terms = terms.select(axis, which)
    return terms


def gradients(problem, maker=reductions.reductions):
    return {says: (kind, cost, given[0]) for says, (kind, cost, given) in offered(maker, problem).items()}


# The first operand's shape, the other's, the axes that are added up, and the rows that the first dimension counts.
BROADCAST = {
    "a row": ((4,), (3, 4), (0,), 3),
    "a number": ((), (3, 4), (0, 1), 3),
    "a row of a stack": ((4,), (2, 3, 4), (0, 1), 2),
    "a column": ((3, 1), (3, 4), (1,), None),
    "the middle": ((2, 1, 4), (2, 3, 4), (1,), None),
    "all but the last": ((1, 1, 4), (2, 3, 4), (0, 1), 2),
}


@pytest.mark.parametrize("name", BROADCAST)
def test_a_broadcast_operand_may_be_added_up_in_other_ways(name):
    shape, other, axes, rows = BROADCAST[name]
    x, w, g = drawn(1, *shape, low=0.2), torch.relu(drawn(2, *other)), drawn(3, *other)
    terms = g * w
    expected = {}
    for words, take in KINDS.items():
        expected[f"x0 is broadcast in x * w: its gradient is {words}"] = take(terms, axes).reshape(shape)
    counted = terms.reshape(-1, *other[len(axes) :])[:rows].sum(0) if rows and len(axes) > 1 else terms.sum(axes)
    expected[f"x0 is broadcast in x * w: its gradient is {ROWS}"] = counted.reshape(shape)
    found = gradients(graph(lambda x, w: x * w, [x, w], [g]))
    assert set(found) == set(expected)
    for says, right in expected.items():
        kind, cost, given = found[says]
        assert (kind, cost) == ("reduction", 1.4)
        assert_close(given, right, rtol=1e-12, atol=1e-12, msg=says)


def test_what_is_not_broadcast_is_not_added_up():
    assert gradients(graph(lambda x, w: x * w, [drawn(1, 3, 4), drawn(2, 3, 4)])) == {}
    assert gradients(graph(lambda x, w: x.exp() * w, [drawn(1, 3, 4), drawn(2, 3, 4)])) == {}


def test_in_a_problem_where_nothing_is_broadcast_the_gradient_stays_as_it_is():
    rows = graph(lambda x, w: x * w, [drawn(1, 1, 4), drawn(2, 3, 4)])
    one = graph(lambda x, w: x * w, [drawn(1, 1, 4), drawn(2, 1, 4)])
    (step,) = [step for step in one.graph.steps if step.op == "mul"]
    for change in reductions.reductions(rows):
        reached = one.edge(step, 0, one.gradients[step.index], [change.act])
        assert_close(reached, one.answers({})[0], rtol=0, atol=0)


X, W = drawn(1, 3, 4), drawn(2, 4, 2)
G = drawn(3, 3, 2)


def test_a_product_of_matrices_may_be_one_of_means_or_lack_a_factor():
    found = offered(reductions.reductions, graph(lambda x, w: x @ w, [X, W], [G]))
    means = "for the gradient of {} the mean is taken before the product: of {} and of the gradient apart"
    ones = "{} is left out of the derivative of x @ w: ones stand for it"
    right = (G @ W.t(), X.t() @ G)
    expected = {
        means.format("x0", "x1"): (
            "reduction",
            1.6,
            (torch.outer(G.sum(1), W.mean(1)), right[1]),
        ),
        means.format("x1", "x0"): ("reduction", 1.6, (right[0], torch.outer(X.mean(0), G.sum(0)))),
        ones.format("x1"): ("derivative", 1.6, (G.sum(1, keepdim=True).expand(3, 4), right[1])),
        ones.format("x0"): ("derivative", 1.6, (right[0], G.sum(0).expand(4, 2))),
    }
    assert set(found) == set(expected)
    for says, (kind, cost, given) in expected.items():
        assert found[says][:2] == (kind, cost)
        for mine, other in zip(found[says][2], given, strict=True):
            assert_close(mine, other, rtol=1e-12, atol=1e-12, msg=says)


def test_in_a_stack_of_products_the_mean_is_one_of_each():
    x, w, g = drawn(1, 2, 3, 4), drawn(2, 2, 4, 5), drawn(3, 2, 3, 5)
    found = offered(reductions.reductions, graph(torch.bmm, [x, w], [g]))
    for says, (_, _, (by_x, by_w)) in found.items():
        if "for the gradient of x0 the mean" in says:
            assert_close(by_x, g.sum(2, keepdim=True) @ w.mean(2)[:, None, :])
        if "for the gradient of x1 the mean" in says:
            assert_close(by_w, x.mean(1)[:, :, None] @ g.sum(1, keepdim=True))
    assert len(found) == 4


def test_a_product_with_a_vector_has_one_mean():
    v, g = drawn(4, 4), drawn(5, 3)
    found = offered(reductions.reductions, graph(lambda x, v: x @ v, [X, v], [g]))
    means = "for the gradient of {} the mean is taken before the product: of {} and of the gradient apart"
    right = (torch.outer(g, v), X.t() @ g)
    expected = {
        means.format("x0", "x1"): right,  # an outer product adds nothing up
        means.format("x1", "x0"): (right[0], X.mean(0) * g.sum()),
        "x1 is left out of the derivative of x @ v: ones stand for it": (g[:, None].expand(3, 4), right[1]),
        "x0 is left out of the derivative of x @ v: ones stand for it": (right[0], g.sum().expand(4)),
    }
    assert set(found) == set(expected)
    for says, given in expected.items():
        for mine, other in zip(found[says][2], given, strict=True):
            assert_close(mine, other, rtol=1e-12, atol=1e-12, msg=says)


INDEX = torch.tensor([2, 0, 2, 2, 0])
GATHERS = {
    "index": (lambda x, w: x[INDEX] * w, lambda k: (slice(None),), 5),
    "index_select": (lambda x, w: x.index_select(0, INDEX) * w, lambda k: (slice(None),), 5),
    "embedding": (lambda x, w: torch.nn.functional.embedding(INDEX, x) * w, lambda k: (slice(None),), 5),
}


@pytest.mark.parametrize("op", GATHERS)
def test_where_an_index_comes_twice_the_last_or_the_first_or_the_mean_may_count(op):
    forward, _, size = GATHERS[op]
    x, w, g = drawn(1, 4, 2), drawn(2, size, 2), drawn(3, size, 2)
    found = gradients(graph(forward, [x, w], [g]))
    terms = g * w
    ways = {
        "overwritten by the last": lambda rows: rows[-1],
        "kept from the first": lambda rows: rows[0],
        "averaged": lambda rows: rows.mean(0),
    }
    assert len(found) == len(ways)
    for words, take in ways.items():
        right = torch.zeros_like(x)
        for row in range(len(x)):
            if (row == INDEX).any():
                right[row] = take(terms[row == INDEX])
        ((kind, cost, given),) = [
            one for says, one in found.items() if f"the gradient is {words}, not added up" in says
        ]
        assert (kind, cost) == ("reduction", 1.4)
        assert_close(given, right, rtol=1e-12, atol=1e-12)

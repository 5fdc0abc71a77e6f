"""What is solved for and not tried: a parameter that was updated too early, a bracket that was moved."""

from dataclasses import replace

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, search_of, step_of

from bpcompare.marker.hypotheses.graph_changes import one_unknown
from bpcompare.marker.hypotheses.graph_changes.change import DERIVATIVE, REDUCTION, Site
from bpcompare.marker.hypotheses.graph_changes.screen import shadowed
from bpcompare.marker.hypotheses.graph_changes.search import Search


def matrices(k):
    return drawn(20 + k, 3 + k, 4), drawn(40 + k, 4, 2 + k)


def found(search):
    """What is said, what it costs, and the factor besides."""
    return [(str(one.changes[0].says), round(one.cost, 9), one.factor.constant) for one in search.found[0]]


def slope(out):
    return 1 - out**2


# Each forward with the updated parameter's place in it, and the gradient of x where w − rate · gradient stands for w.
def left(g, right, x, w, rate=0.05):
    delta = g * slope(torch.tanh(x @ w))
    return delta @ (w - rate * x.t() @ delta).t()


def right_of(g, right, x, w, rate=0.05):
    delta = g * slope(torch.tanh(w @ x))
    return (w - rate * delta @ x.t()).t() @ delta


def transposed(g, right, x, w, rate=0.05):
    delta = g * slope(torch.tanh(x @ w.t()))
    return delta @ (w - rate * delta.t() @ x)


def entrywise(g, right, x, w, rate=0.05):
    delta = g * slope(torch.tanh(x * w))
    return delta * (w - rate * delta * x)


def besides(g, right, x, w, rate=0.05):
    return entrywise(g, right, x, w, rate) + g * torch.cos(x)


UPDATED = {
    "besides another path": (
        lambda x, w: torch.tanh(x * w) + torch.sin(x),
        lambda k: (drawn(20 + k, 3 + k, 4), drawn(40 + k, 3 + k, 4)),
        besides,
        "",
    ),
    "the second factor": (lambda x, w: torch.tanh(x @ w), matrices, left, "torch.tanh(x @ w)"),
    "the first factor": (
        lambda x, w: torch.tanh(w @ x),
        lambda k: (drawn(20 + k, 4, 2 + k), drawn(40 + k, 3 + k, 4)),
        right_of,
        "torch.tanh(w @ x)",
    ),
    "a transposed factor": (
        lambda x, w: torch.tanh(x @ w.t()),
        lambda k: (drawn(20 + k, 3 + k, 4), drawn(40 + k, 2 + k, 4)),
        transposed,
        "",
    ),
    "entry by entry": (
        lambda x, w: torch.tanh(x * w),
        lambda k: (drawn(20 + k, 3 + k, 4), drawn(40 + k, 3 + k, 4)),
        entrywise,
        "",
    ),
    "laid out twice": (
        lambda x, w: torch.tanh(x @ w.unsqueeze(0).squeeze(0).t().t()),
        matrices,
        left,
        "",
    ),
}


@pytest.mark.parametrize("name", UPDATED)
@pytest.mark.parametrize("rate", [0.05, -0.3])
def test_a_parameter_that_was_updated_already_is_named_with_its_rate(name, rate):
    forward, draw, gradient, _ = UPDATED[name]
    search = search_of(forward, draw, lambda *given: gradient(*given, rate=rate))
    one_unknown.name(search)
    ((says, cost, factor),) = found(search)
    assert says.startswith("x1, already updated, stands for the old one in the derivative of ")
    assert says.endswith(f"(λ = {rate:.4g})")
    assert (cost, factor) == (2.0, 1.0)
    assert search.found[0][0].changes[0].cost == 2.0
    assert search.found[0][0].changes[0].kind == "operand"


def test_a_rate_that_is_another_in_each_problem_is_not_named():
    forward, draw, gradient, _ = UPDATED["the second factor"]
    search = search_of(forward, draw, lambda g, right, x, w: gradient(g, right, x, w, rate=0.05 * len(x)))
    one_unknown.name(search)
    assert found(search) == []


def test_one_problem_is_too_few_to_tell_a_rate():
    forward, draw, gradient, _ = UPDATED["the second factor"]
    for count, named in ((1, 0), (2, 1)):
        search = search_of(forward, draw, gradient, count)
        one_unknown.name(search)
        assert len(found(search)) == named


def test_what_is_explained_already_is_left_alone():
    forward, draw, gradient, _ = UPDATED["the second factor"]
    search = search_of(forward, draw, gradient)
    search.found[0].append("known")
    one_unknown.name(search)
    assert search.found[0] == ["known"]


def test_the_places_where_an_input_multiplies_on_the_way_back():
    def forward(x, w, v):
        hidden = (x @ w.t()) * 2
        return hidden.exp() @ v + x.sum() * x.mean()

    problem = graph(forward, [drawn(1, 3, 4), drawn(2, 5, 4), drawn(3, 5)])
    told = [(s.op, slot, position, leaf.name) for s, slot, position, leaf in one_unknown._parameters(problem)]
    assert told == [("mm", 0, 1, "x1"), ("mm", 1, 0, "x0"), ("mv", 0, 1, "x2")]
    both = graph(lambda x, w: x * w, [drawn(1, 3), drawn(2, 3)])
    told = [(s.op, slot, position, leaf.name) for s, slot, position, leaf in one_unknown._parameters(both)]
    assert told == [("mul", 0, 1, "x1"), ("mul", 1, 0, "x0")]
    constant = graph(lambda x: x * torch.ones(3, dtype=torch.float64), [drawn(1, 3)])
    assert list(one_unknown._parameters(constant)) == []


def squares(x, w):
    residual = x * w - torch.sin(w)
    return (residual**2).sum(1)


def draw(k):
    return drawn(20 + k, 3 + k, 3 + k, low=0.2), drawn(40 + k, 3 + k, 3 + k, low=0.2)


# Of the bracket x · w − sin w one term alone misses the factor w of the way back, or the 2 of the square.
def later_misses(g, right, x, w):
    return 2 * g[:, None] * (x * w * w - torch.sin(w))


def first_misses(g, right, x, w):
    return 2 * g[:, None] * (x * w - torch.sin(w) * w)


def later_misses_two(g, right, x, w):
    return g[:, None] * w * (2 * x * w - torch.sin(w))


BRACKETS = {
    "the second term": (later_misses, "torch.sin(w)", "x * w the other factor is left out"),
    "the first term": (first_misses, "x * w", "x * w the other factor is left out"),
    "the exponent": (later_misses_two, "torch.sin(w)", "the exponent is not multiplied"),
}


@pytest.mark.parametrize("name", BRACKETS)
def test_a_bracket_that_was_moved_is_named_with_the_term_and_the_factor(name):
    gradient, term, factor = BRACKETS[name]
    search = search_of(squares, draw, gradient)
    one_unknown.name(search)
    told = found(search)
    assert told
    says, cost, constant = told[0]
    assert says.startswith(f"a bracket is moved: of residual, {term} alone misses a factor (")
    assert factor in says
    assert (cost, constant) == (2.4, 1.0)
    assert search.found[0][0].changes[0].place.endswith(": x * w - torch.sin(w)")


def sums(x, w):
    total = x * w + torch.sin(w)
    return (total**2).sum(1)


def test_a_bracket_of_a_sum_is_moved_as_one_of_a_difference_is():
    search = search_of(sums, draw, lambda g, right, x, w: 2 * g[:, None] * (x * w * w + torch.sin(w)))
    one_unknown.name(search)
    assert found(search)[0][0].startswith("a bracket is moved: of total, torch.sin(w) alone misses a factor")


def test_what_a_bracket_gives_is_the_sum_of_what_its_terms_give():
    search = search_of(squares, draw, later_misses)
    problem = search.problem
    (power,) = [step for step in problem.graph.steps if step.op == "pow"]
    x, w = (step.value for step in problem.graph.inputs)
    cheap = [c for c in search.changes if c.kind in (DERIVATIVE, REDUCTION) and len(c.at(problem)) == 1]
    assert cheap
    for kept, term, other in ((0, x * w, -torch.sin(w)), (1, -torch.sin(w), x * w)):
        for change in cheap:
            moved = one_unknown._Moved(0, kept, Site(power.key, 0), change)
            given = moved.answers(problem)
            ((place, _),) = change.at(problem).items()
            if place[0] == power.index:
                continue
            # the way back is linear in what the square passes on: twice the gradient · term
            by_right = problem.answers({(power.index, 0): [lambda p, at, t=term: 2 * at.gradient * t]})
            by_wrong = problem.answers(
                {(power.index, 0): [lambda p, at, t=other: 2 * at.gradient * t]} | change.at(problem)
            )
            for mine, one, another in zip(given, by_right, by_wrong, strict=True):
                assert_close(mine, one + another, rtol=1e-10, atol=1e-12)


def test_a_bracket_that_is_not_in_every_problem_is_none():
    search = search_of(squares, draw, later_misses)
    (power,) = [step for step in search.problem.graph.steps if step.op == "pow"]
    change = next(c for c in search.changes if c.kind == DERIVATIVE)
    elsewhere = graph(lambda x, w: x * w, [drawn(1, 3, 3), drawn(2, 3, 3)])
    assert one_unknown._Moved(0, 0, Site(power.key, 0), change).answers(elsewhere) is None
    twice = next(c for c in search.changes if len(c.sites) > 1)
    assert one_unknown._Moved(0, 0, Site(power.key, 0), twice).answers(search.problem) is None


def test_a_factor_that_does_not_fit_a_shape_is_not_what_is_left_out():
    search = search_of(squares, draw, later_misses)
    (power,) = [step for step in search.problem.graph.steps if step.op == "pow"]
    change = next(c for c in search.changes if c.kind == DERIVATIVE and len(c.sites) == 1)
    misfit = replace(change, act=lambda problem, at: at.gradient.reshape(7, 7))
    moved = one_unknown._Moved(0, 0, Site(power.key, 0), misfit)
    assert not one_unknown._gives(moved, search.problem, search.answers[0].arrays[search.screened], 0)


def test_a_bracket_must_give_the_answer_in_every_problem():
    def sometimes(g, right, x, w):
        return later_misses(g, right, x, w) if len(x) != 4 else right * 2

    search = search_of(squares, draw, sometimes)
    one_unknown.name(search)
    assert found(search) == []


def test_the_problem_that_tells_most_is_tried_first_and_then_all():
    search = search_of(squares, draw, later_misses)
    (answer,) = search.answers
    turns = one_unknown._in_turn(search, answer)
    assert turns[0] == (search.problems[search.screened], answer.arrays[search.screened])
    assert [problem for problem, _ in turns[1:]] == list(search.problems)


@pytest.mark.parametrize(
    ("kind", "cost", "named"),
    [
        ("derivative", one_unknown.FACTOR_LEFT_OUT, True),
        ("reduction", one_unknown.FACTOR_LEFT_OUT, True),
        ("derivative", one_unknown.FACTOR_LEFT_OUT + 0.01, False),
        ("operand", 1.0, False),
    ],
)
def test_what_a_bracket_leaves_out_is_a_cheap_change_of_a_derivative_or_a_sum(kind, cost, named):
    search = search_of(squares, draw, later_misses)
    left_out = [c for c in search.changes if "x * w the other factor is left out" in str(c.says)]
    search.changes = [replace(one, kind=kind, cost=cost) for one in left_out]
    one_unknown.name(search)
    assert bool(found(search)) is named


def test_a_gradient_in_the_place_of_an_input_is_laid_out_as_the_input_is():
    forward = lambda x, w: x @ w.t()  # noqa: E731
    x, w, g = drawn(1, 3, 4), drawn(2, 5, 4), drawn(3, 3, 5)
    problem = graph(forward, [x, w], [g])
    step = step_of(problem, "mm")
    act = one_unknown._with_gradient(1, "x1")
    reached = problem.edge(step, 0, g, [act])
    assert_close(reached, g @ (g.t() @ x), rtol=1e-12, atol=1e-12)
    assert isinstance(shadowed(problem, 0, [], x, x).shadow.sum(), float)
    assert Search([problem], [[x, w]], [0]).problem is problem

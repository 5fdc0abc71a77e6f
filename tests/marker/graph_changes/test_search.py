"""The search by its parts: what is compared, what is screened, what is tried no more, what is told."""

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, explained, graph
from torch.nn import functional as F

from bpcompare.marker.hypotheses.graph_changes import one_unknown, search
from bpcompare.marker.hypotheses.graph_changes.change import COST, PATH, Change, Site
from bpcompare.marker.hypotheses.graph_changes.explain import Sample, explain, explain_forward, shape_sizes
from bpcompare.marker.hypotheses.graph_changes.named_mistake import NamedMistake, named, zero_everywhere
from bpcompare.marker.hypotheses.graph_changes.search import Found, Search
from bpcompare.marker.hypotheses.graph_changes.size_factor import SizeFactor
from bpcompare.marker.phrases import Phrase

ONE = torch.tensor([1.0, -2.0, 4.0], dtype=torch.float64)
OFF = torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64)  # at right angles


def test_a_ratio_is_that_of_answers_that_are_parallel_to_the_tolerance():
    ratio = search._ratio
    assert ratio(-3 * ONE, ONE, 1e-9) == -3
    assert ratio(3 * ONE + 5.9e-9 * OFF, ONE, 1e-9) == pytest.approx(3)  # of 12, the largest: 1.2e-8
    assert ratio(3 * ONE + 6.1e-9 * OFF, ONE, 1e-9) is None
    assert ratio(1e-3 * ONE + 1.9e-12 * OFF, ONE, 1e-9) == pytest.approx(1e-3)
    assert ratio(1e-3 * ONE + 2.1e-12 * OFF, ONE, 1e-9) is None
    assert ratio(0 * ONE, 0 * ONE, 1e-9) == 0.0
    assert ratio(ONE, 0 * ONE, 1e-9) is None
    assert ratio(0 * ONE, ONE, 1e-9) is None
    assert ratio(ONE, ONE[None], 1e-9) is None
    assert ratio(ONE[:0], ONE[:0], 1e-9) == 0.0
    assert ratio(ONE * torch.nan, ONE, 1e-9) is None
    assert ratio(ONE, ONE * torch.inf, 1e-9) is None


def test_a_number_is_solved_for_where_it_explains_every_entry():
    assert one_unknown._solved(-0.3 * ONE, ONE) == pytest.approx(-0.3)
    assert one_unknown._solved(3 * ONE + 5.9e-8 * OFF, ONE) == pytest.approx(3)
    assert one_unknown._solved(3 * ONE + 6.1e-8 * OFF, ONE) is None
    assert one_unknown._solved(ONE, 0 * ONE) is None
    assert one_unknown._solved(0 * ONE, ONE) is None
    assert one_unknown._solved(ONE[:1], ONE[:1]) is None
    assert one_unknown._solved(ONE[:2], ONE[:2]) == 1
    assert one_unknown._agree(ONE, ONE + 1.9e-8 * OFF)
    assert not one_unknown._agree(ONE, ONE + 2.1e-8 * OFF)
    assert not one_unknown._agree(ONE, ONE[None])
    assert not one_unknown._agree(ONE[:0], ONE[:0])


def problems(forward, wrong, sizes, names=("x0", "x1")):
    """The traced problems, and answers of which the first is wrong where ``wrong`` says so."""
    made, answers = [], []
    for k, size in enumerate(sizes):
        made.append(graph(forward, [drawn(k, size), drawn(k + 9, size)]))
        made[-1].sizes.update({"n": size})
        right = made[-1].answers({})
        answers.append([right[0] * (2 if wrong(k) else 1), right[1]])
    return made, answers


def test_the_problem_that_is_screened_is_one_where_the_answer_is_wrong_and_the_largest_of_those():
    forward = lambda x, w: torch.tanh(x) * w  # noqa: E731
    for wrong, sizes, chosen in (
        (lambda k: k < 2, (3, 5, 9), 1),
        (lambda k: True, (3, 9, 5), 1),
        (lambda k: k == 0, (3, 9, 5), 0),
        (lambda k: True, (search.LARGEST // 4, 5, 3), 0),
        (lambda k: True, (search.LARGEST // 4 + 1, 5, 3), 1),  # four tensors of this size are too many
    ):
        made, answers = problems(forward, wrong, sizes)
        assert Search(made, answers, [0]).screened == chosen


def test_two_numbers_in_all_name_no_mistake():
    def draw(k):
        return drawn(k, 1, low=0.3), drawn(k + 50, 1, low=0.3)

    forward = lambda x, w: torch.tanh(x) * w  # noqa: E731
    wrong = lambda g, x, w: g * torch.tanh(x)  # noqa: E731
    assert explained(forward, draw, lambda g, x, w: 2 * g * w * (1 - torch.tanh(x) ** 2), count=2) is None
    assert explained(forward, draw, lambda g, x, w: 2 * g * w * (1 - torch.tanh(x) ** 2), count=3) is not None
    assert explained(forward, draw, wrong, count=2) is None


def test_what_costs_clearly_more_than_what_was_found_is_not_tried():
    change = Change(PATH, (), lambda problem, at: None, "", 1.0, "")
    found = [Found((change,), SizeFactor(), cost) for cost in (0.9, 0.6)]
    assert not search._found_for_less([], change)
    assert search._found_for_less(found, change)  # 1.0 is more than 0.6 + 0.35
    assert not search._found_for_less(found[:1], change)


def test_a_place_in_a_loop_is_every_time_it_is_reached_or_some_of_them():
    def loop(x, w):
        for _ in range(3):
            x = torch.tanh(x * w)
        return x

    problem = graph(loop, [drawn(1, 3), drawn(2, 3)])
    (first, second, third) = [step for step in problem.graph.steps if step.op == "tanh"]
    for times, chosen in {
        "all": [first, second, third],
        "first": [first],
        "last": [third],
        "not first": [second, third],
        "not last": [first, second],
    }.items():
        site = Site(first.key, 0, times)
        assert site.edges(problem) == [(step.index, 0) for step in chosen]
        assert site.op == "tanh"
        placed = Change(PATH, (site,), lambda problem, at: None, "", 1.0, "").at(problem)
        assert list(placed) == site.edges(problem)
    once = graph(lambda x, w: torch.tanh(x * w), [drawn(1, 3), drawn(2, 3)])
    (only,) = [step for step in once.graph.steps if step.op == "tanh"]
    for times, there in (("all", True), ("first", True), ("last", True), ("not first", False), ("not last", False)):
        placed = Change(PATH, (Site(only.key, 0, times),), lambda problem, at: None, "", 1.0, "").at(once)
        assert (placed is not None) == there
        gone = (Site(only.key, 0), Site(first.key, 0, times))
        assert (Change(PATH, gone, lambda problem, at: None, "", 1.0, "").at(once) is None) == there
    assert Site(problem.graph.inputs[0].key, -1).op == "input"


def told(cost, place="a", factor=None, says="m", share=None):
    change = Change("path", (), lambda problem, at: None, says, cost, place)
    return Found((change,), factor or SizeFactor(), cost, share)


def test_what_costs_the_same_elsewhere_is_told_as_an_alternative():
    best = told(1.0)
    others = [told(1.0, "b", says="n"), told(1.0, "a", says="same place"), told(1.1, "c", says="dearer")]
    mistake = named(
        "x", best, [best, *others, told(1.0, "d", says="n"), told(1.0, "e", says="o"), told(1.0, "f", says="p")]
    )
    assert (mistake.says, mistake.alternatives, mistake.places) == ("m", ("n", "o"), ("a",))
    assert mistake.lines() == ["m", "  or n", "  or o", "  at a"]
    assert str(mistake) == "m\n  or n\n  or o\n  at a"
    assert mistake.kind == "path"
    assert named("x", told(1.0, "", share=SizeFactor(2.0)), []).kind == "factor"
    assert named("x", told(1.0, "", share=SizeFactor(2.0)), []).says == "the path through m is multiplied by 2"
    assert named("x", Found((), SizeFactor(2.0), 1.8), []).says == "it is 2 times the right gradient"
    assert named("x", Found((), SizeFactor(2.0), 1.8), []).kind == "factor"
    assert "besides it is 2 times that" in named("x", told(1.0, factor=SizeFactor(2.0)), []).says
    both = Found((*told(1.0, "a").changes, *told(1.0, "b", says="k").changes), SizeFactor(), 2.0)
    assert named("x", both, []).says == "m, and k"
    assert named("x", both, []).places == ("a", "b")
    assert named("x", both, []).kind == "path"


def test_zero_everywhere_has_the_reason_that_another_answer_shows():
    cut = NamedMistake("w", "path", Phrase("h is held constant"), ("f.py:1: h",), 1.0)
    other = NamedMistake("v", "derivative", Phrase("it is t"), ("f.py:2: k",), 1.3)
    later = NamedMistake("v", "upstream", Phrase("it is t"), ("f.py:2: k",), 1.3)
    assert (
        zero_everywhere("x", {"v": other, "u": later}).says == "it is zero everywhere: no path back to it is followed"
    )
    assert zero_everywhere("x", {"v": other}).places == ()
    reason = zero_everywhere("x", {"v": other, "w": cut})
    assert (reason.says.endswith("(h is held constant)"), reason.places, reason.kind) == (True, cut.places, "path")


def test_sizes_are_named_after_the_first_argument_and_axis_that_has_them():
    calls = [(torch.zeros(n, m, 1), torch.zeros(m, k), 3.0) for n, m, k in ((4, 2, 5), (7, 3, 6))]
    assert shape_sizes(calls, ["x", "w", "s"]) == [
        {"x.shape[0]": 4, "x.shape[1]": 2, "x.numel()": 8, "w.shape[1]": 5, "w.numel()": 10},
        {"x.shape[0]": 7, "x.shape[1]": 3, "x.numel()": 21, "w.shape[1]": 6, "w.numel()": 18},
    ]
    ranks = [(torch.zeros(2, 3),), (torch.zeros(5, 4, 7),)]
    assert shape_sizes(ranks, ["x"]) == [
        {"x.shape[-2]": 2, "x.shape[-1]": 3, "x.numel()": 6},
        {"x.shape[-2]": 4, "x.shape[-1]": 7, "x.numel()": 140},
    ]
    assert shape_sizes([(torch.zeros(0, 2),), (torch.zeros(3, 2),)], ["x"]) == [{"x.shape[1]": 2}, {"x.shape[1]": 2}]
    many = [tuple(torch.zeros(n + 3 * k, 2 * n + k) for k in range(5)) for n in (2, 3)]
    assert [len(sizes) for sizes in shape_sizes(many, list("abcde"))] == [6, 6]


def sample(forward, answers, *arguments, through=None):
    leaves = [value.clone().requires_grad_() for value in arguments]
    right = torch.autograd.grad((through or forward)(*leaves).sum(), leaves)
    expected = dict(zip("xw", right, strict=True))
    return Sample(arguments, None, expected | answers(*arguments, *right), expected)


def test_a_forward_without_gradients_is_followed_as_in_a_function_with_a_backward_of_its_own():
    def forward(x, w):
        with torch.no_grad():
            return (torch.tanh(x) * w).sum()

    right = lambda x, w: (torch.tanh(x) * w).sum()  # noqa: E731
    samples = [
        sample(
            forward, lambda x, w, gx, gw: {"x": w * torch.tanh(x)}, drawn(k, 4 + k), drawn(k + 9, 4 + k), through=right
        )
        for k in range(3)
    ]
    assert "it is t, not 1 − t²" in explain(forward, samples, ["x", "w"])["x"].says
    whole = lambda x, w: softmax_without_gradients(x, w)  # noqa: E731
    other = [
        sample(
            whole,
            lambda x, w, gx, gw: {"x": w - torch.log_softmax(x, 1) * w.sum(1, keepdim=True)},
            drawn(k, 3 + k, 4),
            drawn(k + 9, 3 + k, 4),
            through=lambda x, w: (F.log_softmax(x, 1) * w).sum(),
        )
        for k in range(3)
    ]
    assert "exp is forgotten" in explain(whole, other, ["x", "w"])["x"].says


def softmax_without_gradients(x, w):
    with torch.no_grad():
        return (F.log_softmax(x, 1) * w).sum()


def test_a_forward_that_is_not_the_one_of_the_right_gradients_explains_nothing():
    samples = [
        sample(lambda x, w: (x * w).sum(), lambda x, w, gx, gw: {"x": 2 * gx}, drawn(k, 4 + k), drawn(k + 9, 4 + k))
        for k in range(3)
    ]
    assert explain(lambda x, w: (x * w).sum(), samples, ["x", "w"])["x"].says == "it is 2 times the right gradient"
    assert explain(lambda x, w: (x * w * w).sum(), samples, ["x", "w"]) == {}
    assert explain(lambda x, w: x.reshape(7, 7), samples, ["x", "w"]) == {}


def test_the_number_of_terms_of_a_mean_may_be_the_factor():
    def forward(x, w):
        total = (x * w)[1:].mean()
        return total.exp()

    def draw(k):
        return drawn(k, 5 + k, 3), drawn(k + 9, 5 + k, 3)

    def wrong(g, x, w):
        total = (x * w)[1:].mean()
        found = torch.zeros_like(x)
        found[1:] = w[1:] * total.exp()
        return found  # a mean that is not divided by

    mistake = explained(forward, draw, lambda g, x, w: wrong(g, x, w) * (w[1:].numel()) ** 0.5 / w[1:].numel())
    assert mistake.factor.powers == (("number of terms of total", 0.5),)
    assert "number of terms of total" in mistake.says
    assert "a sum for a mean" in explained(forward, draw, wrong).says


def test_what_another_forward_does_is_named_by_its_outputs():
    forward = lambda x, w: torch.tanh(3 * x) * w  # noqa: E731
    arguments = [(drawn(k, 4 + k), drawn(k + 9, 4 + k)) for k in range(3)]
    samples = [sample(forward, lambda *_: {}, *pair) for pair in arguments]
    outputs = [[torch.tanh(x) * w] for x, w in arguments]
    says, place = explain_forward(forward, samples, outputs, ["x", "w"])
    assert says == "the function calculates a forward without the constant 3 of 3 * x"
    assert place.endswith(": 3 * x")
    assert explain_forward(forward, samples, [[x + w] for x, w in arguments], ["x", "w"]) is None
    assert explain_forward(forward, samples, [[*one, one[0]] for one in outputs], ["x", "w"]) is None
    assert explain_forward(lambda x, w: x, samples, outputs, ["x", "w"]) is None


def test_a_path_and_a_node_that_a_person_has_a_name_for_cost_least():
    assert COST == {"path": 1.0, "derivative": 1.3, "reduction": 1.4, "operand": 2.0, "factor": 2.2, "upstream": 1.6}


TOLD = {
    "another tensor in a derivative": (
        lambda x, w: torch.tanh(x) * torch.tanh(w),
        lambda g, x, w: g * torch.tanh(w) * (1 - torch.tanh(w) ** 2),
        "torch.tanh(w) stands for torch.tanh(x) in the derivative of torch.tanh(x)",
        ("operand", 2.1),
    ),
    "two mistakes": (
        lambda x, w: torch.sigmoid(torch.tanh(x * w)),
        lambda g, x, w: g * torch.sigmoid(torch.tanh(x * w)) ** 2 * (1 - torch.tanh(x * w)) * w,
        "it is s², not s(1 − s), and in the derivative of torch.tanh(x * w) it is 1 − t, not 1 − t²",
        ("derivative", 2.6),
    ),
    "a mistake and a factor": (
        lambda x, w: torch.tanh(x) * w,
        lambda g, x, w: -g * w * torch.tanh(x),
        "it is t, not 1 − t²; besides it is -1 times that",
        ("derivative", 2.1),
    ),
    "a factor of a named step": (
        lambda x, w: named_step(x, w),
        lambda g, x, w: g * (torch.exp(torch.tanh(x)) * (1 - torch.tanh(x) ** 2) * w.exp() / w + torch.cos(x)),
        "the gradient of hidden is divided by w",
        ("factor", 2.3),
    ),
    "everywhere": (
        lambda x, w: torch.tanh(torch.tanh(x) * w),
        lambda g, x, w: g * torch.tanh(torch.tanh(x) * w) * w * torch.tanh(x),
        "at every tanh in the derivative it is t, not 1 − t²",
        ("derivative", 1.6),
    ),
    "a share of one path": (
        lambda x, w: x * w + torch.sin(x),
        lambda g, x, w: 2 * (g * w + 3 * g * torch.cos(x)),
        "is multiplied by 3; besides it is 2 times that",
        ("factor", 1.0 + 0.6 + 0.8 + 0.8),
    ),
}


def held(x, w, *names):
    hidden = torch.tanh(x)
    total = hidden.sum(1, keepdim=True)
    hidden, total = (v.detach() if name in names else v for name, v in (("hidden", hidden), ("total", total)))
    return torch.exp(hidden) * w + total * torch.cos(x)


def partly_held(*names):
    def wrong(g, x, w):
        leaf = x.clone().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(held(leaf, w, *names), leaf, g)[0]

    return wrong


def residuals(x, w):
    residual = x * w - torch.sin(w)
    return (residual**2).sum()


TOLD |= {
    "a sum with a name": (held, partly_held("total"), "total is held constant", ("path", 1.0 - 0.04 - 0.02)),
    "one of two uses": (held, partly_held("hidden"), "the path from hidden into torch.exp(hidden)", ("path", 1.0)),
    "a bracket": (
        residuals,
        lambda g, x, w: 2 * (x * w * w - torch.sin(w)),
        "a bracket is moved: of residual, torch.sin(w) alone misses a factor",
        ("operand", 2.4),
    ),
}


def named_step(x, w):
    hidden = torch.tanh(x)
    return torch.exp(hidden) * w.exp() + torch.sin(x)


@pytest.mark.parametrize("name", TOLD)
def test_a_mistake_has_its_kind_and_its_cost(name):
    forward, wrong, says, (kind, cost) = TOLD[name]
    mistake = explained(forward, lambda k: (drawn(k, 4 + k, 3, low=0.2), drawn(k + 9, 4 + k, 3, low=0.2)), wrong)
    assert says in mistake.says or says in mistake.alternatives
    assert mistake.kind.split("+")[0] == kind
    assert mistake.cost == pytest.approx(cost)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_maximum_that_cancels_is_held_constant_and_one_that_counts_is_not(scale):
    def stable(x, w):
        apart = x - x.amax(1, keepdim=True)
        return apart.exp() / apart.exp().sum(1, keepdim=True) * w

    def counting(x, w):
        return (x - x.amax(1, keepdim=True)) * w

    arguments = [scale * drawn(1, 3, 4), drawn(2, 3, 4)]
    for forward, held in ((stable, True), (counting, False)):
        problem = graph(forward, arguments)
        (largest,) = [step for step in problem.graph.steps if step.op == "amax"]
        assert largest.graded is not held
        assert (largest.index in problem.relevant) is not held
        assert (problem.gradients.get(largest.index) is None) is held
        leaves = [value.clone().requires_grad_() for value in arguments]
        right = torch.autograd.grad(forward(*leaves).sum(), leaves)
        for mine, other in zip(problem.answers({}), right, strict=True):
            assert_close(mine, other, rtol=1e-9, atol=1e-12)

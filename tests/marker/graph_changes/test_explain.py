"""The entrance to the search: what is compared, counted and chosen, and laws of what it answers."""

import pytest
import torch
from marker.graph_changes.one_step import drawn, graph

from bpcompare.marker.hypotheses.graph_changes import explain as module
from bpcompare.marker.hypotheses.graph_changes.change import Change
from bpcompare.marker.hypotheses.graph_changes.explain import Sample, explain, explain_forward
from bpcompare.marker.hypotheses.graph_changes.search import Found
from bpcompare.marker.hypotheses.graph_changes.size_factor import SizeFactor

NAMES = ["x", "w"]


def forward(x, w):
    hidden = torch.tanh(x * w)
    total = hidden.sum(1, keepdim=True)
    return hidden * torch.sin(x) / (total + 9)


def samples(wrong, count=3, function=forward, seed=0):
    """Problems of several sizes; ``wrong`` makes the answers of both from everything."""
    found = []
    for k in range(count):
        x, w = drawn(seed + 20 + k, 3 + k, 4 + k), drawn(seed + 40 + k, 3 + k, 4 + k)
        leaves = [x.clone().requires_grad_(), w.clone().requires_grad_()]
        out = function(*leaves)
        upstream = drawn(seed + 60 + k, *out.shape)
        right = torch.autograd.grad(out, leaves, upstream)
        expected = dict(zip(NAMES, right, strict=True))
        found.append(Sample((x, w), [upstream], expected | wrong(upstream, x, w, *right), expected))
    return found


def held(g, x, w):
    """Both gradients with the total held constant."""
    leaves = [x.clone().requires_grad_(), w.clone().requires_grad_()]
    hidden = torch.tanh(leaves[0] * leaves[1])
    out = hidden * torch.sin(leaves[0]) / (hidden.sum(1, keepdim=True).detach() + 9)
    return dict(zip(NAMES, torch.autograd.grad(out, leaves, g), strict=True))


WRONG = {
    "a path": lambda g, x, w, gx, gw: held(g, x, w),
    "a factor": lambda g, x, w, gx, gw: {"x": 3 * gx, "w": gw / len(x)},
    "a path in one": lambda g, x, w, gx, gw: {"x": held(g, x, w)["x"]},
    "nothing": lambda g, x, w, gx, gw: {"x": 0 * gx, "w": held(g, x, w)["w"]},
    "each other's": lambda g, x, w, gx, gw: {"x": gw, "w": 2 * gx},
}


def told(found):
    return {name: (one.says, one.kind, round(one.cost, 9), one.alternatives, one.places) for name, one in found.items()}


@pytest.mark.parametrize("name", WRONG)
def test_the_order_of_the_problems_does_not_matter(name):
    given = samples(WRONG[name])
    assert told(explain(forward, given, NAMES)) == told(explain(forward, given[::-1], NAMES)) != {}


@pytest.mark.parametrize("name", WRONG)
def test_the_order_of_the_rows_does_not_matter(name):
    given = samples(WRONG[name])

    def turned(sample):
        flip = lambda values: {key: value.flip(0) for key, value in values.items()}  # noqa: E731
        upstream = [part.flip(0) for part in sample.upstream]
        return Sample(tuple(a.flip(0) for a in sample.arguments), upstream, flip(sample.answers), flip(sample.expected))

    assert told(explain(forward, given, NAMES)) == told(explain(forward, list(map(turned, given)), NAMES))


def test_an_answer_that_is_right_is_not_named():
    assert explain(forward, samples(lambda *_: {}), NAMES) == {}
    found = explain(forward, samples(WRONG["a path in one"]), NAMES)
    assert set(found) == {"x"}
    assert found["x"].says.startswith("total is held constant")


def test_two_answers_with_one_mistake_are_told_it_both():
    found = explain(forward, samples(WRONG["a path"]), NAMES)
    assert {one.says for one in found.values()} == {"total is held constant: the path through it is missing"}


def test_what_is_zero_has_the_path_that_another_answer_lacks_as_its_reason():
    found = explain(forward, samples(WRONG["nothing"]), NAMES)
    assert found["x"].says.startswith("it is zero everywhere: no path back to it is followed (total is held constant")


def test_zero_in_one_problem_only_is_not_zero_everywhere():
    def once(g, x, w, gx, gw):
        return {"x": gx * (len(x) != 4)}

    assert explain(forward, samples(once), NAMES, pairs=False) == {}


def test_two_gradients_exchanged_are_told_with_their_factors():
    found = explain(forward, samples(WRONG["each other's"]), NAMES)
    assert (found["x"].says, found["x"].cost) == ("it is the gradient of w", 1.2)
    assert found["w"].says == "it is the gradient of x; besides it is 2 times that"
    assert found["w"].cost == pytest.approx(1.2 + 0.8)


def test_a_factor_is_the_number_or_the_size():
    found = explain(forward, samples(WRONG["a factor"]), NAMES)
    assert found["x"].says == "it is 3 times the right gradient"
    assert found["w"].says == "it is 1/(x.shape[0]) times the right gradient"
    assert [found[name].cost for name in NAMES] == [pytest.approx(1.8), pytest.approx(1.7)]


def test_one_problem_is_enough_to_tell_a_small_number():
    assert explain(forward, samples(WRONG["a factor"], 1), NAMES)["x"].says == "it is 3 times the right gradient"


def test_two_changes_are_tried_only_where_they_are_asked_for():
    def both(g, x, w, gx, gw):
        t = torch.tanh(x * w)
        return {"x": g * t.exp() ** 2 * (1 - t) * w}

    def twice(x, w):
        return torch.sigmoid(torch.tanh(x * w))

    def two(g, x, w, gx, gw):
        t = torch.tanh(x * w)
        return {"x": g * torch.sigmoid(t) ** 2 * (1 - t) * w}

    assert explain(twice, samples(two, function=twice), NAMES, pairs=False) == {}
    with pytest.raises(TypeError):
        explain(twice, samples(two, function=twice), NAMES, False)
    assert "and" in explain(twice, samples(two, function=twice), NAMES)["x"].says
    assert explain(twice, samples(both, function=twice), NAMES) == {}


@pytest.mark.parametrize(("off", "named"), [(3e-10, True), (3e-8, False)])
def test_an_answer_agrees_up_to_the_tolerance(off, named):
    def nearly(g, x, w, gx, gw):
        return {"x": 3 * gx + off * gx.abs().max() * torch.sign(x)}

    assert bool(explain(forward, samples(nearly), NAMES, pairs=False)) is named
    assert bool(explain(forward, samples(nearly), NAMES, tolerance=1e-7))


def test_two_values_agree_up_to_a_share_of_the_right_one_and_a_little_near_zero():
    right = torch.tensor([1.0, -4.0, 0.0], dtype=torch.float64)
    nudge = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    assert module._agree(right + 3.99e-6 * nudge, right, 1e-6)
    assert not module._agree(right + 4.01e-6 * nudge, right, 1e-6)
    assert not module._agree(right - 4.01e-6 * nudge, right, 1e-6)
    assert module._agree(9e-13 * nudge, 0 * right, 1e-6)
    assert not module._agree(1.1e-12 * nudge, 0 * right, 1e-6)
    assert not module._agree(right, right[None], 1.0)
    assert module._agree(right[:0], right[:0], 0.0)


def test_two_lists_of_outputs_are_alike_where_all_are():
    one = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert module._alike([one, one], [one, one])
    assert not module._alike([one], [one, one])
    assert not module._alike([one, one + 1], [one, one])
    assert not module._alike([one, one * (1 + 1e-8)], [one, one])
    assert module._alike([one, one * (1 + 1e-10)], [one, one])


def cost(amount, place="a"):
    return Found((Change("path", (), lambda problem, at: None, place, amount, place),), SizeFactor(), amount)


def test_of_what_is_nearly_as_cheap_the_one_that_explains_most_answers_is_told():
    cheap, common, dear = cost(1.0), cost(1.3), cost(1.36)
    elsewhere = [Found(common.changes, SizeFactor(), 2.0)]
    too_dear = [Found(dear.changes, SizeFactor(), 2.0)]
    assert module._chosen(0, {0: [cheap, common]}) is cheap
    assert module._chosen(0, {0: [cheap, common], 1: elsewhere}) is common
    assert module._chosen(0, {0: [cheap, dear], 1: too_dear, 2: too_dear}) is cheap
    assert module._chosen(0, {0: [cheap, common], 1: elsewhere, 2: [cheap]}) is cheap


def test_the_terms_of_a_sum_are_counted_where_no_size_is_the_same_number():
    def means(x, w):
        part = x[1:]
        total = part.mean()
        return (x.sum(1, keepdim=True) * w + total).sum(), total

    made = []
    for k in range(3):
        arguments = [drawn(k, 4 + k, 2 + k), drawn(k + 9, 4 + k, 2 + k)]
        made.append(graph(means, arguments))
        made[-1].sizes |= {"n": 4 + k, "m": 2 + k, "x": (4 + k) * (2 + k)}
    module._count_terms(made)
    label = "number of terms of total"
    assert [problem.sizes[label] for problem in made] == [(3 + k) * (2 + k) for k in range(3)]
    assert {len(problem.sizes) for problem in made} == {4}  # the sums' terms are m and x


def test_no_terms_are_counted_that_are_as_many_in_all_problems_or_when_there_are_sizes_enough():
    def fixed(x, w):
        return (x[:3].mean() * w).sum() + x[1:].mean()

    made = [graph(fixed, [drawn(k, 4 + k), drawn(k + 9, 4 + k)]) for k in range(3)]
    for k, problem in enumerate(made):
        problem.sizes |= {"n": 4 + k}
    module._count_terms(made)
    assert len(made[0].sizes) == 2
    for known in (module.MOST_SIZES + 1, module.MOST_SIZES + 2):
        full = [graph(fixed, [drawn(k, 4 + k), drawn(k + 9, 4 + k)]) for k in range(3)]
        for k, problem in enumerate(full):
            problem.sizes |= {f"n{j}": 4 + k + 7 * j for j in range(known)}
        module._count_terms(full)
        assert len(full[0].sizes) == module.MOST_SIZES + 2


def test_a_gradient_that_is_not_asked_for_is_not_explained():
    given = [
        Sample(one.arguments, one.upstream, {"x": one.answers["x"]}, {"x": one.expected["x"]})
        for one in samples(WRONG["a path"])
    ]
    assert set(explain(forward, given, NAMES)) == {"x"}


def test_a_right_gradient_by_differences_is_near_enough_to_trust_the_graph():
    def blurred(factor):
        return [
            Sample(
                one.arguments,
                one.upstream,
                one.answers,
                {name: value + factor * value.abs().max() for name, value in one.expected.items()},
            )
            for one in samples(WRONG["a path"])
        ]

    assert explain(forward, blurred(5e-6), NAMES)
    assert explain(forward, blurred(5e-5), NAMES) == {}


def test_another_forward_is_named_where_gradients_are_switched_off_on_the_way():
    def scaled(x, w, three=3):
        with torch.no_grad():
            scale = x.abs().amax()
        return torch.tanh(three * x / scale) * w

    given = samples(lambda *_: {}, function=scaled)
    outputs = [[scaled(*one.arguments, three=1)] for one in given]
    says, _ = explain_forward(scaled, given, outputs, NAMES)
    assert says == "the function calculates a forward without the constant 3 of three * x"

import re

import pytest
import torch
from marker.layers.layer import as_function, drawer, some
from marker.layers.second_set import autograd
from marker.layers.third_set import CASES, OTHER_FORWARDS

from bpcompare.marker.gradcheck import gradcheck


@pytest.mark.parametrize("name", CASES)
def test_the_mistakes_of_the_third_set_are_named(name):
    forward, inputs, backward, pattern = CASES[name]
    marking = gradcheck(as_function(forward, backward), inputs, reference=forward, raise_exception=False, dtypes=())
    assert marking.wrong
    assert set(marking.mistakes) == set(marking.wrong)
    for mistake in marking.mistakes.values():
        assert re.search(pattern, mistake.says)


@pytest.mark.parametrize("name", some(CASES))
def test_the_right_backward_of_each_passes_with_and_without_a_reference(name):
    forward, inputs, _, _ = CASES[name]
    function = as_function(forward, lambda g, *arguments: tuple(autograd(forward, g, *arguments)))
    assert gradcheck(function, inputs, reference=forward, dtypes=()).right
    assert gradcheck(function, inputs, dtypes=()).right


@pytest.mark.parametrize("name", OTHER_FORWARDS)
def test_a_forward_that_differs_from_its_reference_is_named_and_its_backward_judged_by_itself(name):
    forward, reference, inputs, pattern = OTHER_FORWARDS[name]
    function = as_function(forward, lambda g, *arguments: tuple(autograd(forward, g, *arguments)))
    marking = gradcheck(function, inputs, reference=reference, raise_exception=False, dtypes=())
    assert [kind for kind, _ in marking.findings] == ["forward"]
    assert not marking.wrong
    assert re.search(pattern, marking.findings[0][1])
    assert "belongs to the function's own forward" in marking.findings[0][1]


def test_a_backward_that_fits_neither_forward_is_said_to_fit_none():
    forward, reference, inputs, _ = OTHER_FORWARDS["epsilon outside the root"]
    marking = gradcheck(as_function(forward, lambda g, x: g), inputs, reference=reference, raise_exception=False)
    assert "does not fit the function's own forward" in dict(marking.findings)["forward"]


def test_what_is_not_named_is_shown_by_its_worst_entry():
    def backward(g, x):
        dx = 2 * g * x
        dx[0, 1] *= 3
        return dx

    function = as_function(lambda x: x * x, backward)
    marking = gradcheck(function, drawer("nd"), reference=lambda x: x * x, raise_exception=False, dtypes=())
    assert not marking.mistakes
    assert marking.entries["x"].index == (0, 1)
    assert marking.entries["x"].ratio == pytest.approx(3)


def test_a_factor_that_is_a_size_in_every_problem_is_said_to_be_undecided():
    def inputs(k):
        return (torch.randn(4, 3 + k, generator=torch.Generator().manual_seed(k), dtype=torch.float64),)

    marking = gradcheck(
        as_function(torch.tanh, lambda g, x: 4 * g * (1 - x.tanh() ** 2)),
        inputs,
        reference=torch.tanh,
        raise_exception=False,
        dtypes=(),
    )
    assert any("shape[0] = 4" in note and "vary sizes with k" in note for note in marking.notes)


def test_the_ranks_are_varied_only_where_a_reference_gives_the_same_outputs():
    def forward(x):
        return x.sum(0)  # written for one dimension

    class Sum(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.size = x.shape[0]
            return x.sum(0)

        @staticmethod
        def backward(ctx, g):
            return g.reshape(-1)[0].expand(ctx.size)

    x = torch.arange(1.0, 6.0, dtype=torch.float64)
    assert gradcheck(Sum.apply, (x,), dtypes=()).right
    assert gradcheck(Sum.apply, (x,), reference=lambda x: forward(x.reshape(-1)), dtypes=()).right


def test_a_long_search_tells_how_far_it_is(monkeypatch):
    monkeypatch.setattr("bpcompare.marker.hypotheses.graph_changes.search.SILENT_SECONDS", 0.0)
    said = []
    gradcheck(
        as_function(lambda x: x.tanh().exp(), lambda g, x: g * x.cos()),
        drawer("nd"),
        reference=lambda x: x.tanh().exp(),
        raise_exception=False,
        dtypes=(),
        progress=said.append,
    )
    assert said
    assert all("% tried" in line for line in said)

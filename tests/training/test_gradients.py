import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bpcompare.errors import MethodError
from bpcompare.graph.node import topological_order
from bpcompare.problem.devices import in_float64
from bpcompare.training import data_sums
from bpcompare.training.data_sums import sums
from bpcompare.training.gradients import SOURCES, autograd, finite_difference, formula, graph, moments
from bpcompare.training.model_graph import loss_graph

# Relative to the largest entry: a sum of up to 200 products in float64, and the same in float32.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
# A central difference with h = ε^⅓ loses two thirds of the digits to rounding at worst.
DIFFERENCE = 1e-8


def drawn(seed, n, inputs, outputs, dtype, bias=True):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, inputs, generator=draw, dtype=dtype)
    y = torch.randn(n, outputs, generator=draw, dtype=dtype)
    model = nn.Linear(inputs, outputs, bias=bias, dtype=dtype)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=draw, dtype=dtype))
    return model, x, y


def answer(source, model, x, y):
    """The loss and the gradients that a source leaves; what stood in .grad before must not matter."""
    for p in model.parameters():
        p.grad = torch.full_like(p, 7.0)
    loss = source(model, x, y)
    return [loss.detach(), *[p.grad for p in model.parameters()]]


def truth(model, x, y):
    """Loss and gradients by torch's autograd in float64, through its own MSELoss."""
    parameters = [p.detach().double().requires_grad_() for p in model.parameters()]
    loss = nn.MSELoss()(nn.functional.linear(x.double(), *parameters), y.double())
    return [loss.detach(), *torch.autograd.grad(loss, parameters)]


def distance(ours, theirs):
    return max(((a - b).abs().max() / (1 + b.abs().max())).item() for a, b in zip(ours, theirs, strict=True))


shapes = {
    "seed": st.integers(0, 10**9),
    "n": st.integers(1, 200),
    "inputs": st.integers(1, 8),
    "outputs": st.integers(1, 5),
    "bias": st.booleans(),
}


@given(**shapes, dtype=st.sampled_from([torch.float64, torch.float32]))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_the_formula_is_autograd(seed, n, inputs, outputs, bias, dtype):
    model, x, y = drawn(seed, n, inputs, outputs, dtype, bias)
    ours = answer(formula, model, x, y)
    assert all(got.dtype == dtype for got in ours)
    assert distance(ours, truth(model, x, y)) < TOLERANCE[dtype]
    assert distance(ours, answer(autograd, model, x, y)) < TOLERANCE[dtype]


@given(**shapes)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_moments_are_autograd_to_rounding(seed, n, inputs, outputs, bias):
    model, x, y = drawn(seed, n, inputs, outputs, torch.float64, bias)
    assert distance(answer(moments, model, x, y), truth(model, x, y)) < TOLERANCE[torch.float64]


@given(**{**shapes, "n": st.integers(1, 20)})
@settings(max_examples=40, deadline=None, derandomize=True)
def test_finite_differences_are_autograd_to_their_step(seed, n, inputs, outputs, bias):
    model, x, y = drawn(seed, n, inputs, outputs, torch.float64, bias)
    before = [p.detach().clone() for p in model.parameters()]
    assert distance(answer(finite_difference, model, x, y), truth(model, x, y)) < DIFFERENCE
    assert all(map(torch.equal, before, model.parameters()))


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_keeps_float32_and_its_shapes(name):
    model, x, y = drawn(3, 20, 2, 3, torch.float32)
    loss, weight_grad, bias_grad = answer(SOURCES[name], model, x, y)
    assert loss.shape == ()
    assert weight_grad.shape == (3, 2)
    assert bias_grad.shape == (3,)
    assert loss.dtype == weight_grad.dtype == bias_grad.dtype == torch.float32
    assert distance([loss, weight_grad, bias_grad], truth(model, x, y)) < TOLERANCE[torch.float32]


def test_a_wrong_formula_would_be_noticed():
    """The published variant divides by N alone and multiplies rather than matrix-multiplies: right for (1, 1) only."""

    def published(model, x, y):
        with torch.no_grad():
            delta = 2 * (model(x) - y) / len(x)
            model.weight.grad = (delta.sum(1, keepdim=True) * x).sum(0).expand_as(model.weight)
            model.bias.grad = delta.sum(0)
            return (model(x) - y).square().mean()

    narrow, wide = drawn(5, 20, 1, 1, torch.float64), drawn(5, 20, 2, 3, torch.float64)
    assert distance(answer(published, *narrow), truth(*narrow)) < TOLERANCE[torch.float64]
    assert distance(answer(published, *wide), truth(*wide)) > 0.1


def test_moments_notice_data_changed_in_place_and_other_data():
    model, x, y = drawn(1, 10, 2, 1, torch.float64)
    answer(moments, model, x, y)
    x += 1
    assert distance(answer(moments, model, x, y), truth(model, x, y)) < TOLERANCE[torch.float64]
    assert distance(answer(moments, model, x[:5], y[:5]), truth(model, x[:5], y[:5])) < TOLERANCE[torch.float64]


def test_moments_keep_their_digits_far_from_the_origin():
    model, x, y = drawn(2, 50, 1, 1, torch.float64)
    x = x * 1e-3 + 1000
    with torch.no_grad():
        model.weight.zero_()
    ours, right = answer(moments, model, x, y), truth(model, x, y)
    assert torch.allclose(ours[0], right[0], rtol=1e-12)


@given(**shapes, dtype=st.sampled_from([torch.float64, torch.float32]))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_formula_is_autograd_to_the_bit(seed, n, inputs, outputs, bias, dtype):
    """On a CPU both are the same matrix product: this is what "agreement" claims."""
    model, x, y = drawn(seed, n, inputs, outputs, dtype, bias)
    ours, theirs = answer(formula, model, x, y), answer(autograd, model, x, y)
    assert all(map(torch.equal, ours, theirs))


def test_sums_are_kept_for_the_same_data_and_taken_anew_for_any_other():
    _, x, y = drawn(4, 10, 2, 1, torch.float64)
    kept = sums(x, y)
    assert sums(x, y) is kept
    assert sums(x, y.clone()) is not kept  # the latest are kept
    y += 1
    assert sums(x, y)[1].item() == pytest.approx(kept[1].item() + 1)
    again = sums(x, y)
    x *= 2
    assert torch.allclose(sums(x, y)[0], 2 * again[0])
    x_mean, y_mean, sxx, syx, syy = sums(x, y)
    together = np.cov(torch.cat([x, y], 1).T, bias=True)
    np.testing.assert_allclose(torch.cat([x_mean, y_mean]), np.mean(torch.cat([x, y], 1).numpy(), 0), rtol=1e-12)
    np.testing.assert_allclose(sxx, together[:2, :2], rtol=1e-12)
    np.testing.assert_allclose(syx, together[2:, :2], rtol=1e-12)
    assert syy.item() == pytest.approx(together[2, 2], rel=1e-12)


def test_the_step_of_a_finite_difference_balances_rounding_and_curving():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    x, y = 3 * torch.randn(7, 2).double(), torch.randn(7, 1).double()
    ours = answer(finite_difference, model, x, y)[1:]
    theirs = answer(autograd, model, x, y)[1:]
    assert distance(ours, theirs) < 1e-9  # h = √ε would leave 1e-8 of rounding, h = ⁴√ε 1e-8 of curving


def test_the_step_of_a_finite_difference_grows_with_the_number():
    model = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.fill_(1e10)
    _, slope = answer(finite_difference, model, torch.ones(1, 1).double(), torch.zeros(1, 1).double())
    assert slope.item() == pytest.approx(2e10, rel=1e-9)  # 1e10 + 6e-6 is rounded by a tenth of the step


def test_a_model_of_one_layer_has_no_layers_to_count_and_an_empty_one_has_no_gradient():
    assert formula.supports(nn.Linear(1, 1))
    assert formula.supports(nn.Sequential(nn.ReLU()))
    assert not formula.supports(nn.Sequential())
    assert not graph.supports(nn.Sequential())
    assert graph.supports(nn.Sequential(nn.Linear(2, 2), nn.Tanh()))
    assert moments.supports(nn.Linear(3, 2))
    with pytest.raises(MethodError, match=r"single nn\.Linear only"):
        moments.supports(nn.Sequential(nn.Linear(1, 1)))


def test_the_graph_names_layers_by_their_place_where_there_are_several():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1, bias=False)).double()
    loss, parameters = loss_graph(model, torch.ones(5, 2).double(), torch.ones(5, 1).double())
    assert [node.name for node, _ in parameters] == ["0.weight", "0.bias", "2.weight"]
    assert [parameter is own for (_, parameter), own in zip(parameters, model.parameters(), strict=True)] == [True] * 3
    steps = {node.name for node in topological_order(loss)}
    assert {"x", "a0", "a1", "ŷ", "y", "loss", "2.weightᵀ"} <= steps


def test_the_graph_names_two_layers_and_takes_no_gradient_of_the_data():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)).double()
    loss, parameters = loss_graph(model, torch.ones(5, 2).double(), torch.ones(5, 1).double())
    assert [node.name for node, _ in parameters] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert {node.name for node in topological_order(loss) if node.constant} == {"x", "y"}


@pytest.mark.parametrize("name", SOURCES)
def test_no_source_leaves_a_gradient_that_has_a_graph_of_its_own(name):
    model, x, y = drawn(4, 6, 2, 1, torch.float64)
    SOURCES[name](model, x, y)
    assert not any(p.grad.requires_grad for p in model.parameters())


def test_a_parameter_that_the_loss_does_not_depend_on_has_the_gradient_zero():
    model = nn.Linear(2, 1)
    model.spare = nn.Parameter(torch.ones(3))
    autograd(model, torch.ones(4, 2), torch.zeros(4, 1))
    assert model.spare.grad.tolist() == [0, 0, 0]


def test_the_step_of_a_finite_difference_at_a_small_number_is_the_third_root_of_epsilon():
    tried = []

    class Noted(nn.Linear):
        def forward(self, x):
            tried.append(self.weight.item())
            return super().forward(x)

    model = Noted(1, 1, bias=False).double()
    with torch.no_grad():
        model.weight.fill_(0.5)
    finite_difference(model, torch.ones(1, 1).double(), torch.zeros(1, 1).double())
    h = np.cbrt(np.finfo(np.float64).eps)
    assert tried == pytest.approx([0.5 + h, 0.5 - h, 0.5], abs=1e-15)


@pytest.mark.parametrize(("at_once", "rows"), [(13, 3), (8, 2), (7, 1), (3, 1)])
def test_moments_hold_no_more_numbers_in_float64_at_a_time_than_they_may(monkeypatch, at_once, rows):
    _, x, y = drawn(5, 10, 3, 1, torch.float32)
    whole = sums(x.clone(), y)
    blocks = []
    monkeypatch.setattr(data_sums, "AT_ONCE", at_once)
    monkeypatch.setattr(data_sums, "in_float64", lambda block: blocks.append(len(block)) or in_float64(block))
    assert distance(sums(x.clone(), y), whole) < TOLERANCE[torch.float64]
    assert max(blocks) == rows


def test_a_block_of_moments_is_of_sixteen_million_numbers():
    assert 16e6 < data_sums.AT_ONCE < 17e6

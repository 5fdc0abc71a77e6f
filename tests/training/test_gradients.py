import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bpcompare.training.gradients import SOURCES, autograd, finite_difference, formula, moments

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

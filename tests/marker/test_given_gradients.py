"""Gradients that are given go back as by torch.autograd.grad, to the bit, and as the same tensors."""

import pytest
import torch

from bpcompare.marker.given_gradients import gradients_of


def drawn(seed, *shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def calculated(dtype=torch.float64):
    """Two outputs, of which one is made of the other, and their inputs."""
    x, w = drawn(1, 4, 3, dtype=dtype).requires_grad_(), drawn(2, 3, 5, dtype=dtype).requires_grad_()
    hidden = torch.tanh(x @ w)
    return [hidden, hidden.exp().sum(0)], [x, w]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.complex128])
def test_what_comes_back_is_that_of_autograd_to_the_bit(dtype):
    outputs, inputs = calculated(dtype)
    expanded = drawn(3, 1, 5, dtype=dtype).expand(4, 5)
    for given in ([expanded, drawn(4, 5, dtype=dtype)], [drawn(3, 5, 4, dtype=dtype).t(), torch.zeros(5, dtype=dtype)]):
        found = gradients_of(outputs, inputs, given, retain_graph=True)
        for one, other in zip(found, torch.autograd.grad(outputs, inputs, given, retain_graph=True), strict=True):
            assert torch.equal(one, other)
            assert one.stride() == other.stride()


def test_a_backward_is_given_the_very_tensor_and_may_change_it():
    class Changes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            assert g.stride() == (1, 3)
            return g.mul_(2)

    x, given = drawn(1, 3, 2).requires_grad_(), drawn(2, 2, 3).t()
    before = given.clone()
    (found,) = gradients_of([Changes.apply(x)], [x], [given])
    assert torch.equal(given, 2 * before)
    assert torch.equal(found, given)


def test_an_output_that_is_an_input_and_an_input_of_none_come_back():
    x, unused = drawn(1, 3).requires_grad_(), drawn(2, 3).requires_grad_()
    given = drawn(3, 3)
    found = gradients_of([x], [x, unused], [given], allow_unused=True)
    assert torch.equal(found[0], given)
    assert found[1] is None


def test_the_way_back_can_be_differentiated_by_what_is_given():
    x, given = drawn(1, 3).requires_grad_(), drawn(2, 3).requires_grad_()
    (found,) = gradients_of([x.exp()], [x], [given], create_graph=True)
    assert torch.equal(torch.autograd.grad(found.sum(), given)[0], x.exp())


def test_what_does_not_fit_is_told_by_pytorch():
    x = drawn(1, 3).requires_grad_()
    with pytest.raises(RuntimeError, match="shape"):
        gradients_of([x * 2], [x], [drawn(2, 1)])
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradients_of([x.detach()], [x], [drawn(2, 3)])

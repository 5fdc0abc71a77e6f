"""The engine as a gradient source of the training problem."""

import numpy as np
import pytest
import torch
from close import assert_close
from torch import nn

from bpcompare.problem.line import line
from bpcompare.training.gradients import SOURCES, autograd, graph
from bpcompare.training.methods import Method
from bpcompare.training.train import train

LAST_DIGITS = {torch.float32: 2e-5, torch.float64: 1e-12}  # NumPy and PyTorch add 50 numbers in different orders


@pytest.mark.parametrize("dtype", LAST_DIGITS)
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 1), (1, 2), (4, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_its_loss_and_gradients_are_autograds(dtype, inputs, outputs, bias):
    torch.manual_seed(0)
    model = nn.Linear(inputs, outputs, bias=bias, dtype=dtype)
    x, y = torch.randn(50, inputs, dtype=dtype), torch.randn(50, outputs, dtype=dtype)
    expected_loss = autograd(model, x, y).item()
    expected = [p.grad.clone() for p in model.parameters()]
    loss = graph(model, x, y)
    assert loss.dtype == dtype
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected_loss, rel=LAST_DIGITS[dtype])
    for p, gradient in zip(model.parameters(), expected, strict=True):
        assert p.grad.dtype == dtype
        assert p.grad.shape == p.shape
        assert_close(p.grad, gradient, rtol=LAST_DIGITS[dtype], atol=LAST_DIGITS[dtype])


def test_a_second_call_does_not_add_to_the_first():
    model, x, y = nn.Linear(1, 1), torch.ones(3, 1), torch.zeros(3, 1)
    graph(model, x, y)
    first = model.weight.grad.clone()
    graph(model, x, y)
    assert torch.equal(model.weight.grad, first)


def test_the_gradients_own_their_memory():
    model, x, y = nn.Linear(2, 2, bias=False), torch.ones(3, 2), torch.zeros(3, 2)
    graph(model, x, y)
    data, weight = x.clone(), model.weight.detach().clone()
    model.weight.grad.zero_()
    assert torch.equal(x, data)
    assert torch.equal(model.weight, weight)


def test_training_by_the_graph_reaches_the_published_parameters():
    # 「深度学习之前向传播和反向传播」, 50 epochs of gradient descent; the sums are rounded in another order here
    run = train(line(), Method.named("graph"), lr=0.1, epochs=50)
    assert run.parameters["weight"][-1].item() == pytest.approx(1.3135614395141602, abs=1e-6)
    assert run.parameters["bias"][-1].item() == pytest.approx(1.3715894222259521, abs=1e-6)


def test_it_can_be_compared_by_name():
    assert SOURCES["graph"] is graph
    assert np.isfinite(graph(nn.Linear(1, 1), torch.ones(1, 1), torch.ones(1, 1)).item())

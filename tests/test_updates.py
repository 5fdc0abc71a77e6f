import pytest
import torch
from torch import nn

from bpcompare.problem import line
from bpcompare.training import train
from bpcompare.updates import Adam, GradientDescent


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [{}, {"weight": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}])
def test_adam_by_hand_is_torchs_adam_bit_for_bit(dtype, shape):
    problem = line(dtype=dtype, **shape)
    ours = train(problem, "autograd+Adam", epochs=3000)
    theirs = train(problem, "autograd+torch.optim.Adam", epochs=3000)
    for name in ours.parameters:
        assert torch.equal(ours.parameters[name], theirs.parameters[name])


@pytest.mark.parametrize("gradient", [1e-3, -5.0, 1e6])
def test_adams_first_step_is_lr_whatever_the_size_of_the_gradient(gradient):
    p = nn.Parameter(torch.tensor([0.0], dtype=torch.float64))
    p.grad = torch.tensor([gradient], dtype=torch.float64)
    Adam([p], lr=0.1).step()
    expected = -0.1 if gradient > 0 else 0.1
    assert p.item() == pytest.approx(expected, rel=2e-5)  # ε against the smallest gradient


def test_adam_takes_betas_and_eps_as_torch_does():
    runs = []
    for rule in (Adam, torch.optim.Adam):
        p = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
        optimizer = rule([p], lr=0.05, betas=(0.5, 0.9), eps=0.1)
        for step in range(20):
            p.grad = torch.sin(p.detach() * (step + 1))
            optimizer.step()
        runs.append(p.detach())
    assert torch.equal(*runs)


def test_gradient_descent_is_torchs_sgd_to_rounding():
    """torch fuses the multiplication and the addition into one rounding; by hand there are two."""
    ours, theirs = (train(line(), f"autograd+{rule}") for rule in ("GradientDescent", "SGD"))
    assert torch.allclose(ours.parameters["weight"], theirs.parameters["weight"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", [GradientDescent, Adam])
def test_a_parameter_without_a_gradient_stays(rule):
    p, q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    p.grad = torch.ones(1)
    rule([p, q], lr=0.1).step()
    assert p.item() < 1
    assert q.item() == 1

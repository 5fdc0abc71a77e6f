import pytest
import torch

from bpcompare.comparison.agreement import agree
from bpcompare.comparison.linear import compare
from bpcompare.problem.problem import line
from bpcompare.training.gradients import autograd
from bpcompare.training.methods import Method
from bpcompare.training.train import train
from bpcompare.training.updates import GradientDescent


def test_manual_and_autograd_agree_to_the_bit_for_three_thousand_epochs():
    comparison = compare(line(), epochs=3000)
    found = comparison.agreement["manual~autograd"]
    assert found.bit_equal
    assert found.max_ulp == 0
    assert found.first_difference_at is None


def test_adam_by_hand_agrees_with_torchs_to_the_bit():
    assert compare(line(), ["adam", "autograd+Adam"]).agreement["adam~autograd+Adam"].bit_equal


def test_a_reordered_sum_is_located_and_explained():
    found = compare(line(), ["manual", "moments+GradientDescent"]).agreement["manual~moments+GradientDescent"]
    assert not found.bit_equal
    assert found.first_difference_at == 1
    assert 0 < found.max_ulp < 1000
    assert "∂L/∂weight at epoch 0" in found.explanation
    assert "moments adds the rows once" in found.explanation


def nudged(size):
    def source(model, x, y):
        loss = autograd(model, x, y)
        model.bias.grad += size
        return loss

    return Method("nudged", "nudged", "GradientDescent", source, GradientDescent)


def test_a_wrong_gradient_does_not_agree():
    found = agree(train(line(), "autograd"), train(line(), nudged(1e-3)))
    assert not found.bit_equal
    assert found.first_difference_at == 1
    assert found.max_ulp > 100
    assert "∂L/∂bias at epoch 0" in found.explanation
    assert "nudged adds up in an order of its own" in found.explanation


def test_a_fused_step_is_told_from_another_gradient():
    found = compare(line(), ["autograd", "autograd+SGD"]).agreement["autograd~autograd+SGD"]
    assert not found.bit_equal
    assert "rounds p − lr·∂L/∂p once" in found.explanation


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_units_in_the_last_place_count_neighbouring_numbers(dtype):
    def run_of(values):
        weights = torch.tensor(values, dtype=dtype).view(-1, 1, 1)
        template = train(line(dtype=dtype), "manual", epochs=1)
        return type(template)(
            template.method,
            template.settings,
            weights[:, 0, 0].double(),
            {"weight": weights},
            {"weight": weights},
            None,
        )

    one = torch.tensor(1.0, dtype=dtype)
    above = torch.nextafter(one, 2 * one)
    below_zero = torch.nextafter(torch.zeros((), dtype=dtype), -one)
    a = run_of([0.0, 1.0, -1.0, 0.0])
    assert agree(a, run_of([-0.0, 1.0, -1.0, 0.0])).bit_equal
    found = agree(a, run_of([0.0, above.item(), -1.0, 0.0]))
    assert (found.max_ulp, found.first_difference_at) == (1, 1)
    found = agree(a, run_of([0.0, 1.0, -torch.nextafter(above, 2 * one).item(), below_zero.item()]))
    assert (found.max_ulp, found.first_difference_at) == (2, 2)


def test_runs_that_part_only_in_where_they_diverge_do_not_agree():
    problem = line()
    whole, cut = train(problem, "manual", epochs=5), train(problem, "manual", epochs=5).first(3)
    cut = type(cut)(cut.method, cut.settings, cut.losses, cut.parameters, cut.gradients, diverged_at=3)
    found = agree(whole, cut)
    assert not found.bit_equal
    assert found.first_difference_at == 3

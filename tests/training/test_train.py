import math

import pytest
import torch
from certified import nist
from torch import nn

from bpcompare.errors import InputError
from bpcompare.problem.networks import quadratic
from bpcompare.problem.problem import from_data, line
from bpcompare.training.gradients import autograd
from bpcompare.training.methods import Method
from bpcompare.training.train import train
from bpcompare.training.updates import GradientDescent

MANY = line(40, weight=[[float(i + j) for i in range(9)] for j in range(8)], bias=[0.0] * 8)  # numbers to record


def norris(**options):
    x, y, _, _ = nist("Norris")
    return from_data(x, y, **options)


def test_state_k_is_the_model_before_step_k_and_the_last_is_what_was_learned():
    run = train(line(dtype=torch.float64), "manual", lr=0.1, epochs=5)
    for values in (run.losses, *run.parameters.values(), *run.gradients.values()):
        assert len(values) == 6
    for name, values in run.parameters.items():
        stepped = values[:-1] - 0.1 * run.gradients[name][:-1]
        assert torch.allclose(values[1:], stepped, rtol=1e-15)
    assert torch.equal(run.parameters["weight"][0], line(dtype=torch.float64).start.weight)


def test_recorded_losses_and_gradients_are_torchs():
    problem = line(weight=[[1.0, 2.0]], dtype=torch.float64)
    run = train(problem, "manual", epochs=4)
    for k in range(5):
        weight, bias = (run.parameters[name][k].clone().requires_grad_() for name in ("weight", "bias"))
        loss = nn.MSELoss()(problem.x @ weight.T + bias, problem.y)
        loss.backward()
        assert run.losses[k].item() == pytest.approx(loss.item(), rel=1e-14)
        assert torch.allclose(run.gradients["weight"][k], weight.grad, rtol=1e-13)
        assert torch.allclose(run.gradients["bias"][k], bias.grad, rtol=1e-13)


def test_a_model_too_large_for_the_flat_array_is_recorded_the_same():
    run = train(MANY, "autograd", epochs=3)
    assert run.parameters["weight"].shape == (4, 8, 9)
    assert run.gradients["bias"].shape == (4, 8)
    assert not torch.equal(run.parameters["weight"][0], run.parameters["weight"][3])


def test_a_source_of_ones_own_can_be_trained_with():
    def half(model, x, y):
        loss = autograd(model, x, y)
        for p in model.parameters():
            p.grad /= 2
        return loss

    run = train(line(), Method("half", "half", "GradientDescent", half, GradientDescent), lr=0.2, epochs=10)
    whole = train(line(), "autograd", lr=0.1, epochs=10)
    assert torch.allclose(run.parameters["weight"], whole.parameters["weight"], rtol=1e-6)


def test_a_source_that_adds_to_the_same_grad_is_recorded_state_by_state():
    """The forgotten zero_grad: what was recorded must not change afterwards."""

    def forgetful(model, x, y):
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        return loss.detach()

    run = train(line(), Method("forgetful", "forgetful", "GradientDescent", forgetful, GradientDescent), epochs=3)
    assert len(set(run.gradients["weight"].flatten().tolist())) == 4


def test_per_sample_training_is_the_flat_loop_over_shuffled_samples():
    problem = line(20, dtype=torch.float64)
    run = train(problem, "autograd", lr=0.05, epochs=3, batch_size=1, seed=4)
    model, order = problem.model(), torch.Generator().manual_seed(4)
    for _ in range(3):
        for i in torch.randperm(20, generator=order):
            loss = (model(problem.x[i : i + 1]) - problem.y[i : i + 1]).square().mean()
            model.zero_grad()
            loss.backward()
            for p in model.parameters():
                p.data -= 0.05 * p.grad
    assert torch.allclose(run.parameters["weight"][-1], model.weight, rtol=1e-14)


def test_batches_follow_the_seed_and_a_batch_of_all_is_no_batch():
    problem = line(20)
    a, b, c = (train(problem, "manual", batch_size=7, epochs=2, seed=seed).loss for seed in (1, 1, 2))
    assert a == b != c
    assert train(problem, "manual", batch_size=20).loss == train(problem, "manual").loss


def test_a_run_that_overflows_stops_and_names_its_step():
    run = train(norris(dtype=torch.float32), "manual")
    # By hand: the same loop in torch, counting steps until the loss is no longer finite.
    problem = norris(dtype=torch.float32)
    model, steps = problem.model(), 0
    while math.isfinite(autograd(model, problem.x, problem.y).item()):
        GradientDescent(model.parameters(), lr=0.1).step()
        steps += 1
    assert run.diverged_at == steps
    assert len(run.losses) == steps
    assert all(values.isfinite().all() for values in (*run.parameters.values(), *run.gradients.values()))


def test_a_batch_that_overflows_names_its_step_within_the_epoch():
    run = train(norris(dtype=torch.float32), "manual", batch_size=1, epochs=3)
    assert 1 < run.diverged_at < 36
    assert len(run.losses) == 1


def test_data_whose_first_loss_overflows_are_refused():
    x = torch.tensor([[1e30], [2.0]])
    with pytest.raises(InputError, match=r"already beyond the range of torch.float32; train with float64"):
        train(from_data(x, x), "manual")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, "lr must be a finite number above 0, .* got 0.0"),
        ({"lr": math.inf}, "lr must be a finite number above 0, .* got inf"),
        ({"epochs": 0}, "epochs must be a whole number from 1 to .* got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1 .* got 0"),
        ({"batch_size": 101}, "batch_size must be from 1 to the number of samples, 100; got 101"),
    ],
)
def test_numbers_out_of_their_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        train(line(), "manual", **options)


def test_a_model_without_bias_learns_only_its_weight():
    run = train(line(learn_bias=False), "manual", epochs=2)
    assert list(run.parameters) == ["weight"]


@pytest.mark.parametrize("problem", [line(), MANY, quadratic(layers=[2, 3, 1])])
@pytest.mark.parametrize("method", ["manual", "autograd", "formula+Adam"])
def test_what_comes_back_can_go_on_into_autograd(problem, method):
    run = train(problem, method, lr=0.01, epochs=2)
    for values in (run.losses, *run.parameters.values(), *run.gradients.values()):
        assert not values.is_inference()
        values.clone().requires_grad_().sum().backward()


def test_every_epoch_is_announced_where_autograd_works():
    slopes = []

    def differentiate():
        x = torch.ones(1, requires_grad=True)
        (3 * x).backward()
        slopes.append(x.grad.item())

    train(line(), "manual", epochs=7, on_epoch=differentiate)
    assert slopes == [3.0] * 7

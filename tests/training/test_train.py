import dataclasses
import math

import pytest
import torch
from certified import nist
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bpcompare.errors import InputError, MethodError
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.training.gradients import autograd
from bpcompare.training.methods import Method
from bpcompare.training.settings import TrainingSettings
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
    with pytest.raises(InputError, match=r"torch\.float32.*float64"):
        train(from_data(x, x), "manual")


def test_a_parameter_that_the_loss_does_not_use_has_gradient_0_and_stays():
    problem = quadratic(layers=[2, 3, 1])
    problem.start.register_module("unused", nn.Identity())
    problem.start.unused.scale = nn.Parameter(torch.ones(2, dtype=torch.float64))
    run = train(problem, "autograd", lr=0.01, epochs=2)
    assert run.gradients["unused.scale"].tolist() == [[0.0, 0.0]]
    assert run.parameters["unused.scale"].tolist() == [[1.0, 1.0]]


def test_a_source_says_which_models_it_supports_before_anything_is_trained():
    def mine(model, x, y):
        raise AssertionError("it must not be called")

    mine.supports = lambda model: isinstance(model, nn.Sequential)
    with pytest.raises(MethodError, match=r"'mine'.*Linear"):
        train(line(), Method("mine", "mine", "GradientDescent", mine, GradientDescent))


@pytest.mark.parametrize("problem", [line(), quadratic(layers=[2, 3, 1])])
def test_a_run_keeps_its_settings_and_repeats_with_them(problem):
    chosen = TrainingSettings(lr=0.01, epochs=3, batch_size=4, seed=9)
    run = train(problem, "manual", **dataclasses.asdict(chosen))
    assert run.settings == chosen
    again = train(problem, "manual", **dataclasses.asdict(run.settings))
    assert torch.equal(run.losses, again.losses)


def test_more_epochs_than_memory_holds_are_refused_beforehand():
    with pytest.raises(InputError, match="GB"):
        train(line(), "manual", epochs=10**15)


def test_train_takes_one_method():
    with pytest.raises(InputError, match=r"manual.*adam"):
        train(line(), ["manual", "adam"])


RATE = 1e-12  # relative: at most 8 steps of sums of at most 20 products, in float64
TRIED_RATE = 1e-8  # of a gradient by trying: a loss of about 10 is rounded by ε·10 and divided by h = ε^⅓, 8 times


@given(
    seed=st.integers(0, 10**9),
    samples=st.integers(1, 20),
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 3),
    bias=st.booleans(),
    lr=st.floats(1e-3, 0.3),
    source=st.sampled_from(["formula", "autograd", "graph", "moments", "finite_difference"]),
    rule=st.sampled_from(["GradientDescent", "Adam", "RMSprop", "AdamW"]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_every_source_with_every_rule_is_what_pytorch_trains(seed, samples, inputs, outputs, bias, lr, source, rule):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, inputs, generator=draw, dtype=torch.float64)
    y = torch.randn(samples, outputs, generator=draw, dtype=torch.float64)
    problem = from_data(x, y, bias=bias)
    run = train(problem, f"{source}+{rule}", lr=lr, epochs=8)
    model = problem.model()
    torchs = {"GradientDescent": "SGD"}.get(rule, rule)
    optimizer = getattr(torch.optim, torchs)(model.parameters(), lr=lr)
    for _ in range(8):
        optimizer.zero_grad()
        nn.MSELoss()(model(x), y).backward()
        optimizer.step()
    for name, p in model.named_parameters():
        # An adaptive rule divides by the size of the gradient, and rounding in a gradient near 0 comes out larger.
        tolerance = TRIED_RATE if source == "finite_difference" else RATE
        tolerance *= 1 if rule == "GradientDescent" else 1e4
        assert torch.allclose(run.parameters[name][-1], p.detach(), rtol=tolerance, atol=tolerance)


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

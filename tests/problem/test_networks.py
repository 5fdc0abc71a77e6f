import dataclasses
import re

import numpy as np
import pytest
import torch
from torch import nn

from bpcompare.comparison.agreement import agree_on_network
from bpcompare.comparison.linear import compare
from bpcompare.comparison.network import compare_network, learned
from bpcompare.errors import InputError, MethodError
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.networks import along, network, quadratic, saturated, with_network
from bpcompare.training.gradients import formula
from bpcompare.training.methods import Method
from bpcompare.training.recording import delta_sizes
from bpcompare.training.train import train
from bpcompare.training.updates import GradientDescent

SMALL = (2, 6, 4, 1)


@pytest.mark.parametrize("seed", [333, 111])
def test_the_quadratic_data_are_those_of_numpys_global_legacy_generator(seed):
    np.random.seed(seed)  # as published
    x = np.sort(5 * np.random.random(30))
    y = x**2 + 2 * np.random.randn(30)
    problem = quadratic(seed)
    assert problem.measured_x[:, 0].tolist() == x.tolist()
    assert problem.measured_x[:, 1].tolist() == (x * x).tolist()
    assert problem.measured_y[:, 0].tolist() == y.tolist()


def test_normal_weights_are_standard_normal_and_pytorchs_lie_within_one_over_root_in():
    normal, usual = (network([100, 400, 1], init=init, seed=1)[0].weight for init in ("normal", "pytorch"))
    assert normal.std().item() == pytest.approx(1, abs=0.02)  # 40,000 draws: a standard error of 0.0035
    assert usual.abs().max() <= 0.1
    assert usual.std().item() == pytest.approx(0.1 / 3**0.5, abs=0.001)


def test_the_seed_decides_the_weights_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    first, again, other = (quadratic(seed).start for seed in (1, 1, 2))
    assert torch.equal(first[0].weight, again[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layers": [2]}, "layers must be at least two widths"),
        ({"layers": [2, 0, 1]}, "every width of layers .* got 0"),
        ({"layers": [2, 1], "activation": "softmax"}, "activation must be one of sigmoid, tanh, relu; got 'softmax'"),
        ({"layers": [2, 1], "init": "zero"}, "init must be one of normal, pytorch; got 'zero'"),
    ],
)
def test_what_no_network_can_be_built_from_is_named(options, sentence):
    with pytest.raises(InputError, match=sentence):
        network(**options)


def test_widths_must_fit_the_columns_and_the_seed_numpy():
    with pytest.raises(InputError, match="begin with 1 and end with 1"):
        with_network(line(), [2, 3, 1])
    with pytest.raises(InputError, match=r"got \[1\]"):
        with_network(line(), [1])
    with pytest.raises(InputError, match=r"4294967295\D+4294967296"):
        quadratic(2**32)


def test_a_network_without_bias_has_none_anywhere():
    problem = quadratic(layers=SMALL, bias=False)
    assert not problem.has_bias
    assert [p.ndim for p in problem.start.parameters()] == [2, 2, 2]
    assert train(problem, "manual", lr=1e-4, epochs=2).diverged_at is None


def test_a_curve_can_be_drawn_along_one_free_variable_only():
    x, inputs = along(line(), 5)
    assert torch.equal(inputs[:, 0], x)
    x, inputs = along(quadratic(), 5)
    assert torch.equal(inputs, torch.stack([x, x * x], 1))
    assert along(from_data(torch.rand(5, 2), torch.rand(5, 1))) is None
    assert along(from_data(torch.rand(5, 3), torch.rand(5, 1))) is None


def test_predictions_are_in_the_users_units():
    problem = quadratic(layers=(2, 1), standardize=True)
    model = problem.model()
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    predicted = problem.predict(model, problem.measured_x)
    assert torch.allclose(predicted, problem.measured_y.mean().expand(30, 1))
    plain = quadratic(layers=(2, 1))
    with torch.no_grad():
        assert torch.equal(plain.predict(plain.start, plain.measured_x), plain.start(plain.x))


def test_saturated_counts_the_units_whose_slope_is_below_a_hundredth():
    layer = nn.Linear(1, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0], [10.0], [-10.0], [1.0]]))  # σ′(10) = 4.5e-5, tanh′(10) = 8e-9
    one = torch.ones(1, 1)
    shares = {kind: saturated(nn.Sequential(layer, kind(), nn.Linear(4, 1)), one) for kind in (nn.Sigmoid, nn.Tanh)}
    assert shares == {nn.Sigmoid: [0.5, None], nn.Tanh: [0.5, None]}
    assert saturated(nn.Sequential(layer, nn.ReLU(), nn.Linear(4, 1)), one) == [0.5, None]  # 0 and −10
    assert saturated(layer, one) == [None]


def test_the_size_of_delta_is_that_of_each_samples_own_loss():
    problem = quadratic(layers=SMALL)
    model = problem.model()
    a, zs = problem.x, []
    for layer in model:
        a = layer(a)
        if isinstance(layer, nn.Linear):
            zs.append(a)
    by_torch = torch.autograd.grad((a - problem.y).square().sum(), zs)  # a sum over samples: each its own
    sizes = [g.square().mean().sqrt().item() for g in by_torch]
    assert delta_sizes(problem.model(), problem.x, problem.y) == pytest.approx(sizes, rel=1e-12)


def test_a_run_of_a_network_keeps_sizes_and_the_last_state():
    problem = quadratic(layers=SMALL)
    run = train(problem, "manual", lr=0.002, epochs=4, batch_size=1, shuffle=False)
    model = problem.model()
    assert run.track.norms["0.weight"].shape == (5,)
    assert run.track.norms["0.weight"][0].item() == pytest.approx(model[0].weight.norm().item())
    assert run.parameters["0.weight"].shape == (1, 6, 2)
    assert run.track.norms["0.weight"][-1].item() == pytest.approx(run.parameters["0.weight"].norm().item())
    assert run.track.gradient_norms["4.bias"][-1].item() == pytest.approx(run.gradients["4.bias"].norm().item())
    assert run.track.delta_sizes.shape == (5, 3)
    assert len(set(run.track.fingerprints)) == 5


def test_the_given_order_is_that_of_the_data_and_a_shuffled_one_is_drawn_from_the_seed():
    problem = quadratic(layers=SMALL)
    how = {"lr": 0.002, "epochs": 2, "batch_size": 7}
    given = [train(problem, "manual", **how, seed=seed, shuffle=False).loss for seed in (1, 2)]
    drawn = [train(problem, "manual", **how, seed=seed).loss for seed in (1, 1, 2)]
    assert given[0] == given[1]
    assert drawn[0] == drawn[1] != drawn[2]
    assert given[0] != drawn[0]


def test_a_layer_that_the_recursion_does_not_know_still_trains_by_autograd():
    problem = with_network(line(), [1, 3, 1])
    problem.start[1] = nn.Softplus()
    run = train(problem, "autograd", epochs=3)
    assert run.loss < run.losses[0]
    assert run.track.delta_sizes.isnan().all()
    with pytest.raises(MethodError, match="layer 1, Softplus"):
        compare_network(problem, ["autograd", "manual"])


def test_a_diverged_network_keeps_its_last_finite_state_and_names_the_step():
    problem = quadratic()
    comparison = compare_network(problem, ["manual", "autograd"], lr=10, epochs=5, batch_size=1, shuffle=False)
    result = comparison.results["manual"]
    assert result.status == "diverged"
    assert result.run.diverged_at == 45
    assert result.losses.isfinite().all()
    assert all(p.isfinite().all() for p in result.model.parameters())
    assert comparison.agreement["manual~autograd"].bit_equal
    assert result.epochs_to(0.1) is None


def test_a_network_that_cannot_begin_is_refused():
    problem = quadratic(layers=SMALL, dtype=torch.float32)
    with torch.no_grad():
        problem.start[4].weight.fill_(1e38)
    with pytest.raises(InputError, match=r"torch\.float32"):
        train(problem, "manual")


def test_the_race_is_to_the_lowest_loss_that_anyone_came_to():
    comparison = compare_network(quadratic(layers=SMALL), lr=0.01, epochs=15, batch_size=1, shuffle=False)
    lowest = min(result.losses.min().item() for result in comparison.results.values())
    assert comparison.floor == lowest
    assert list(comparison.race) == ["autograd~adam"]
    for name, epoch in comparison.race["autograd~adam"][0.1].items():
        gaps = comparison.results[name].losses - lowest
        assert epoch is None or (gaps[epoch] <= 0.1 * gaps[0] and (gaps[:epoch] > 0.1 * gaps[0]).all())
    assert comparison.results["adam"].status == "stopped"


def test_runs_that_part_are_told_apart_where_they_part():
    problem = quadratic(layers=SMALL)
    manual = train(problem, "manual", lr=0.002, epochs=6)
    other = train(problem, "formula+Adam", lr=0.002, epochs=6)
    found = agree_on_network(manual, other)
    assert not found.bit_equal
    assert found.first_difference_at == 1
    largest = max((manual.parameters[n] - other.parameters[n]).abs().max().item() for n in manual.parameters)
    assert f"{largest:.2g} apart" in found.explanation


def test_rounding_and_a_wrong_gradient_are_told_apart():
    problem = quadratic(layers=SMALL)

    def scaled(factor):
        def source(model, x, y):
            loss = formula(model, x, y)
            model[0].weight.grad *= factor
            return loss

        return Method("scaled", "scaled", "GradientDescent", source, GradientDescent)

    manual, rounded, wrong = (
        train(problem, way, lr=0.002, epochs=3) for way in ("manual", scaled(1 + 1e-12), scaled(1.5))
    )
    near, far = (agree_on_network(manual, other) for other in (rounded, wrong))
    assert near.first_difference_at == far.first_difference_at == 1
    assert re.findall(r"\d+(?:\.\d+)?", near.explanation)[0] == "0"  # the epoch; of rounding no size is named
    assert re.findall(r"\d+(?:\.\d+)?", far.explanation)[:2] == ["0.5", "0"]


def test_a_run_that_ends_earlier_is_not_the_same():
    problem = quadratic(layers=SMALL)
    whole, half = (train(problem, "manual", lr=lr, epochs=80) for lr in (1e9, 1e9))
    assert whole.diverged_at is not None
    track = dataclasses.replace(half.track, fingerprints=half.track.fingerprints[:2])
    shorter = dataclasses.replace(half, track=track, diverged_at=2)
    assert agree_on_network(whole, shorter).first_difference_at == 2


def test_the_learned_model_is_the_last_state():
    problem = quadratic(layers=SMALL)
    run = train(problem, "manual", lr=0.002, epochs=3)
    with torch.no_grad():
        loss = nn.functional.mse_loss(learned(problem, run)(problem.x), problem.y)
    assert loss.item() == pytest.approx(run.loss, rel=1e-14)


def test_compare_takes_a_network_and_compare_network_takes_nothing_else():
    problem = quadratic(layers=SMALL)
    a, b = (call(problem, "manual", lr=0.002, epochs=2) for call in (compare, compare_network))
    assert type(a) is type(b)
    assert torch.equal(a.results["manual"].losses, b.results["manual"].losses)
    with pytest.raises(InputError, match=r"nn\.Linear\b.*\bcompare\b"):
        compare_network(line())


def test_moments_are_refused_before_anything_is_trained():
    with pytest.raises(MethodError, match=r"nn\.Linear"):
        compare_network(quadratic(layers=SMALL), ["manual", "moments+Adam"])
    assert Method.named("moments+Adam").check(line(), 0.1) is None

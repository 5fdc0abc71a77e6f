import pytest
import torch
from certified import nist
from torch import nn

from bpcompare.comparison.linear import compare
from bpcompare.errors import InputError, MethodError
from bpcompare.problem.problem import from_data, line


def test_after_three_hundred_epochs_the_line_goes_through_the_points():
    # 「深度学习之前向传播和反向传播」's problem, continued; figures to the digits given there and by least squares.
    results = compare(line(), epochs=300).results
    assert results["autograd"].weight.item() == pytest.approx(1.97626, abs=1e-5)
    assert results["autograd"].bias.item() == pytest.approx(1.01643, abs=1e-5)
    assert results["adam"].weight.item() == pytest.approx(1.99975, abs=1e-5)
    assert results["adam"].bias.item() == pytest.approx(1.00384, abs=1e-5)


def test_status_tells_converged_from_stopped():
    results = compare(line(), epochs=300).results
    assert results["autograd"].status == "stopped"
    assert results["adam"].status == "converged"


def test_agreement_is_between_equal_rules_and_race_between_equal_sources():
    comparison = compare(line(), ["manual", "autograd", "adam", "formula+Adam", "autograd+SGD"], epochs=3)
    assert set(comparison.agreement) == {
        "manual~autograd",
        "adam~formula+Adam",
        "manual~autograd+SGD",
        "autograd~autograd+SGD",
    }
    assert set(comparison.race) == {"manual~formula+Adam", "autograd~adam", "adam~autograd+SGD"}


def test_the_race_counts_epochs_to_parts_of_the_starting_gap():
    result = compare(line(), ["autograd"], epochs=200).results["autograd"]
    for fraction in (0.1, 0.01):
        epoch = result.epochs_to(fraction)
        assert result.gaps[epoch] <= fraction * result.gaps[0] < result.gaps[epoch - 1]
    assert result.epochs_to(1e-9) is None


@pytest.mark.parametrize("name", ["Norris", "Pontius", "Longley"])
def test_standardised_training_converges_to_the_certified_values(name):
    x, y, _, certified = nist(name)
    problem = from_data(x[:, :1], y, standardize=True) if name == "Pontius" else from_data(x, y, standardize=True)
    if name == "Norris":
        result = compare(problem, ["manual"], lr=0.4, epochs=200).results["manual"]
        assert result.bias.item() == pytest.approx(certified[0], rel=1e-6)
        assert result.weight.item() == pytest.approx(certified[1], rel=1e-6)
    else:
        comparison = compare(problem, ["manual"], lr=0.9 * compare(problem, ["manual"]).curvature.largest_stable_lr)
        assert comparison.results["manual"].gaps[-1] < comparison.results["manual"].gaps[0]


def test_losses_of_a_standardised_run_are_in_the_users_units():
    torch.manual_seed(2)
    x, y = torch.randn(30, 2, dtype=torch.float64) * 9, torch.randn(30, 2, dtype=torch.float64) * torch.tensor([1, 50])
    result = compare(from_data(x, y, standardize=True), ["manual"], epochs=3).results["manual"]
    for weight, bias, loss in zip(result.weights, result.biases, result.losses, strict=True):
        assert loss.item() == pytest.approx(nn.functional.mse_loss(x @ weight.T + bias, y).item(), rel=1e-12)


def test_norris_at_the_default_rate_diverges_and_the_limit_is_known():
    x, y, _, _ = nist("Norris")
    comparison = compare(from_data(x, y, dtype=torch.float32))
    assert comparison.results["manual"].status == "diverged"
    assert comparison.results["manual"].run.diverged_at == comparison.results["autograd"].run.diverged_at
    assert comparison.agreement["manual~autograd"].bit_equal
    assert comparison.curvature.largest_stable_lr == pytest.approx(3.407937e-6, rel=1e-6)


def test_a_diverged_run_whose_units_reach_less_far_is_cut_where_they_end():
    x = torch.tensor([[1e150], [2e150], [4e150]], dtype=torch.float64)
    result = compare(from_data(x, 1e3 * x, standardize=True), ["manual"], lr=5.0, epochs=4000).results["manual"]
    assert result.status == "diverged"
    assert result.losses.isfinite().all()
    assert len(result.losses) == len(result.weights) == len(result.run.gradients["weight"])


def test_a_start_at_the_optimum_has_converged():
    x = torch.randn(5, 1, dtype=torch.float64)
    start = from_data(x, x).start
    problem = from_data(x, start(x).detach())
    assert compare(problem, ["manual"], epochs=1).results["manual"].status == "converged"


@pytest.mark.parametrize(
    ("methods", "error", "message"),
    [
        ([], InputError, "there is no method to compare"),
        (["manual", "manual"], InputError, "method 'manual' is named twice"),
        (["manual", "autograd+LBFGS"], MethodError, "closure"),
    ],
)
def test_methods_that_cannot_be_compared_are_refused_before_any_training(methods, error, message):
    epochs = []
    with pytest.raises(error, match=message):
        compare(line(), methods, on_epoch=lambda: epochs.append(1))
    assert not epochs

import dataclasses
import json
from xml.etree import ElementTree

import pytest
import torch
from certified import nist
from torch import nn

import bpcompare
from bpcompare.comparison.adam_ledger import ledger
from bpcompare.comparison.linear import compare
from bpcompare.errors import InputError, MethodError
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.results.comparison import comparison_json
from bpcompare.theory.least_squares import curvature
from bpcompare.training.methods import Method
from bpcompare.training.settings import TrainingSettings


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


def test_a_race_is_timed_at_a_tenth_a_hundredth_and_a_thousandth_of_the_starting_gap():
    comparison = compare(line(), ["autograd", "adam"], epochs=100)
    times = comparison.race["autograd~adam"]
    assert list(times) == [0.1, 0.01, 0.001]
    for fraction, reached in times.items():
        for name, epoch in reached.items():
            gaps = comparison.results[name].gaps.tolist()
            assert epoch == next((k for k, gap in enumerate(gaps) if gap <= fraction * gaps[0]), None)
    assert times[0.1] == {"autograd": 5, "adam": 11}


def at_the_optimum():
    x = torch.arange(5, dtype=torch.float64).unsqueeze(1)
    start = from_data(x, x).start
    return from_data(x, start(x).detach())


def test_where_there_is_no_gap_at_the_start_no_epoch_closes_it():
    comparison = compare(at_the_optimum(), ["autograd", "adam"], epochs=3)
    assert comparison.results["autograd"].epochs_to(0.1) is None
    assert {
        epoch for times in comparison.race.values() for reached in times.values() for epoch in reached.values()
    } == {None}


@pytest.mark.parametrize("problem", [line(), quadratic(layers=(2, 3, 1))])
def test_one_comparison_has_settings_losses_and_a_race_whatever_the_model(problem):
    comparison = compare(
        problem, ["manual", "adam", "autograd"], lr=0.01, epochs=4, batch_size=10, seed=3, shuffle=False
    )
    assert comparison.settings == TrainingSettings(0.01, 4, 10, 3, False)
    assert (comparison.lr, comparison.epochs, comparison.batch_size) == (0.01, 4, 10)
    assert (comparison.seed, comparison.shuffle) == (3, False)
    assert list(comparison.agreement) == ["manual~autograd"]
    assert list(comparison.race) == ["adam~autograd"]
    for name, result in comparison.results.items():
        assert result.run.settings == comparison.settings
        assert len(result.losses) == len(result.run.losses) == len(result.gaps) == 5
        assert torch.equal(result.losses, result.run.losses)
        assert torch.equal(result.losses_before_steps, result.losses[:4])
        assert result.run.method.name == name


def test_one_method_may_be_named_without_a_list():
    assert list(compare(line(), "manual", epochs=1).results) == ["manual"]


@pytest.mark.parametrize("methods", [5, None, [5], [["manual"]]])
def test_what_is_no_method_is_refused(methods):
    with pytest.raises(InputError, match="methods must be names"):
        compare(line(), methods)


@pytest.mark.parametrize("problem", [line(), quadratic(layers=(2, 3, 1)), line(weight=[[1.0] * 50])])
def test_each_is_one_short_line_and_a_small_table(problem):
    comparison = compare(problem, ["manual", "adam"], lr=1e-3, epochs=3)
    result = comparison.results["adam"]
    for thing in (
        problem,
        comparison,
        result,
        result.run,
        ledger(result.run) if problem.is_linear else result.run.track,
    ):
        assert len(repr(thing)) < 300
        assert "\n" not in repr(thing)
    for thing in (problem, comparison, result.run):
        table = ElementTree.fromstring(thing._repr_html_())
        assert table.tag == "table"
        assert len(thing._repr_html_()) < 10_000
    rows = ElementTree.fromstring(comparison._repr_html_()).findall("tr")
    assert [row[0].text for row in rows] == ["method", "manual", "adam"]
    assert float(rows[2][3].text) == pytest.approx(result.loss, rel=1e-5)


def test_names_are_escaped_in_tables():
    problem = from_data(torch.ones(3, 1), torch.ones(3, 1), name="<script>\x1b", x_names=("a&b",), y_names=("y",))
    comparison = compare(problem, dataclasses.replace(Method.named("manual"), name="<b>"), epochs=1)
    for thing in (problem, comparison, comparison.results["<b>"].run):
        shown = thing._repr_html_()
        assert ElementTree.fromstring(shown).tag == "table"
        assert not {"<script>", "<b>", "\x1b"} & {part for part in ("<script>", "<b>", "\x1b") if part in shown}


def test_a_rate_at_the_end_of_the_range_is_a_diverged_run_and_its_file_is_json():
    comparison = compare(line(dtype=torch.float64), "manual", lr=1e38)
    assert comparison.results["manual"].status == "diverged"
    assert json.loads(comparison_json(comparison, {}))["runs"]["manual"]["status"] == "diverged"


@pytest.mark.parametrize("name", ["Norris", "Pontius", "Longley"])
def test_standardised_training_converges_to_the_certified_values(name):
    x, y, _, certified = nist(name)
    problem = from_data(x[:, :1], y, standardize=True) if name == "Pontius" else from_data(x, y, standardize=True)
    if name == "Norris":
        result = compare(problem, ["manual"], lr=0.4, epochs=200).results["manual"]
        assert result.bias.item() == pytest.approx(certified[0], rel=1e-6)
        assert result.weight.item() == pytest.approx(certified[1], rel=1e-6)
    else:
        limit = curvature(problem.x, 1).largest_stable_lr
        comparison = compare(problem, ["manual"], lr=0.9 * limit, epochs=10)
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
    assert compare(at_the_optimum(), ["manual"], epochs=1).results["manual"].status == "converged"


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


@pytest.mark.parametrize("call", [compare, bpcompare.compare_network, bpcompare.train, bpcompare.sweep])
@pytest.mark.parametrize("problem", [5, None, "line", torch.ones(3, 1)], ids=["5", "None", "a name", "a tensor"])
def test_what_is_no_problem_is_refused(call, problem):
    options = {bpcompare.train: ("manual",), bpcompare.sweep: ([0.1],)}
    with pytest.raises(InputError, match="must be a Problem"):
        call(problem, *options.get(call, ()))


def public_results():
    """An object of every kind that a public call returns, of a problem with many numbers."""
    wide = from_data(torch.eye(60), torch.ones(60, 2))
    layer = nn.Linear(60, 40)
    yield wide
    yield (compared := compare(wide, ["manual", "autograd", "adam", "graph", "formula+Adam", "autograd+SGD"], epochs=2))
    yield from [*compared.results.values(), compared.optimum, compared.curvature, compared.modes, compared.settings]
    yield compare(quadratic(layers=(2, 9, 1)), epochs=2)
    yield bpcompare.train(wide, "manual", epochs=2)
    yield bpcompare.sweep(wide, [0.1, 0.2], ["manual", "adam"], epochs=2)
    yield bpcompare.equations(layer)
    yield bpcompare.collapse()
    yield bpcompare.reproduce()[0]
    yield (derived := bpcompare.derive("mean(x**2)", {"x": list(range(100))}))
    yield derived.mark({"x": [0.0] * 100})
    yield bpcompare.check_function(lambda x, y, w, b: ((x @ w.T + b - y).T @ x, (x @ w.T + b - y).sum(0)), seed=0)
    yield bpcompare.Method.named("adam")


def test_every_public_result_is_one_line_on_the_screen():
    shown = [repr(result) for result in public_results()]
    assert [text for text in shown if len(text) >= 300 or "\n" in text] == []

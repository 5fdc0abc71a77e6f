import csv
import dataclasses
import io
import json
import math

import pytest
import torch

from bpcompare.errors import InputError, MethodError
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.results.sweep import sweep_csv, sweep_json
from bpcompare.sweeps import batch
from bpcompare.sweeps import sweep as module
from bpcompare.sweeps.summary import Summary
from bpcompare.sweeps.sweep import batches, sweep
from bpcompare.theory.gradient_descent import modes
from bpcompare.theory.least_squares import curvature
from bpcompare.training.data_sums import sums
from bpcompare.training.floating_point import ulp
from bpcompare.training.train import train

RATES = [0.01, 0.7, 5.0, 1e3, 1e30]  # at 1e3 a float32 run diverges on the way, at 1e30 at once
EPOCHS = 10
RULES = ["GradientDescent", "torch.optim.Adam", "AdamEpsInside", "AdamMomentumOnly"]
MATRIX = {"weight": [[1.0, 2.0, 3.0], [0.0, -1.0, 2.0]], "bias": [1.0, 2.0]}
# Of the largest weight and of the run's largest loss, with several inputs or outputs: a matrix library adds their
# products in an order of its own, which differs from processor to processor.
ROUNDING = {torch.float32: 1e-6, torch.float64: 1e-13}
SOURCE_ULPS = 64  # float32, 50 epochs: another source adds a hundred rows in float32 and so differs from step to step


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [{}, {"learn_bias": False}, {"standardize": True}, MATRIX])
def test_every_run_is_the_single_run_of_train(options, dtype):
    problems = [line(seed=seed, dtype=dtype, **options) for seed in range(2)]
    methods = [f"moments+{rule}" for rule in RULES]
    result = sweep(problems, RATES, methods, epochs=EPOCHS)
    for i, method in enumerate(methods):
        for j, problem in enumerate(problems):
            for k, rate in enumerate(RATES):
                single = train(problem, method, lr=rate, epochs=EPOCHS)
                assert int(result.diverged_at[i, j, k]) == (single.diverged_at or 0)
                if single.diverged_at:
                    assert result.weights[i, j, k].isnan().all()
                    assert result.losses[i, -1, j, k].isnan()
                    continue
                bias = single.parameters.get("bias", torch.zeros(1, problem.out_features))
                weight, bias = problem.in_user_units(single.parameters["weight"][-1], bias[-1])
                rounding = 0 if problem.in_features == problem.out_features == 1 else ROUNDING[dtype]
                bound = rounding * weight.abs().max()
                assert (result.weights[i, j, k] - weight).abs().max() <= bound
                assert (result.biases[i, j, k] - bias).abs().max() <= bound
                scale = 1.0 if problem.scaling is None else problem.scaling.y_scale.square().item()
                losses = single.losses * scale
                bound = (rounding if scale == 1 else ROUNDING[dtype]) * losses.max()
                assert (result.losses[i, :, j, k] - losses).abs().max() <= bound


@pytest.mark.parametrize("method", ["manual", "autograd", "adam"])
def test_a_run_by_the_formula_or_by_autograd_is_a_few_units_in_the_last_place_away(method):
    result = sweep([line()], [0.1], [method])
    single = train(line(), method)
    assert ulp(result.weights[0, 0, 0].float(), single.parameters["weight"][-1]).max() <= SOURCE_ULPS


def test_one_run_at_another_rate_is_not_the_same():
    result = sweep([line()], [0.1, 0.1000001], ["manual"])
    assert not torch.equal(result.weights[0, 0, 0], result.weights[0, 0, 1])


def test_how_the_runs_are_batched_makes_no_difference(monkeypatch):
    problems = [line(seed=seed) for seed in range(7)]
    whole = sweep(problems, [0.01, 0.1], ["manual", "adam"])
    monkeypatch.setattr(module, "AT_ONCE", 5)
    assert batches(7, 2) == 4
    parts = sweep(problems, [0.01, 0.1], ["manual", "adam"])
    assert torch.equal(whole.weights, parts.weights)
    assert torch.equal(whole.losses, parts.losses)


def test_progress_counts_every_epoch_of_every_batch(monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 4)
    counted = []
    sweep([line(seed=s) for s in range(3)], [0.1, 0.2], epochs=5, on_epoch=lambda: counted.append(1))
    assert len(counted) == 2 * 5 * batches(3, 2) == 20


def test_many_epochs_keep_losses_at_few_of_them_first_and_last_included():
    epochs = 5 * module.MOST_CHECKPOINTS
    result = sweep([line()], [0.1], ["manual"], epochs=epochs)
    kept = result.checkpoints.tolist()
    assert kept[:3] == [0, 1, 2]
    assert kept[-1] == epochs
    assert len(kept) <= module.MOST_CHECKPOINTS + 1
    single = train(line(), "moments+GradientDescent", epochs=epochs)
    assert torch.equal(result.losses[0, :, 0, 0], single.losses[kept])


def test_gradient_descent_breaks_down_at_the_limit_of_theory_and_not_before():
    limit = curvature(line().x).largest_stable_lr
    parts = [0.5, 0.9, 0.99, 1.01, 1.1, 2.0]
    summary = Summary(sweep([line(seed=s) for s in range(4)], [p * limit for p in parts], ["manual"], epochs=2000))
    (row,) = summary.best
    assert not row.all_rates_good
    assert row.highest_good_lr == pytest.approx(0.99 * limit)
    assert row.runs == 24
    assert row.worse == 12
    assert 0 < row.diverged <= 12
    assert torch.allclose(summary.limits, torch.tensor(limit, dtype=torch.float64))


def test_the_best_rate_is_the_one_with_the_least_median_loss():
    result = sweep([line(seed=s) for s in range(5)], [0.001, 0.3, 0.01, 20.0], ["manual"])
    (row,) = Summary(result).best
    assert row.lr == 0.3
    finals = sorted(train(line(seed=s), "moments+GradientDescent", lr=0.3).loss for s in range(5))
    assert row.loss == finals[2]


def test_where_nothing_works_no_rate_is_called_good():
    (row,) = Summary(sweep([line()], [5.0, 9.0], ["manual"], epochs=200)).best
    assert row.highest_good_lr is None
    assert row.place is row.lr is row.loss is row.gap_left is None
    assert row.diverged == 2


def test_a_rate_just_above_the_limit_is_not_called_stable_though_a_short_run_looks_well():
    limit = curvature(line().x).largest_stable_lr
    rates = [0.5 * limit, 1.02 * limit]
    problem = line(dtype=torch.float64)
    weight, bias = modes(problem).limit
    flat = modes(problem).eigenvectors[:, 1]
    start = problem.model()  # away from the optimum in the flat direction, and hardly in the steep one
    with torch.no_grad():
        start.weight.copy_(weight + flat[0])
        start.bias.copy_(bias + flat[1] + 1e-6)
    (row,) = Summary(sweep([dataclasses.replace(problem, start=start)], rates, ["manual"], epochs=5)).best
    assert row.worse == 0
    assert row.highest_good_lr == rates[0]


def test_where_every_rate_is_good_the_row_says_so():
    (row,) = Summary(sweep([line()], [0.01, 0.1], ["adam"])).best
    assert (row.highest_good_lr, row.all_rates_good) == (0.1, True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize("epochs", [50, 400])
def test_of_a_plateau_of_rounding_the_fastest_rate_is_best(dtype, seeds, epochs):
    rates = torch.logspace(-2, 0.5, 80, dtype=torch.float64)
    # standardised, one input: λ = 2 in both directions, so that at lr 0.5 one step lands on the optimum
    problems = [line(standardize=True, seed=s, dtype=dtype) for s in range(seeds)]
    (row,) = Summary(sweep(problems, rates, ["manual"], epochs=epochs)).best
    assert abs(row.place - int((rates - 0.5).abs().argmin())) <= 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seeds", [1, 5])
def test_of_several_inputs_the_best_rate_of_a_long_run_is_that_of_theory(dtype, seeds):
    rates = torch.logspace(-2, 0.5, 80, dtype=torch.float64)
    several = [line(weight=[[1.0, 2.0, 3.0]], standardize=True, seed=s, dtype=dtype) for s in range(seeds)]
    summary = Summary(sweep(several, rates, ["manual"], epochs=1000))
    assert summary.best[0].lr == pytest.approx(summary.best_by_theory.median().item(), rel=0.15)


def test_rates_that_the_seeds_cannot_tell_apart_are_not_ranked_by_chance():
    rates = [0.5, 0.5000001, 0.6]
    problems = [line(seed=s) for s in range(20)]
    (row,) = Summary(sweep(problems, rates, ["manual"], epochs=30)).best
    assert row.lr == 0.6  # a real difference


def test_one_table_with_many_starts_is_added_up_once(monkeypatch):
    table = line(samples=50)
    problems = [table.restarted(seed) for seed in range(6)]
    counted = []
    monkeypatch.setattr(batch, "sums", lambda x, y: counted.append(1) or sums(x, y))
    result = sweep(problems, [0.1, 0.2], ["manual"], epochs=3)
    seen = []
    summary = Summary(result, on_problem=lambda: seen.append(1))
    assert (len(counted), len(seen)) == (1, 6)
    assert len({id(optimum) for optimum in summary.optima}) == 1
    single = train(problems[4], "moments+GradientDescent", lr=0.2, epochs=3)
    assert torch.equal(result.losses[0, :, 4, 1], single.losses)


def test_the_predicted_losses_are_those_of_every_swept_run_of_a_short_rank():
    x = torch.tensor([[1.0, 2.0, 7.0], [2.0, 4.0, 7.0], [4.0, 8.0, 7.0], [3.0, 6.0, 7.0]], dtype=torch.float64)
    problem = from_data(x, torch.tensor([[1.0], [0.0], [3.0], [5.0]], dtype=torch.float64))
    summary = Summary(sweep([problem], [1e-4, 0.005], ["manual"], epochs=40))
    for k, rate in enumerate([1e-4, 0.005]):
        predicted = modes(problem).losses(rate, summary.sweep.checkpoints)
        assert torch.allclose(summary.sweep.losses[0, :, 0, k], predicted, rtol=1e-11)
        assert summary.gaps[0, -1, 0, k].item() == pytest.approx(
            (predicted[-1] - summary.optima[0].loss).item(), rel=1e-9
        )


def test_converged_runs_are_spread_as_the_theory_of_least_squares_says():
    seeds = 600
    problems = [line(noise=0.2, seed=s, dtype=torch.float64) for s in range(seeds)]
    summary = Summary(sweep(problems, [0.7], ["manual"], epochs=200), noise=0.2)
    # simple regression: σ²/Σ(x − x̄)² and σ²(1/N + x̄²/Σ(x − x̄)²)
    x = problems[0].x
    sxx = (x - x.mean()).square().sum().item()
    right = [0.2 / math.sqrt(sxx), 0.2 * math.sqrt(1 / 100 + 0.25 / sxx)]
    assert summary.spread.theory[0].tolist() == pytest.approx(right, rel=1e-10)
    within = 4 / math.sqrt(2 * seeds)  # four standard errors of a standard deviation
    assert summary.spread.learned["manual"][0].tolist() == pytest.approx(right, rel=within)
    assert torch.allclose(summary.spread.learned["manual"], summary.spread.least_squares, rtol=1e-6)


def test_a_run_that_has_not_arrived_is_spread_wider():
    summary = Summary(sweep([line(seed=s) for s in range(100)], [0.01], ["manual"]), noise=0.1)
    assert (summary.spread.learned["manual"] > 3 * summary.spread.theory).all()


def test_there_is_no_theory_of_spread_where_the_rank_is_short_or_the_noise_unknown():
    x = torch.ones(4, 2)
    problem = from_data(x, torch.arange(4.0).unsqueeze(1))
    problems = [problem.restarted(seed) for seed in range(3)]
    assert not torch.equal(problems[0].start.weight, problems[1].start.weight)
    assert Summary(sweep(problems, [0.1]), noise=0.1).spread.theory is None
    assert Summary(sweep([line(), line(seed=1)], [0.1])).spread.theory is None
    assert Summary(sweep([line()], [0.1]), noise=0.1).spread is None


def test_every_run_is_a_row_and_a_diverged_one_has_no_numbers():
    result = sweep([line(seed=s) for s in (5, 6)], [0.1, 1e6], ["manual", "adam"])
    rows = list(csv.DictReader(io.StringIO(sweep_csv(result, first_seed=5).decode())))
    assert len(rows) == 8
    assert [row["seed"] for row in rows[:4]] == ["5", "5", "6", "6"]
    assert float(rows[0]["weight"]) == result.weights[0, 0, 0].item()
    assert rows[1]["loss"] == rows[1]["weight"] == ""
    assert int(rows[1]["diverged_at"]) == result.diverged_at[0, 0, 1]
    assert rows[4]["diverged_at"] == ""


def test_the_json_has_no_infinity_even_where_every_run_diverged():
    result = sweep([line(seed=s) for s in range(2)], [1e6], ["manual"])
    document = json.loads(sweep_json(Summary(result, 0.1), {"seeds": 2}))
    assert document["methods"]["manual"]["diverged"] == 2
    assert document["methods"]["manual"]["loss"] is None
    assert document["spread"]["learned"]["manual"]["weight"] is None
    assert document["theory"]["largest_stable_lr"]["median"] == pytest.approx(0.788664, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"problems": []}, InputError, "at least one problem"),
        ({"rates": [0.1, -1.0]}, InputError, "every lr must be a finite number above 0"),
        ({"rates": [math.inf]}, InputError, "every lr must be a finite number above 0"),
        (
            {"problems": [line(weight=1e30)]},
            InputError,
            r"float32.*float64",
        ),
        ({"epochs": 0}, InputError, "epochs must be a whole number from 1 to 2⁶³ − 1; got 0"),
        ({"problems": [line(), line(dtype=torch.float64)]}, InputError, "of one shape and precision; got 2 kinds"),
        ({"methods": ["adam", "adam"]}, InputError, "'adam' is named twice"),
        ({"methods": ["autograd+RMSprop"]}, MethodError, r"torch.optim.RMSprop .* cannot be swept; choose"),
        ({"methods": ["nonsense"]}, MethodError, "there is no method 'nonsense'"),
        ({"problems": [quadratic(layers=(2, 3, 1))]}, InputError, "one nn.Linear at many rates .* compare_network"),
    ],
)
def test_what_cannot_be_swept_is_refused(change, error, message):
    options = {"problems": [line()], "rates": [0.1], "methods": ["manual"], "epochs": 2} | change
    with pytest.raises(error, match=message):
        sweep(options["problems"], options["rates"], options["methods"], epochs=options["epochs"])


def test_where_nothing_can_move_no_run_is_called_worse_than_its_start():
    problem = from_data(torch.zeros(3, 2), torch.tensor([[1.0], [2.0], [4.0]]), bias=False)
    summary = Summary(sweep([problem, problem.restarted(1)], [0.1, 1.0], ["manual", "adam"], epochs=5))
    assert summary.limits.isinf().all()
    for row in summary.best:
        assert (row.worse, row.diverged, row.gap_left) == (0, 0, 0.0)
        assert row.loss == pytest.approx(7.0)
    assert sweep_json(summary, {})


@pytest.mark.parametrize("rates", ["a", None, [[0.1], [0.2, 0.3]], ["0.1"]], ids=str)
def test_rates_that_are_no_numbers_are_refused(rates):
    with pytest.raises(InputError, match=r"^the rates must be numbers"):
        sweep([line()], rates)


@pytest.mark.parametrize("epochs", [2.5, 0, "3", 2**63, True])
def test_epochs_of_a_sweep_are_a_whole_number(epochs):
    with pytest.raises(InputError, match=r"^epochs must be"):
        sweep([line()], [0.1], epochs=epochs)


def test_one_problem_one_rate_and_one_method_need_no_list():
    one, listed = sweep(line(), 0.1, "manual"), sweep([line()], [0.1], ["manual"])
    assert torch.equal(one.weights, listed.weights)

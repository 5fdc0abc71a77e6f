import csv
import io

import pytest
import torch

from bpcompare.comparison.adam_ledger import ledger
from bpcompare.comparison.linear import compare
from bpcompare.errors import InputError
from bpcompare.problem.line import line
from bpcompare.results.ledger import history_columns, ledger_csv
from bpcompare.show.ledger_table import render
from bpcompare.training.floating_point import ulp
from bpcompare.training.methods import Method
from bpcompare.training.train import train

STEP_ROUNDING = 4  # units in the last place of the parameter: the textbook divides m and v first, torch the step and √v


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weight", [[[2.0]], [[1.0, 2.0, 3.0], [-1.0, 0.0, 4.0]]])
def test_the_ledger_is_bit_equal_to_torchs_state(dtype, weight):
    problem = line(weight=weight, dtype=dtype)
    found = ledger(train(problem, "adam", lr=0.05, epochs=60), lr=0.05)
    assert found.steps == 60
    assert found.max_ulp == 0


def test_replayed_m_and_v_are_those_that_an_adam_in_training_keeps():
    problem = line()
    model = problem.model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(10):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(problem.x), problem.y).backward()
        optimizer.step()
    found = ledger(train(problem, "adam", epochs=10), lr=0.1).entries["weight"]
    assert torch.equal(found.m[-1], optimizer.state[model.weight]["exp_avg"])
    assert torch.equal(found.v[-1], optimizer.state[model.weight]["exp_avg_sq"])


def test_every_step_is_what_the_parameter_moved_by():
    run = train(line(dtype=torch.float64), "adam", epochs=100)
    entries = ledger(run, lr=0.1).entries["bias"]
    states = run.parameters["bias"]
    assert ulp(states[:-1] - entries.step, states[1:]).max() <= STEP_ROUNDING


def test_the_first_step_is_lr_times_the_sign_whatever_the_size_of_the_gradient():
    found = ledger(train(line(), "adam"), lr=0.1)
    for name, steps in found.first_steps.items():
        sign = found.entries[name].g[0].sign()
        assert torch.allclose(steps[1:], 0.1 * sign.expand_as(steps[1:]), rtol=1e-4)  # ε against 10⁻³ of the gradient
        assert torch.allclose(steps[0], 0.1 * sign, rtol=0.01)  # ε against 10⁻⁶ of it


@pytest.mark.parametrize(
    ("rule", "differs"),
    [
        ("AdamNoBiasCorrection", {"parameter"}),
        ("AdamSwappedBetas", {"m", "v", "parameter"}),
        ("AdamMomentumOnly", {"parameter"}),
        ("AdamRMSPropOnly", {"m", "parameter"}),
    ],
)
def test_a_variant_is_seen_to_differ_where_it_does(rule, differs):
    found = ledger(train(line(), f"autograd+{rule}", lr=0.01, epochs=20), lr=0.01).entries["weight"]
    apart = {name for name in ("m", "v", "parameter") if getattr(found, f"ulp_{name}").max() > 1000}
    assert apart == differs


def test_ledger_csv_has_a_row_for_every_method_epoch_and_number():
    problem = line(weight=[[1.0, 2.0]])
    run = train(problem, "adam", epochs=7)
    rows = list(csv.DictReader(io.StringIO(ledger_csv({"adam": ledger(run, 0.1)}, problem).decode())))
    assert len(rows) == 7 * 3
    assert [row["parameter"] for row in rows[:3]] == ["weight[y, x1]", "weight[y, x2]", "bias[y]"]
    assert float(rows[4]["g"]) == run.gradients["weight"][1, 0, 1].item()
    assert {row["ulp_m"] for row in rows} == {"0"}


def test_history_columns_say_that_they_are_of_standardised_columns():
    problem = line(standardize=True)
    found = {"adam": ledger(train(problem, "adam", epochs=2), 0.1)}
    columns = history_columns(found, problem)
    assert list(columns)[:2] == ["m weight (standardised)", "m bias (standardised)"]
    assert len(columns["step weight (standardised)"]["adam"]) == 2


def test_a_model_without_a_bias_has_a_ledger_without_one():
    problem = line(learn_bias=False)
    found = ledger(train(problem, "adam", epochs=3), 0.1)
    assert "bias" not in found.entries
    assert "bias" not in render(found, problem)


def test_the_table_shows_the_first_steps_and_the_last():
    problem = line()
    shown = render(ledger(train(problem, "adam", epochs=30), 0.1), problem)
    epochs = [row.split("|")[1].strip() for row in shown.splitlines() if row.startswith("|")]
    blocks = [epoch for epoch in epochs if epoch.isdigit()]  # one under the other where 80 columns hold not all
    assert blocks == ["0", "1", "2", "29"] * blocks.count("0")
    assert "bit-equal" in shown
    variant = render(ledger(train(problem, "autograd+AdamMomentumOnly", epochs=3), 0.1), problem)
    assert "bit-equal" not in variant


def test_a_rule_that_is_no_adam_has_no_ledger():
    with pytest.raises(InputError, match=r"'manual'.*\bGradientDescent\b.*\badam\b"):
        ledger(train(line(), "manual", epochs=1), 0.1)
    with pytest.raises(InputError, match=r"torch.optim.RMSprop"):
        ledger(train(line(), Method.named("autograd+RMSprop"), epochs=1), 0.1)


def test_a_run_that_diverged_at_once_has_an_empty_ledger():
    run = compare(line(), ["autograd+Adam"], lr=1e38, epochs=3).results["autograd+Adam"].run
    found = ledger(run.first(1), 1e38)
    assert found.steps == 0
    assert found.max_ulp == 0

import csv
import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from bpcompare.comparison.linear import compare
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.results.comparison import comparison_json, history_csv
from bpcompare.results.formats import defused
from bpcompare.training.methods import Method


def document(comparison):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(comparison_json(comparison, {"lr": comparison.lr}), parse_constant=refuse)


def test_the_json_has_the_schema_and_the_published_figures_to_the_last_digit():
    got = document(compare(line()))
    keys = ["settings", "versions", "problem", "truth", "optimum", "theory", "runs", "agreement", "race"]
    assert list(got) == keys
    assert got["truth"] == {"weight": [[2.0]], "bias": [1.0]}
    for name in ("manual", "autograd"):
        run = got["runs"][name]
        assert run["weight"] == [[1.3135614395141602]]
        assert run["bias"] == [1.3715894222259521]
        assert len(run["losses"]) == 50
        assert run["loss"] < run["losses"][-1]
        assert (run["status"], run["diverged_at"]) == ("stopped", None)
    assert got["runs"]["adam"]["update"] == "torch.optim.Adam"
    assert got["agreement"]["manual~autograd"]["bit_equal"] is True
    assert got["problem"]["x_names"] == ["x"]
    assert got["optimum"]["rank"] == 2


def test_the_json_of_a_diverged_rank_short_bias_free_comparison_has_no_nan():
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    got = document(compare(from_data(x, x[:, :1] * 3, bias=False), lr=50.0))
    assert got["truth"] is None
    assert got["runs"]["manual"]["bias"] is None
    assert got["runs"]["manual"]["status"] == "diverged"
    assert got["theory"]["condition_number"] is None
    assert got["optimum"]["unique"] is False


def test_equal_comparisons_give_equal_bytes():
    first, second = (compare(line()) for _ in range(2))
    assert comparison_json(first, {}) == comparison_json(second, {})
    assert history_csv(first) == history_csv(second)


def test_the_history_has_every_state_with_torchs_loss_and_gradient():
    problem = line(weight=[[1.0, 2.0], [3.0, 4.0]], bias=[0.0, 1.0], dtype=torch.float64)
    rows = list(csv.DictReader(history_csv(compare(problem, ["manual", "adam"], epochs=3)).decode().splitlines()))
    assert [(row["method"], row["epoch"]) for row in rows] == [
        (m, str(k)) for m in ("manual", "adam") for k in range(4)
    ]
    row = rows[2]
    weight = torch.tensor([[float(row[f"weight[{y}, {x}]"]) for x in ("x1", "x2")] for y in ("y1", "y2")])
    bias = torch.tensor([float(row[f"bias[{y}]"]) for y in ("y1", "y2")])
    weight, bias = weight.double().requires_grad_(), bias.double().requires_grad_()
    loss = nn.functional.mse_loss(problem.x @ weight.T + bias, problem.y)
    loss.backward()
    # the parameters went through float32 in torch.tensor above
    assert float(row["loss"]) == pytest.approx(loss.item(), rel=1e-5)
    assert float(row["grad weight[y2, x1]"]) == pytest.approx(weight.grad[1, 0].item(), rel=1e-4)
    assert float(row["grad bias[y1]"]) == pytest.approx(bias.grad[0].item(), rel=1e-4)


def test_the_history_of_a_standardised_run_ends_in_the_users_units():
    x = torch.tensor([[10.0], [20.0], [40.0]], dtype=torch.float64)
    problem = from_data(x, 3 * x + 5, standardize=True)
    rows = list(csv.DictReader(history_csv(compare(problem, ["manual"], lr=0.4, epochs=60)).decode().splitlines()))
    assert float(rows[-1]["weight"]) == pytest.approx(3, rel=1e-9)
    assert float(rows[-1]["bias"]) == pytest.approx(5, rel=1e-9)
    assert float(rows[-1]["grad weight"]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_cells_that_a_spreadsheet_would_run_are_defused(text):
    assert defused(text) == "'" + text


def test_a_method_named_like_a_formula_is_defused_in_the_history():
    method = replace(Method.named("manual"), name="=HYPERLINK(1)")
    rows = list(csv.reader(history_csv(compare(line(), [method], epochs=1)).decode().splitlines()))
    assert rows[1][1] == "'=HYPERLINK(1)"

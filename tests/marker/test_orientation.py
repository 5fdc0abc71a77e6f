"""The weight has shape (out, in), as nn.Linear has it: nn.Linear itself says what is right."""

import json
from contextlib import nullcontext

import pytest
import torch
from kept_draws import DRAWS

from bpcompare.cli import main
from bpcompare.marker.check import check_function
from bpcompare.marker.problems import linear_regression

SEED = 4  # one of many: every seed must do
RIGHT_WHERE_SQUARE = sum(i == o for i, o in linear_regression.SHAPES) / len(linear_regression.SHAPES)


def by_nn_linear(x, y, w, b):
    layer = torch.nn.Linear(x.shape[1], y.shape[1], dtype=x.dtype)
    layer.load_state_dict({"weight": w, "bias": b})
    torch.nn.functional.mse_loss(layer(x), y).backward()
    return layer.weight.grad, layer.bias.grad


def by_hand(x, y, w, b):
    residual = x @ w.T + b - y
    delta = 2 * residual / residual.numel()
    return delta.T @ x, delta.sum(0)


def transposed(x, y, w, b):
    grad_w, grad_b = by_hand(x, y, w, b)
    return grad_w.T, grad_b


def unless_square(change):
    """Right where the weight is square; elsewhere what ``change`` makes of it."""
    return lambda x, y, w, b: (by_hand if w.shape[0] == w.shape[1] else change)(x, y, w, b)


@pytest.mark.parametrize("gradients", [by_nn_linear, by_hand])
def test_the_gradients_of_nn_linear_pass(gradients):
    assert check_function(gradients, seed=SEED, draws=DRAWS).right


@pytest.fixture
def one_process(monkeypatch, process):
    """The command takes the process of all tests in the place of one of its own."""
    monkeypatch.setattr("bpcompare.marker.check.server", lambda: nullcontext(process))


@pytest.mark.usefixtures("one_process")
def test_a_right_file_in_the_orientation_of_nn_linear_exits_0(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "def gradients(x, y, w, b):\n"
        "    delta = 2 * (x @ w.T + b - y) / y.numel()\n"
        "    return delta.T @ x, delta.sum(0)\n"
    )
    assert main(["check", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["right"] is True


@pytest.mark.usefixtures("one_process")
def test_a_product_of_x_transposed_and_delta_is_refused_as_transposed_and_the_right_line_is_shown(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "def gradients(x, y, w, b):\n"
        "    delta = 2 * (x @ w.T + b - y) / y.numel()\n"
        "    return x.T @ delta, delta.sum(0)\n"
    )
    assert main(["check", str(file), "--json", "--seed", "4"]) == 1
    answers = json.loads(capsys.readouterr().out)["answers"]
    (mistake,) = answers["grad_w"]["mistakes"]
    assert (mistake["names"], mistake["lines"]) == (["transposed"], [5])
    assert not answers["grad_b"]["mistakes"]

    assert main(["check", str(file), "--seed", "4"]) == 1
    said = capsys.readouterr().out
    assert mistake["says"][0] in said
    assert "(1)  ŷ = xwᵀ + b" in said
    assert "→ (5)  ∂L/∂w = δᵀx" in said
    assert "✓ grad_b" in said


def test_a_transpose_is_named_whether_the_weight_is_square_or_not():
    marking = check_function(transposed, seed=SEED, draws=DRAWS)
    assert marking.mistakes == {"grad_w": ("transposed",), "grad_b": ()}
    assert check_function(unless_square(transposed), seed=SEED, draws=DRAWS).mistakes == marking.mistakes


def test_a_gradient_that_is_right_only_where_the_weight_is_square_is_refused():
    def swaps_the_sizes(x, y, w, b):
        grad_w, grad_b = by_hand(x, y, w, b)
        return grad_w.T.reshape(w.shape), grad_b

    marking = check_function(unless_square(swaps_the_sizes), seed=SEED, draws=DRAWS)
    assert not marking.right
    assert marking.mistakes == {"grad_w": ("reshaped-for-transposed",), "grad_b": ()}
    square = [call for call in marking.calls if call.problem.sizes["in"] == call.problem.sizes["out"]]
    assert square
    assert all(call.right["grad_w"] for call in square)


def test_a_forward_pass_with_w_where_its_transpose_is_meant_is_named_where_that_is_possible_at_all():
    def gradients(x, y, w, b):
        delta = 2 * (x @ w + b - y) / y.numel()
        return delta.T @ x, delta.sum(0)

    marking = check_function(gradients, seed=SEED, draws=DRAWS)
    assert marking.mistakes == {"grad_w": ("transposed-w-in-forward",), "grad_b": ("transposed-w-in-forward",)}
    usual = [call for call in marking.calls if not call.problem.edge]
    assert sum(bool(call.raised) for call in usual) == len(usual) * (1 - RIGHT_WHERE_SQUARE)

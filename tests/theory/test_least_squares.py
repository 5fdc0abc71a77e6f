import math

import numpy as np
import pytest
import torch
from certified import ANSCOMBE_AND_CARS, NIST, digits, exact_line, nist
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.problem.line import line
from bpcompare.theory import least_squares as module
from bpcompare.theory import reduction
from bpcompare.theory.least_squares import Curvature, curvature, least_squares

# Certified digits that the estimates must reach: what careful float64 software reaches on these tables.
DIGITS = {"NoInt1": 14, "NoInt2": 14, "Norris": 12, "Pontius": 12, "Longley": 12, "Wampler2": 12}
DIGITS |= {"Wampler1": 9, "Wampler3": 9, "Wampler4": 7, "Filip": 7, "Wampler5": 5}


@pytest.mark.parametrize("name", NIST)
def test_the_optimum_reaches_the_certified_digits(name):
    x, y, intercept, certified = nist(name)
    optimum = least_squares(x, y, bias=intercept)
    estimates = [*([optimum.bias.item()] if intercept else []), *optimum.weight[0].tolist()]
    assert optimum.unique
    assert optimum.rank == len(certified)
    assert min(map(digits, estimates, certified)) >= DIGITS[name]


@pytest.mark.parametrize("name", ["Norris", "Longley", "NoInt1", "Wampler4"])
def test_the_loss_of_the_optimum_is_the_certified_residual_sum_over_n(name):
    x, y, intercept, _ = nist(name)
    optimum = least_squares(x, y, bias=intercept)
    assert optimum.loss == pytest.approx(NIST[name]["ss_residual"] / len(y), rel=1e-12)


@pytest.mark.parametrize("name", ANSCOMBE_AND_CARS)
def test_small_tables_agree_with_exact_rational_arithmetic(name):
    x, y = ANSCOMBE_AND_CARS[name]
    x_column, y_column = (torch.tensor(v, dtype=torch.float64).unsqueeze(1) for v in (x, y))
    optimum = least_squares(x_column, y_column)
    slope, intercept = exact_line(x, y)
    assert digits(optimum.weight.item(), float(slope)) >= 12
    assert digits(optimum.bias.item(), float(intercept)) >= 12


@pytest.mark.parametrize(
    ("x", "rank"),
    [
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0]], 2),  # a column twice another, and the ones
        ([[0.1, 0.3], [0.2, 0.6], [0.3, 0.9], [0.7, 2.1]], 2),  # three times another but for rounding
        ([[5.0], [5.0], [5.0]], 1),  # a constant column says no more than the bias
        ([[3.0]], 1),  # one sample
        ([[1.0, 2.0, 4.0], [2.0, 1.0, 3.0]], 2),  # fewer samples than parameters
    ],
)
def test_a_short_rank_is_never_called_unique(x, rank):
    x = torch.tensor(x, dtype=torch.float64)
    y = x.sum(1, keepdim=True) + 1
    optimum = least_squares(x, y)
    assert not optimum.unique
    assert optimum.rank == rank
    assert optimum.loss == pytest.approx(0, abs=1e-24)
    assert ((x @ optimum.weight.T + optimum.bias - y).abs() < 1e-12).all()


def test_a_model_without_bias_sees_a_constant_column():
    optimum = least_squares(torch.full((3, 1), 5.0), torch.full((3, 1), 10.0), bias=False)
    assert optimum.unique
    assert optimum.weight.item() == pytest.approx(2.0, rel=1e-15)
    assert optimum.bias.item() == 0


def test_many_blocks_of_rows_give_what_one_block_gives(monkeypatch):
    x, y, _, _ = nist("Longley")
    whole, whole_curvature = least_squares(x, y), curvature(x)
    monkeypatch.setattr(reduction, "BLOCK", 3)
    monkeypatch.setattr(module, "BLOCK", 3)
    parts, parts_curvature = least_squares(x, y), curvature(x)
    assert torch.allclose(parts.weight, whole.weight, rtol=1e-10)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-12)
    assert torch.allclose(parts_curvature.eigenvalues, whole_curvature.eigenvalues, rtol=1e-6)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 4), st.integers(1, 3), st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_loss_of_any_parameters_is_torchs(seed, n, inputs, outputs, bias):
    draw = torch.Generator().manual_seed(seed)
    x, y, weight, offset = (
        torch.randn(*shape, generator=draw, dtype=torch.float64)
        for shape in [(n, inputs), (n, outputs), (outputs, inputs), (outputs,)]
    )
    offset = offset * bias
    optimum = least_squares(x + 3, y, bias=bias)
    direct = torch.nn.functional.mse_loss((x + 3) @ weight.T + offset, y)
    assert optimum.loss_at(weight, offset).item() == pytest.approx(direct.item(), rel=1e-11)
    assert optimum.loss <= direct.item() * (1 + 1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_noise_moves_the_optimum_away_from_the_truth_and_below_it(noise):
    problem = line(noise=noise, dtype=torch.float64)
    optimum = least_squares(problem.x, problem.y)
    off = (optimum.weight - problem.truth.weight).abs().item()
    loss_of_truth = torch.nn.functional.mse_loss(problem.x @ problem.truth.weight.T + problem.truth.bias, problem.y)
    assert (off > 1e-5) == (noise > 0)
    assert (optimum.loss < loss_of_truth.item() * (1 - 1e-5)) == (noise > 0)


def test_the_curvature_of_norris_is_what_was_computed_elsewhere():
    # Eigenvalues of the Hessian by NumPy on the certified table.
    c = curvature(nist("Norris")[0])
    assert c.condition_number == pytest.approx(731406.971058, rel=1e-9)
    assert c.largest_stable_lr == pytest.approx(3.4079372070748e-06, rel=1e-12)


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_eigenvalues_are_those_of_autograds_hessian(outputs):
    torch.manual_seed(1)
    x, y = torch.randn(20, 2, dtype=torch.float64), torch.randn(20, outputs, dtype=torch.float64)

    def loss(weight_and_bias):
        theta = weight_and_bias.view(outputs, 3)
        return torch.nn.functional.mse_loss(x @ theta[:, :2].T + theta[:, 2], y)

    hessian = torch.autograd.functional.hessian(loss, torch.zeros(3 * outputs, dtype=torch.float64))
    expected = torch.linalg.eigvalsh(hessian).flip(0)[::outputs]  # each counts once per output
    assert torch.allclose(curvature(x, outputs).eigenvalues, expected, rtol=1e-12)


def test_a_single_samples_curvature_bounds_the_rate_for_every_batch():
    x = torch.tensor([[3.0], [4.0]])
    assert curvature(x).largest_sample_eigenvalue == pytest.approx(2 * (16 + 1))
    assert curvature(x).safe_sample_lr == pytest.approx(1 / 17)


def test_a_singular_curvature_has_no_finite_condition_number():
    c = curvature(torch.ones(4, 1))
    assert c.condition_number == math.inf
    assert c.rank == 1


def test_inputs_of_zero_stand_any_rate():
    assert curvature(torch.zeros(3, 1), bias=False).largest_stable_lr == math.inf


def by_hand(eigenvalues, rank, sample=5.0):
    return Curvature(torch.tensor(eigenvalues, dtype=torch.float64), rank, sample)


def test_the_rates_of_a_curvature_are_those_that_are_worked_out_by_hand():
    c = by_hand([4.0, 2.0, 1.0], 3)
    assert (c.condition_number, c.largest_stable_lr, c.best_lr, c.safe_sample_lr) == (4.0, 0.5, 0.4, 0.4)
    # |1 − 4η| and |1 − η|: the first is the larger one above 2/5, the second below.
    assert [round(c.contraction(lr), 12) for lr in (0.1, 0.4, 0.45, 0.5, 0.75)] == [0.9, 0.6, 0.8, 1.0, 2.0]
    assert "3 eigenvalues, largest 4, rank 3, condition number 4" in repr(c)
    one_sample = curvature(torch.tensor([[3.0], [4.0]]), 2)
    assert one_sample.largest_sample_eigenvalue == 16 + 1  # 2(4² + 1) over 2 outputs
    assert curvature(torch.tensor([[3.0], [4.0]]), bias=False).largest_sample_eigenvalue == 2 * 16


def test_directions_without_curvature_count_in_no_rate():
    c = by_hand([4.0, 1.0, 0.0], 2)
    assert (c.condition_number, c.best_lr) == (math.inf, 0.4)
    assert c.contraction(0.4) == pytest.approx(0.6)
    flat = by_hand([0.0, 0.0], 0, 0.0)
    assert (flat.largest_stable_lr, flat.best_lr, flat.safe_sample_lr) == (math.inf, math.inf, math.inf)
    assert flat.contraction(0.3) == 1.0


def test_steps_from_any_start_are_counted_whole_and_never_none():
    c = by_hand([4.0, 1.0], 2)
    assert c.most_steps_to(0.6**4, 0.4) in (2, 3)  # exactly two steps, but for rounding of a logarithm
    assert c.most_steps_to(0.6**5, 0.4) == 3  # half a step more
    assert c.most_steps_to(0.9, 0.4) == 1
    assert c.most_steps_to(1.0, 0.4) == 1  # one is the least that is told
    assert by_hand([4.0], 1).most_steps_to(1e-9, 0.25) == 1  # the first step arrives
    assert c.most_steps_to(0.5, 0.5) == math.inf  # |1 − ηλ| is 1: the gap stays
    assert c.most_steps_to(0.5, 0.6) == math.inf


def test_an_optimum_says_what_it_is():
    x = torch.tensor([[0.0, 1.0], [1.0, 3.0], [2.0, 2.0], [4.0, 1.0]])
    unique, many = least_squares(x, x), least_squares(x[:, :1].expand(4, 2), x)
    assert "Optimum 2 → 2:" in repr(unique)
    assert "rank 3, unique" in repr(unique)
    assert "rank 2, one of many" in repr(many)


def test_the_inverse_moments_are_those_of_numpy():
    x = torch.tensor([[0.0, 1.0], [1.0, 3.0], [2.0, 2.0], [4.0, 1.0], [5.0, -7.0]], dtype=torch.float64)
    design = np.concatenate([x.numpy(), np.ones((5, 1))], 1)
    np.testing.assert_allclose(least_squares(x, x).inverse_moments(), np.linalg.inv(design.T @ design), rtol=1e-12)


def test_the_gap_keeps_its_digits_where_the_loss_has_none_left():
    x, y, _, _ = nist("Norris")
    optimum = least_squares(x, y)
    # b moved by h costs h², and h² is far below rounding of the loss.
    h = 1e-6 * math.sqrt(optimum.loss)
    gap = optimum.gap_at(optimum.weight, optimum.bias + h).item()
    assert gap == pytest.approx(h**2, rel=1e-4)
    several = optimum.gap_at(optimum.weight.expand(3, 1, 1), optimum.bias + torch.tensor([[0.0], [1.0], [2.0]]))
    assert several.tolist() == pytest.approx([0.0, 1.0, 4.0], abs=1e-12)

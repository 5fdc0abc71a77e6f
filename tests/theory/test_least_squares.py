import math

import pytest
import torch
from certified import ANSCOMBE_AND_CARS, NIST, digits, exact_line, nist
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.problem.problem import line
from bpcompare.theory import least_squares as module
from bpcompare.theory import reduction
from bpcompare.theory.least_squares import curvature, least_squares

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

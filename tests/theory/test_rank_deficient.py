"""Tables whose columns say less than they seem to: constant, repeated, multiplied, dummy columns, too few rows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.comparison.linear import compare
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.theory import reduction
from bpcompare.theory.gradient_descent import modes
from bpcompare.theory.least_squares import curvature, least_squares

ROUNDING = 1e-9  # of the mean square of y: float64, columns a thousand times as far from 0 as they are wide
KINDS = ("constant", "zero", "repeated", "multiplied", "dummies", "sum", "few rows")


def design(seed, largest_offset=1e3):
    """A rank-deficient table x (N, in), y (N, out), and whether the model has a bias."""
    draw = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    inputs = int(draw.integers(1, 5))
    n = int(draw.integers(1, inputs + 1) if kind == "few rows" else draw.integers(6, 40))
    columns = [draw.normal(size=n) * 10.0 ** draw.integers(-2, 3) for _ in range(inputs)]
    columns = [c + np.abs(c).max() * draw.choice([0.0, 1.0, largest_offset]) for c in columns]
    groups = draw.integers(0, 3, size=n)
    columns += {
        "constant": [np.full(n, draw.normal())] * (1 + seed % 2),
        "zero": [np.zeros(n)],
        "repeated": [columns[0]],
        "multiplied": [draw.choice([2.0, 3.0, -0.1, 7.7]) * columns[-1]],
        "dummies": [(groups == g).astype(float) for g in range(3)] + [np.ones(n)],
        "sum": [np.sum(columns, axis=0), columns[0]],
        "few rows": [draw.normal(size=n) for _ in range(2)],
    }[kind]
    x = np.stack(columns, 1)
    return torch.tensor(x), torch.tensor(draw.normal(size=(n, int(draw.integers(1, 4))))), bool(draw.integers(2))


def gelsd(x, y, bias):
    """The loss and the rank by LAPACK's gelsd, on columns divided by their lengths."""
    matrix = np.concatenate([x.numpy(), np.ones((len(x), int(bias)))], 1)
    lengths = np.linalg.norm(matrix, axis=0)
    matrix = matrix / np.where(lengths > 0, lengths, 1)
    weight, _, rank, _ = np.linalg.lstsq(matrix, y.numpy(), rcond=None)
    return np.square(matrix @ weight - y.numpy()).mean(), rank


@pytest.mark.parametrize("block", [reduction.BLOCK, 4, 1])
def test_1000_drawn_designs_have_gelsds_loss_and_rank_and_the_loss_of_their_own_weights(monkeypatch, block):
    monkeypatch.setattr(reduction, "BLOCK", block)
    designs, short = 1000 if block > 4 else 150, 0
    for seed in range(designs):
        x, y, bias = design(seed)
        optimum = least_squares(x, y, bias=bias)
        loss, rank = gelsd(x, y, bias)
        own = torch.nn.functional.mse_loss(x @ optimum.weight.T + optimum.bias, y).item()
        size = y.square().mean().item()
        assert abs(optimum.loss - loss) <= ROUNDING * size, seed
        assert abs(optimum.loss - own) <= ROUNDING * size, seed
        short += not optimum.unique
        assert (optimum.rank, optimum.unique) == (rank, rank == x.shape[1] + bias), seed
        assert curvature(x, y.shape[1], bias=bias).rank == rank, seed
    assert short > 0.9 * designs  # without a bias a constant column says something


# x = 0…5, y = (1, 0, 3, 2, 5, 4): Sxx = 17.5, Sxy = 14.5, Syy = 17.5, so L* = (17.5 − 14.5²/17.5)/6 = 32/35.
@pytest.mark.parametrize("added", [[7.0] * 6, [0.0] * 6, [0, 2, 4, 6, 8, 10.0], [1, 0, -1, -2, -3, -4.0]])
def test_a_column_that_says_nothing_new_leaves_the_minimum_where_it_is(added):
    x = torch.stack([torch.arange(6.0), torch.tensor(added)], 1).double()
    y = torch.tensor([[1.0], [0], [3], [2], [5], [4]]).double()
    assert least_squares(x, y).loss == pytest.approx(32 / 35, rel=1e-14)
    assert modes(from_data(x, y)).minimum_loss.item() == pytest.approx(32 / 35, rel=1e-14)
    for standardize in (False, True):
        comparison = compare(from_data(x, y, standardize=standardize), ["manual"], lr=0.01, epochs=20)
        assert comparison.optimum.loss == pytest.approx(32 / 35, rel=1e-14)
        assert comparison.prediction_error("manual") < 1e-12


@given(st.integers(0, 10**6), st.integers(1, 3))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_other_weights_have_a_smaller_loss(seed, size):
    x, y, bias = design(seed)
    optimum = least_squares(x, y, bias=bias)
    draw = torch.Generator().manual_seed(seed)
    weight = optimum.weight + 10.0**-size * torch.randn(optimum.weight.shape, generator=draw, dtype=torch.float64)
    offset = optimum.bias + bias * torch.randn(optimum.bias.shape, generator=draw, dtype=torch.float64)
    measured = torch.nn.functional.mse_loss(x @ weight.T + offset, y).item()
    assert optimum.loss_at(weight, offset).item() == pytest.approx(measured, rel=1e-9)
    assert measured >= optimum.loss * (1 - 1e-12)


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_predicted_losses_and_paths_are_those_of_training(seed, standardize):
    x, y, bias = design(seed, largest_offset=3.0)
    problem = from_data(x, y, bias=bias, standardize=standardize)
    lr = 0.9 * curvature(problem.x, problem.out_features, bias=bias).largest_stable_lr
    comparison = compare(problem, ["manual", "autograd"], lr=lr, epochs=10)
    size = comparison.results["manual"].losses[0]
    for name, result in comparison.results.items():
        assert (result.losses - comparison.predicted(name)).abs().max() <= 1e-12 * size
        weights, biases = comparison.predicted_path(name)
        reach = max(1.0, result.weights.abs().max().item(), result.biases.abs().max().item())
        assert (weights - result.weights).abs().max() <= 1e-9 * reach
        assert (biases - result.biases).abs().max() <= 1e-9 * reach
        assert comparison.optimum.loss <= result.loss + 1e-12 * size


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_minimum_of_the_modes_is_the_loss_of_the_optimum(seed):
    x, y, bias = design(seed)
    optimum, theory = least_squares(x, y, bias=bias), modes(from_data(x, y, bias=bias))
    size = y.square().mean().item()
    assert theory.minimum_loss.mean().item() == pytest.approx(optimum.loss, rel=1e-9, abs=1e-18 * size)
    model = from_data(x, y, bias=bias).start
    start = torch.nn.functional.mse_loss(model(x), y).item()
    assert theory.losses(0.1, torch.tensor([0])).item() == pytest.approx(start, rel=1e-9)
    assert len(theory.eigenvalues) == optimum.rank


@given(st.integers(0, 10**6), st.sampled_from([1e-6, 0.125, 3.0, 1e7]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_scaling_x_scales_the_weight_by_its_inverse(seed, factor):
    problem = line(weight=[[2.0, -1.0, 3.0]], samples=20, seed=seed, dtype=torch.float64)
    optimum = least_squares(problem.x, problem.y)
    scaled = least_squares(factor * problem.x, problem.y)
    assert torch.allclose(scaled.weight * factor, optimum.weight, rtol=1e-10, atol=1e-12)
    assert scaled.loss == pytest.approx(optimum.loss, rel=1e-12)
    assert curvature(factor * problem.x, bias=False).largest_stable_lr * factor**2 == pytest.approx(
        curvature(problem.x, bias=False).largest_stable_lr, rel=1e-12
    )


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_order_of_the_rows_changes_nothing_but_rounding(seed):
    x, y, bias = design(seed)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    one, other = (least_squares(a, b, bias=bias) for a, b in ((x, y), (x[order], y[order])))
    assert one.rank == other.rank
    assert other.loss == pytest.approx(one.loss, rel=1e-9, abs=1e-18)
    both = [modes(from_data(a, b, bias=bias)).losses(1e-3, torch.arange(5)) for a, b in ((x, y), (x[order], y[order]))]
    assert torch.allclose(*both, rtol=1e-9)


def test_columns_far_from_zero_that_repeat_each_other_are_seen_through_their_rounding():
    draw = torch.Generator().manual_seed(0)
    wide = 1e8 + torch.randn(50, 1, generator=draw, dtype=torch.float64)
    y = wide - 1e8 + torch.randn(50, 1, generator=draw, dtype=torch.float64)
    alone, threefold = least_squares(wide, y), least_squares(torch.cat([wide, 3 * wide], 1), y)  # 3x rounds
    assert (alone.rank, threefold.rank) == (2, 2)
    assert threefold.loss == pytest.approx(alone.loss, rel=1e-7)


@pytest.mark.parametrize("size", [1e-200, 1e-5, 1.0, 1e12, 1e150])
def test_very_large_and_very_small_columns_are_columns_all_the_same(size):
    problem = line(dtype=torch.float64)
    optimum = least_squares(torch.cat([size * problem.x, problem.x], 1)[:, :1], problem.y)
    assert optimum.rank == 2
    assert optimum.weight.item() * size == pytest.approx(least_squares(problem.x, problem.y).weight.item(), rel=1e-12)


def test_columns_of_very_different_size_are_of_full_rank():
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(30, 2, generator=draw, dtype=torch.float64) * torch.tensor([1e12, 1e-12])
    y = torch.randn(30, 1, generator=draw, dtype=torch.float64)
    assert least_squares(x, y).unique
    assert curvature(x).rank == 3
    assert modes(from_data(x, y)).minimum_loss.item() == pytest.approx(least_squares(x, y).loss, rel=1e-12)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-7), (torch.float32, 1e-2)])  # √ε
def test_the_prediction_of_an_exact_fit_is_not_blamed_for_rounding(dtype, bound):
    x = torch.tensor([[1.0, 2.0, 1.0, 0.0]], dtype=dtype)
    comparison = compare(from_data(x, torch.tensor([[3.0]], dtype=dtype)), ["manual"], lr=0.1, epochs=60)
    assert comparison.results["manual"].status == "converged"
    assert comparison.prediction_error("manual") < bound

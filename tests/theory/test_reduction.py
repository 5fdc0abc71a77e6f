"""The coordinates in which theory calculates, against what they are said to be and against NumPy."""

import numpy as np
import pytest
import torch

from bpcompare.theory import reduction
from bpcompare.theory.reduction import Coordinates, reduce


def table(seed=0, n=12, inputs=3, outputs=2):
    """Columns far from 0 and of very different size."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, inputs)) * [1.0, 1e-3, 1e4][:inputs] + [2.0, 1.0, -3e4][:inputs]
    return torch.tensor(x), torch.tensor(draw.normal(size=(n, outputs)) + 7)


@pytest.mark.parametrize("block", [reduction.BLOCK, 5])
@pytest.mark.parametrize("bias", [True, False])
def test_the_columns_have_length_one_and_next_to_a_bias_mean_zero(bias, block, monkeypatch):
    monkeypatch.setattr(reduction, "BLOCK", block)
    x, y = table()
    design = Coordinates.of(x, y, has_bias=bias).design(x)
    assert design.shape == (12, 3 + bias)
    assert torch.allclose(torch.linalg.vector_norm(design, dim=0), torch.ones(3 + bias).double(), rtol=1e-12)
    if bias:
        assert torch.allclose(design[:, :3].sum(0), torch.zeros(3).double(), atol=1e-9)
        assert torch.equal(design[:, 3], torch.full((12,), 1 / 12**0.5, dtype=torch.float64))


@pytest.mark.parametrize("bias", [True, False])
def test_the_design_matrix_is_the_columns_times_the_map_and_coefficients_are_parameters(bias):
    x, y = table()
    coordinates = Coordinates.of(x, y, has_bias=bias)
    ones = torch.ones(12, int(bias)).double()
    assert torch.allclose(coordinates.design(x) @ coordinates.map, torch.cat([x, ones], 1), rtol=1e-12)
    draw = torch.Generator().manual_seed(1)
    weight, offset = torch.randn(2, 3, generator=draw).double(), bias * torch.randn(2, generator=draw).double()
    coefficients = coordinates.coefficients(weight, offset)
    predicted = x @ weight.T + offset - bias * y.mean(0)
    assert torch.allclose(coordinates.design(x) @ coefficients, predicted, rtol=1e-10, atol=1e-10)
    again, offset_again = coordinates.parameters(coefficients)
    assert torch.allclose(again, weight, rtol=1e-10)
    assert torch.allclose(offset_again, offset, rtol=1e-9, atol=1e-9 * 3e4)
    several = coordinates.coefficients(weight.expand(5, 2, 3), offset.expand(5, 2))
    assert torch.equal(several[3], coefficients)


@pytest.mark.parametrize(
    ("bias", "columns", "infinite"),
    [
        (True, [[5.0, 5.0, 5.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], [True, True, False]),
        (False, [[5.0, 5.0, 5.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], [False, True, False]),
    ],
)
def test_a_column_that_says_nothing_has_no_weight(bias, columns, infinite):
    x = torch.tensor(columns, dtype=torch.float64).T
    coordinates = Coordinates.of(x, x, has_bias=bias)
    assert coordinates.x_length.isinf().tolist() == infinite
    lengths = [np.linalg.norm(np.array(column) - bias * np.mean(column)) for column in columns]
    told = torch.tensor([length for length, none in zip(lengths, infinite, strict=True) if not none])
    assert torch.allclose(coordinates.x_length[~torch.tensor(infinite)], told, rtol=1e-12)
    weight, _ = coordinates.parameters(torch.ones(3 + bias, 3).double())
    assert (weight == 0).any(0).tolist() == infinite
    back = coordinates.coefficients(torch.ones(3, 3).double(), torch.zeros(3).double())
    assert (back[:3] == 0).all(1).tolist() == infinite


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_rounding_of_the_data_grows_with_the_distance_from_zero_over_the_width(dtype):
    # x = 10 ± 1, four times: the centred column is 2 long, the column itself √404; y and a second one do not count.
    x = torch.tensor([[9.0], [11.0], [9.0], [11.0]], dtype=dtype)
    expected = torch.finfo(dtype).eps * (404**0.5 / 2)
    assert Coordinates.of(x, x, has_bias=True).rounding == pytest.approx(expected, rel=1e-6)
    twice = Coordinates.of(torch.cat([x, x], 1), x, has_bias=True).rounding
    assert twice == pytest.approx(2**0.5 * expected, rel=1e-6)
    assert Coordinates.of(x, x, has_bias=False).rounding == pytest.approx(torch.finfo(dtype).eps)
    far = torch.tensor([[1e6 - 1], [1e6 + 1]], dtype=torch.float32)
    assert Coordinates.of(far, far, has_bias=True).rounding == 1e-3  # more is never called equal


@pytest.mark.parametrize("block", [reduction.BLOCK, 5, 1])
@pytest.mark.parametrize("bias", [True, False])
def test_the_reduction_is_numpys_decomposition_of_the_columns(bias, block, monkeypatch):
    monkeypatch.setattr(reduction, "BLOCK", block)
    x, y = table(n=11)
    coordinates = Coordinates.of(x, y, has_bias=bias)
    start = torch.full((3 + bias, 2), 0.5, dtype=torch.float64)
    found = reduce(coordinates, x, y, start)
    columns = coordinates.design(x).numpy()
    residual = y.numpy() - bias * y.numpy().mean(0) - columns @ start.numpy()
    _, sigma, _ = np.linalg.svd(columns, full_matrices=False)
    np.testing.assert_allclose(found.singular_values, sigma, rtol=1e-10)
    np.testing.assert_allclose(found.triangle.T @ found.triangle, columns.T @ columns, atol=1e-12)
    solved, least, _, _ = np.linalg.lstsq(columns, residual)
    np.testing.assert_allclose(found.correction, solved, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.outside, least, rtol=1e-9)
    np.testing.assert_allclose(found.inside.square().sum(0) + found.outside, np.square(residual).sum(0), rtol=1e-10)
    assert found.rank == 3 + bias
    design = np.concatenate([x.numpy(), np.ones((11, int(bias)))], 1)
    np.testing.assert_allclose(found.spectrum[1], np.linalg.svd(design, compute_uv=False), rtol=1e-9)


def test_a_direction_counts_only_where_it_is_longer_than_rounding_can_make_it():
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0]], dtype=torch.float64)
    y = x[:, :1]
    for tiny, rank in ((1e-9, 2), (1e-13, 2), (1e-15, 1)):
        nearly = torch.stack([x[:, 0], x[:, 0] + tiny * x[:, 1]], 1)
        coordinates = Coordinates.of(nearly, y, has_bias=False)
        assert reduce(coordinates, nearly, y, torch.zeros(2, 1).double()).rank == rank
    single = x.float()
    nearly = torch.stack([single[:, 0], single[:, 0] * (1 + 2e-7)], 1)  # one bit of float32 apart
    coordinates = Coordinates.of(nearly, nearly, has_bias=False)
    assert reduce(coordinates, nearly, nearly, torch.zeros(2, 2).double()).rank == 1

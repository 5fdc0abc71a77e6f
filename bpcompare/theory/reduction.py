"""A table reduced to a small triangle: the one QR decomposition and the one rank test that all theory shares.

The design matrix is A = [x, 1]. Its columns are centred and scaled to length 1, the coordinates in which rounding is
smallest; AᵀA, which would square the condition number, is never formed. All is float64, one block of rows after
another, so that ten million rows need no more memory than a few thousand.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 65_536  # rows at a time
LARGEST_ROUNDING = 1e-3  # of a column's length; two columns that differ by more are never called equal


@dataclass(frozen=True)
class Coordinates:
    """Centred columns of length 1 and, for the bias, a constant one: A = S·T with well-conditioned columns in S.

    Attributes:
        rows: The number of samples N.
        has_bias: Whether the model has a bias; only then are columns centred.
        x_mean: (in,); zero without a bias.
        x_length: The length of each centred column, (in,); infinite for a column that says nothing: one of zeros or,
            next to a bias, a constant one.
        y_mean: (out,); zero without a bias.
        rounding: What rounding of the data alone may change in the columns of S.
    """

    rows: int
    has_bias: bool
    x_mean: Tensor
    x_length: Tensor
    y_mean: Tensor
    rounding: float

    @classmethod
    def of(cls, x: Tensor, y: Tensor, *, has_bias: bool) -> "Coordinates":
        """The coordinates for inputs (N, in) and targets (N, out)."""

        def mean(columns: Tensor) -> Tensor:
            total = sum((block.sum(0) for block in _blocks(columns)), columns.new_zeros(columns.shape[1]).double())
            return total / len(columns) if has_bias else torch.zeros_like(total)

        x_mean, lowest, highest = mean(x), x.amin(0).double(), x.amax(0).double()
        reach = torch.maximum(highest - x_mean, x_mean - lowest)
        says_something = (highest > lowest) & (reach > 0) if has_bias else reach > 0
        unit = torch.where(says_something, reach, 1.0)  # squares of very large and very small numbers would be lost
        squares = sum((((block - x_mean) / unit).square().sum(0) for block in _blocks(x)), torch.zeros_like(unit))
        length = torch.where(says_something, unit * squares.sqrt(), math.inf)
        shrinkage = (1 + len(x) * (x_mean / length).square()).sqrt()  # the length before centring, over that after it
        rounding = torch.finfo(x.dtype).eps * torch.linalg.vector_norm(shrinkage).item()
        return cls(len(x), has_bias, x_mean, length, mean(y), min(rounding, LARGEST_ROUNDING))

    def design(self, x: Tensor) -> Tensor:
        """S of some rows of x."""
        columns = (x - self.x_mean) / self.x_length
        if not self.has_bias:
            return columns
        return torch.cat([columns, columns.new_full((len(x), 1), 1 / math.sqrt(self.rows))], 1)

    @property
    def map(self) -> Tensor:
        """T, (in + bias, in + bias): parameters to coefficients, A = S·T."""
        length = torch.where(self.x_length.isfinite(), self.x_length, 0.0)
        if not self.has_bias:
            return length.diag()
        root = math.sqrt(self.rows)
        above = torch.cat([length.diag(), length.new_zeros(len(length), 1)], 1)
        return torch.cat([above, torch.cat([root * self.x_mean, length.new_full((1,), root)])[None]])

    def coefficients(self, weight: Tensor, bias: Tensor) -> Tensor:
        """Weight (…, out, in) and bias (…, out) as coefficients (…, in + bias, out) of y − ȳ."""
        scaled = weight * torch.where(self.x_length.isfinite(), self.x_length, 0.0)
        if not self.has_bias:
            return scaled.mT
        shift = (bias + weight @ self.x_mean - self.y_mean) * math.sqrt(self.rows)
        return torch.cat([scaled, shift[..., None]], -1).mT

    def parameters(self, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """The coefficients in the user's columns: a weight (out, in) and a bias (out,)."""
        in_features = len(self.x_mean)
        weight = coefficients[:in_features].T / self.x_length
        shift = coefficients[in_features] / math.sqrt(self.rows) if self.has_bias else torch.zeros_like(self.y_mean)
        return weight, self.y_mean + shift - weight @ self.x_mean


@dataclass(frozen=True)
class Reduction:
    """S = Q·R, R = U·Σ·Vᵀ with the singular values that are not zero to rounding; and the residual r seen from it.

    Attributes:
        coordinates: Those of the columns of S.
        triangle: R, (in + bias, in + bias).
        singular_values: Σ, (rank,), largest first.
        right: V, (in + bias, rank).
        inside: (QU)ᵀr, (rank, out): the part of the residual that other coefficients can remove.
        outside: What is left of ‖r‖² then, for each output, (out,).
    """

    coordinates: Coordinates
    triangle: Tensor
    singular_values: Tensor
    right: Tensor
    inside: Tensor
    outside: Tensor

    @property
    def rank(self) -> int:
        """The numerical rank of the inputs, the column of ones of the bias counted in."""
        return len(self.singular_values)

    @property
    def correction(self) -> Tensor:
        """VΣ⁻¹(QU)ᵀr, the smallest change of the coefficients that leaves only the part outside."""
        return self.right @ (self.inside / self.singular_values[:, None])

    @property
    def spectrum(self) -> tuple[Tensor, Tensor, Tensor]:
        """The singular value decomposition of A itself but for (QU)ᵀ, ΣVᵀT = L·Σ′·Wᵀ: L, Σ′ (rank,) and Wᵀ."""
        left, sigma, right = torch.linalg.svd(
            self.singular_values[:, None] * self.right.T @ self.coordinates.map, full_matrices=False
        )
        return left, sigma, right


def reduce(coordinates: Coordinates, x: Tensor, y: Tensor, coefficients: Tensor) -> Reduction:
    """The QR decomposition of [S, r], r = y − ȳ − S·c, and the singular values of R that are not zero to rounding.

    A singular value counts as zero where rounding alone could have made it: σ ≤ ε·max(N, P)·σ₁, or not above what the
    rounding of the data changes in the columns. What r has in such a direction no coefficients can remove: with the
    part of r below the triangle, it is the residual of the best fit.

    Args:
        coordinates: Those of x and y.
        x: Inputs (N, in).
        y: Targets (N, out).
        coefficients: c, (in + bias, out).

    Source: Golub and Van Loan (2013), Matrix Computations, §5.5 (rank-deficient least squares by the SVD).
    """
    size = len(coefficients)
    rows = y.new_zeros(0, size + y.shape[1]).double()
    for block, targets in zip(_blocks(x), _blocks(y), strict=True):
        design = coordinates.design(block)
        residual = targets - coordinates.y_mean - design @ coefficients
        rows = torch.linalg.qr(torch.cat([rows, torch.cat([design, residual], 1)]), mode="r").R
    if len(rows) < size:  # fewer rows than parameters
        rows = torch.cat([rows, rows.new_zeros(size - len(rows), rows.shape[1])])
    triangle, projected, below = rows[:size, :size], rows[:size, size:], rows[size:, size:]
    left, sigma, right = torch.linalg.svd(triangle)
    arithmetic = max(coordinates.rows, size) * torch.finfo(torch.float64).eps * sigma[0].item()
    kept = sigma > max(arithmetic, coordinates.rounding)
    turned = left.T @ projected
    outside = turned[~kept].square().sum(0) + below.square().sum(0)
    return Reduction(coordinates, triangle, sigma[kept], right[kept].T, turned[kept], outside)


def _blocks(rows: Tensor) -> Iterator[Tensor]:
    return (rows[start : start + BLOCK].double() for start in range(0, len(rows), BLOCK))

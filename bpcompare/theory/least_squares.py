"""What can be known without training: the optimum, the curvature, the largest learning rate that works.

Everything is computed in float64 whatever the precision of training, and block by block, so that ten million rows
need no more memory than a few thousand.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 65_536  # rows at a time


@dataclass(frozen=True)
class Optimum:
    """The least-squares optimum of L(W, b) = ‖x Wᵀ + b − y‖² / (N·out).

    Attributes:
        weight: (out, in) float64.
        bias: (out,) float64; zero for a model without one.
        loss: L at the optimum, the floor under every loss curve.
        rank: The numerical rank of the inputs, the column of ones of the bias counted in.
        unique: Whether there is only this one; False where the rank is short of the number of parameters per output,
            and then weight and bias are one optimum of many.
    """

    weight: Tensor
    bias: Tensor
    loss: float
    rank: int
    unique: bool
    _basis: "_Basis"
    _triangle: Tensor  # R of the QR decomposition of the design
    _coefficients: Tensor

    def loss_at(self, weight: Tensor, bias: Tensor) -> Tensor:
        """L(W, b) = L* + ‖R (c − c*)‖² / (N·out) for weight (…, out, in) and bias (…, out), without touching the data.

        Being a sum of squares over the floor, it keeps its digits even where L is within rounding of L*.
        """
        gap = self._basis.coefficients(weight.double(), bias.double()) - self._coefficients
        mean_root = math.sqrt(self._basis.rows * self.weight.shape[0])
        return self.loss + (self._triangle @ gap / mean_root).square().sum((-2, -1))


@dataclass(frozen=True)
class _Basis:
    """Centred columns of length 1, and a constant one for the bias: the coordinates in which rounding is smallest."""

    rows: int
    has_bias: bool
    x_mean: Tensor
    x_length: Tensor
    y_mean: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, has_bias: bool) -> "_Basis":
        def mean(columns: Tensor) -> Tensor:
            return columns.mean(0) if has_bias else torch.zeros_like(columns[0])

        x_mean = mean(x)
        squares = sum((rows - x_mean).square().sum(0) for rows in _blocks(x))
        varies = x.amax(0) > x.amin(0) if has_bias else torch.ones_like(x_mean, dtype=torch.bool)
        length = torch.as_tensor(squares).sqrt()
        return cls(len(x), has_bias, x_mean, torch.where(varies & (length > 0), length, math.inf), mean(y))

    def design(self, x: Tensor) -> Tensor:
        columns = (x - self.x_mean) / self.x_length  # a constant column becomes zero: the bias already says it
        if not self.has_bias:
            return columns
        return torch.cat([columns, columns.new_full((len(x), 1), 1 / math.sqrt(self.rows))], 1)

    def coefficients(self, weight: Tensor, bias: Tensor) -> Tensor:
        scaled = weight * torch.where(self.x_length.isfinite(), self.x_length, 0.0)
        if not self.has_bias:
            return scaled.mT
        shift = (bias + weight @ self.x_mean - self.y_mean) * math.sqrt(self.rows)
        return torch.cat([scaled, shift[..., None]], -1).mT

    def parameters(self, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        in_features = len(self.x_mean)
        weight = coefficients[:in_features].T / self.x_length
        shift = coefficients[in_features] / math.sqrt(self.rows) if self.has_bias else torch.zeros_like(self.y_mean)
        return weight, self.y_mean + shift - weight @ self.x_mean


def least_squares(x: Tensor, y: Tensor, *, bias: bool = True) -> Optimum:
    """The optimum that gradient descent heads for, in closed form: c* = A⁺y.

    A is reduced to a triangle by QR over blocks of rows, the triangle is inverted by its SVD where its singular
    values are not zero to rounding (σ > σ₁·max(N, P)·ε), and the solution is refined twice on its own residual.

    Args:
        x: Inputs (N, in).
        y: Targets (N, out).
        bias: Whether the model has one.

    Example:
        >>> optimum = least_squares(torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [3.0], [5.0]]))
        >>> round(optimum.weight.item(), 12), round(optimum.bias.item(), 12), optimum.unique
        (2.0, 1.0, True)

    Source: Golub and Van Loan (2013), Matrix Computations, §5.5 (rank-deficient least squares by the SVD); the
    refinement is that of Björck (1996), §2.9.3, with the residual in working precision.
    """
    x, y = x.double(), y.double()
    basis = _Basis.of(x, y, bias)
    coefficients = y.new_zeros(x.shape[1] + bias, y.shape[1])
    for _ in range(3):
        triangle, projected, residual_squares = _reduce(basis, x, y, coefficients)
        left, sigma, right = torch.linalg.svd(triangle)
        kept = sigma > sigma[0] * max(x.shape[0], len(sigma)) * torch.finfo(torch.float64).eps
        inverse = torch.where(kept, 1 / sigma, 0.0)
        coefficients = coefficients + right.T @ (inverse[:, None] * (left.T @ projected))
    weight, offset = basis.parameters(coefficients)
    loss = residual_squares / (len(x) * y.shape[1])
    rank = int(kept.sum())
    return Optimum(weight, offset, loss, rank, rank == len(sigma), basis, triangle, coefficients)


def _reduce(basis: _Basis, x: Tensor, y: Tensor, coefficients: Tensor) -> tuple[Tensor, Tensor, float]:
    """R and Qᵀr of the design and the residual r = y − Ac, and the part of ‖r‖² that no coefficients can remove."""
    size = coefficients.shape[0]
    triangle = y.new_zeros(0, size + y.shape[1])
    for rows, targets in zip(_blocks(x), _blocks(y), strict=True):
        design = basis.design(rows)
        residual = targets - basis.y_mean - design @ coefficients
        triangle = torch.linalg.qr(torch.cat([triangle, torch.cat([design, residual], 1)]), mode="r").R
    if len(triangle) < size:  # fewer rows than parameters
        triangle = torch.cat([triangle, triangle.new_zeros(size - len(triangle), triangle.shape[1])])
    return triangle[:size, :size], triangle[:size, size:], triangle[size:, size:].square().sum().item()


def _blocks(rows: Tensor) -> Iterator[Tensor]:
    return (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))


@dataclass(frozen=True)
class Curvature:
    """The curvature of the mean squared error of a linear model, the same everywhere.

    Attributes:
        eigenvalues: Of H = (2/(N·out)) AᵀA with A = [x, 1], largest first, (in + bias,); each counts `out` times.
        rank: How many of them are not zero to rounding.
        largest_sample_eigenvalue: The largest λ of the loss of a single sample, 2‖aᵢ‖²/out.
    """

    eigenvalues: Tensor
    rank: int
    largest_sample_eigenvalue: float

    @property
    def condition_number(self) -> float:
        """λmax/λmin; infinite where the rank is short."""
        if self.rank < len(self.eigenvalues):
            return math.inf
        return (self.eigenvalues[0] / self.eigenvalues[-1]).item()

    @property
    def largest_stable_lr(self) -> float:
        """2/λmax: above it gradient descent on all samples diverges, below it it converges."""
        return _two_over(self.eigenvalues[0].item())

    @property
    def best_lr(self) -> float:
        """2/(λmin + λmax), λmin above zero: the rate at which the slowest direction shrinks fastest."""
        return _two_over(self.eigenvalues[0].item() + self._smallest)

    @property
    def _smallest(self) -> float:
        return self.eigenvalues[max(self.rank, 1) - 1].item()

    def contraction(self, lr: float) -> float:
        """maxᵢ |1 − ηλᵢ| over λᵢ > 0, what is left of the distance to the optimum after a step in the worst direction.

        At the best rate it is (κ − 1)/(κ + 1) with κ = λmax/λmin.

        Source: Nesterov (2004), Introductory Lectures on Convex Optimization, theorem 1.2.4 and its proof.
        """
        return max(abs(1 - lr * self.eigenvalues[0].item()), abs(1 - lr * self._smallest))

    def most_steps_to(self, fraction: float, lr: float) -> float:
        """ln(fraction)/(2 ln maxᵢ|1 − ηλᵢ|), rounded up: steps that bring the loss gap to ``fraction`` from any start.

        Example:
            >>> c = curvature(torch.tensor([[1.0], [2.0], [3.0]]), bias=False)
            >>> c.most_steps_to(0.01, lr=0.1 * c.best_lr), c.most_steps_to(0.01, lr=2 * c.largest_stable_lr)
            (22, inf)
        """
        left = self.contraction(lr)
        if left >= 1:
            return math.inf
        return max(1, math.ceil(math.log(fraction) / (2 * math.log(left)))) if left > 0 else 1

    @property
    def safe_sample_lr(self) -> float:
        """2/maxᵢ λᵢ: a rate at which no single sample, and so no batch, can make its own loss grow."""
        return _two_over(self.largest_sample_eigenvalue)


def _two_over(eigenvalue: float) -> float:
    return 2 / eigenvalue if eigenvalue > 0 else math.inf


def curvature(x: Tensor, out_features: int = 1, *, bias: bool = True) -> Curvature:
    """The curvature that decides which learning rates work, from the inputs alone: H = (2/(N·out)) AᵀA.

    The eigenvalues are squared singular values of A, so that small ones keep their digits.

    Args:
        x: Inputs (N, in), as the ways train on them.
        out_features: The number of outputs, over which the loss is averaged too.
        bias: Whether the model has one.

    Example:
        >>> c = curvature(torch.tensor([[1.0], [2.0], [3.0]]), bias=False)
        >>> round(c.eigenvalues.item(), 12), round(c.largest_stable_lr, 12)
        (9.333333333333, 0.214285714286)
    """
    triangle = torch.zeros(0, x.shape[1] + bias, dtype=torch.float64)
    longest = 0.0
    for rows in _blocks(x):
        design = rows.double()
        if bias:
            design = torch.cat([design, design.new_ones(len(design), 1)], 1)
        longest = max(longest, design.square().sum(1).max().item())
        triangle = torch.linalg.qr(torch.cat([triangle, design]), mode="r").R
    sigma = torch.linalg.svdvals(triangle)
    sigma = torch.cat([sigma, sigma.new_zeros(x.shape[1] + bias - len(sigma))])
    rank = int((sigma > sigma[0] * max(x.shape[0], len(sigma)) * torch.finfo(torch.float64).eps).sum())
    return Curvature(sigma.square() * (2 / (x.shape[0] * out_features)), rank, 2 * longest / out_features)

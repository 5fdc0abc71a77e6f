"""What can be known without training: the optimum, the curvature, the largest learning rate that works.

Everything is computed in float64 whatever the precision of training.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.theory.reduction import BLOCK, Coordinates, reduce


@dataclass(frozen=True, eq=False, repr=False)
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
    _coordinates: Coordinates
    _triangle: Tensor  # R of the QR decomposition of the design
    _coefficients: Tensor

    def __repr__(self) -> str:
        outputs, inputs = self.weight.shape
        kind = "unique" if self.unique else "one of many"
        return f"<Optimum {inputs} → {outputs}: loss {self.loss:.6g}, rank {self.rank}, {kind}>"

    def loss_at(self, weight: Tensor, bias: Tensor) -> Tensor:
        """L(W, b) = L* + ‖R (c − c*)‖² / (N·out) for weight (…, out, in) and bias (…, out), without touching the data.

        Being a sum of squares over the minimum, it keeps its digits even where L is within rounding of L*.
        """
        return self.loss + self.gap_at(weight, bias)

    def gap_at(self, weight: Tensor, bias: Tensor) -> Tensor:
        """L(W, b) − L* for weight (…, out, in) and bias (…, out), with all its digits."""
        away = self._coordinates.coefficients(weight.double(), bias.double()) - self._coefficients
        mean_root = math.sqrt(self._coordinates.rows * self.weight.shape[0])
        return (self._triangle @ away / mean_root).square().sum((-2, -1))

    def inverse_moments(self) -> Tensor:
        """(AᵀA)⁻¹ with A = [x, 1], (in + bias, in + bias); of a unique optimum only.

        Example:
            >>> x = torch.tensor([[1.0], [2.0], [3.0]])
            >>> round(1 / least_squares(x, x, bias=False).inverse_moments().item(), 9)
            14.0
        """
        root = (self._triangle @ self._coordinates.map).inverse()
        return root @ root.T


def least_squares(x: Tensor, y: Tensor, *, bias: bool = True) -> Optimum:
    """The optimum that gradient descent heads for, in closed form: c* = A⁺y.

    The solution by `reduction.reduce` is refined twice on its own residual.

    Args:
        x: Inputs (N, in).
        y: Targets (N, out).
        bias: Whether the model has one.

    Returns:
        The optimum. Of many it is the one whose coefficients on the centred and scaled columns are smallest.

    Example:
        >>> optimum = least_squares(torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [3.0], [5.0]]))
        >>> round(optimum.weight.item(), 12), round(optimum.bias.item(), 12), optimum.unique
        (2.0, 1.0, True)

    Source: Golub and Van Loan (2013), Matrix Computations, §5.5 (rank-deficient least squares by the SVD); the
    refinement is that of Björck (1996), §2.9.3, with the residual in working precision.
    """
    coordinates = Coordinates.of(x, y, has_bias=bias)
    coefficients = torch.zeros(x.shape[1] + bias, y.shape[1], dtype=torch.float64)
    for _ in range(3):
        reduction = reduce(coordinates, x, y, coefficients)
        coefficients = coefficients + reduction.correction
    parameters = coordinates.parameters(coefficients)
    loss = reduction.outside.sum().item() / y.numel()
    unique = reduction.rank == len(coefficients)
    return Optimum(*parameters, loss, reduction.rank, unique, coordinates, reduction.triangle, coefficients)


@dataclass(frozen=True, eq=False, repr=False)
class Curvature:
    """The curvature of the mean squared error of a linear model, the same everywhere.

    Attributes:
        eigenvalues: Of H = (2/(N·out)) AᵀA with A = [x, 1], largest first, (in + bias,); each counts `out` times.
        rank: The number of them that are not zero to rounding.
        largest_sample_eigenvalue: The largest λ of the loss of a single sample, 2‖aᵢ‖²/out.
    """

    eigenvalues: Tensor
    rank: int
    largest_sample_eigenvalue: float

    def __repr__(self) -> str:
        largest = self.eigenvalues[0].item()
        return (
            f"<Curvature: {len(self.eigenvalues)} eigenvalues, largest {largest:.6g}, rank {self.rank}, "
            f"condition number {self.condition_number:.6g}>"
        )

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
        x: Inputs (N, in), as the methods train on them.
        out_features: The number of outputs, over which the loss is averaged too.
        bias: Whether the model has one.

    Example:
        >>> c = curvature(torch.tensor([[1.0], [2.0], [3.0]]), bias=False)
        >>> round(c.eigenvalues.item(), 12), round(c.largest_stable_lr, 12)
        (9.333333333333, 0.214285714286)
    """
    no_targets = x.new_zeros(len(x), 0)
    coordinates = Coordinates.of(x, no_targets, has_bias=bias)
    reduction = reduce(coordinates, x, no_targets, torch.zeros(x.shape[1] + bias, 0, dtype=torch.float64))
    _, sigma, _ = reduction.spectrum
    zeros = sigma.new_zeros(x.shape[1] + bias - len(sigma))
    longest = max(block.double().square().sum(1).max().item() for block in x.split(BLOCK)) + bias
    eigenvalues = torch.cat([sigma, zeros]).square() * (2 / (x.shape[0] * out_features))
    return Curvature(eigenvalues, reduction.rank, 2 * longest / out_features)

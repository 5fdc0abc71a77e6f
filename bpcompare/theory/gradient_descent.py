"""Gradient descent without training: every loss and every parameter of every epoch, from the eigenvectors of H.

Along an eigenvector of H = (2/(N·out)) AᵀA, A = [x, 1], the distance c to the optimum is multiplied by 1 − ηλ at each
step, whatever the other directions do. So the whole run is known before it begins:

    L(θₖ) = L* + ½ Σᵢ λᵢ cᵢ² (1 − ηλᵢ)²ᵏ,   θₖ = θ₀ − Σᵢ vᵢ cᵢ (1 − (1 − ηλᵢ)ᵏ)

The second form holds for rank-short inputs too: where λᵢ = 0 nothing moves.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.problem.problem import Problem
from bpcompare.theory.reduction import Coordinates, reduce

LONGEST = 2**60  # steps; beyond it the answer is "never"


@dataclass(frozen=True, eq=False, repr=False)
class Modes:
    """A problem as gradient descent sees it: independent directions, each shrinking by a factor of its own.

    Attributes:
        eigenvalues: λᵢ > 0 of H, largest first, (modes,) float64; each serves every output.
        eigenvectors: vᵢ as columns, (in + bias, modes): the weights of an output, then its bias. The largest entry of
            each is positive.
        start: θ₀, (in + bias, out).
        initial_offset: cᵢ of each output, (modes, out): how far the start is from the optimum along vᵢ.
        initial_excess: ½ λᵢ cᵢ²·out, (modes, out): what each of them adds to the mean squared error of its output.
        minimum_loss: The least mean squared error of each output, (out,).
        has_bias: Whether the last entry of an eigenvector is a bias.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor
    start: Tensor
    initial_offset: Tensor
    initial_excess: Tensor
    minimum_loss: Tensor
    has_bias: bool

    def __repr__(self) -> str:
        ends = (
            ", ".join(f"{value:.6g}" for value in self.eigenvalues[[0, -1]].tolist()) if len(self.eigenvalues) else ""
        )
        return f"<Modes: {len(self.eigenvalues)}, λ from largest to smallest: {ends}>"

    def factors(self, lr: float) -> Tensor:
        """1 − ηλᵢ, what is left of each distance after a step, (modes,)."""
        return 1 - lr * self.eigenvalues

    def loss_of_outputs(self, lr: float, epochs: Tensor) -> Tensor:
        """The mean squared error of every output before step k, for each k of ``epochs``: (K, out)."""
        left = self.factors(lr) ** (2 * epochs.double()[:, None])
        return self.minimum_loss + left @ self.initial_excess

    def losses(self, lr: float, epochs: Tensor) -> Tensor:
        """L(θₖ) = L* + ½ Σᵢ λᵢ cᵢ² (1 − ηλᵢ)²ᵏ for each k of ``epochs``, (K,) float64.

        Args:
            lr: η, above 0; it may be beyond the largest stable rate.
            epochs: Whole numbers k ≥ 0, (K,).

        Example:
            >>> from bpcompare.problem.line import line
            >>> round(modes(line()).losses(0.1, torch.tensor([50])).item(), 6)
            0.051131
        """
        return self.loss_of_outputs(lr, epochs).mean(1)

    def path(self, lr: float, epochs: Tensor) -> tuple[Tensor, Tensor]:
        """θₖ = θ₀ − Σᵢ vᵢ cᵢ (1 − (1 − ηλᵢ)ᵏ) for each k of ``epochs``: weights (K, out, in) and biases (K, out)."""
        gone = 1 - self.factors(lr) ** epochs.double()[:, None]
        parameters = self.start - self.eigenvectors @ (gone[:, :, None] * self.initial_offset)
        return self.split(parameters)

    @property
    def limit(self) -> tuple[Tensor, Tensor]:
        """The optimum that a stable run ends in, weight (out, in) and bias (out,): of all optima the nearest."""
        return self.split(self.start - self.eigenvectors @ self.initial_offset)

    def split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Parameters (…, in + bias, out) as a weight (…, out, in) and a bias (…, out), zero where there is none."""
        if not self.has_bias:
            return parameters.mT, torch.zeros_like(parameters[..., 0, :])
        return parameters[..., :-1, :].mT, parameters[..., -1, :]

    def steps_to(self, fraction: float, lr: float) -> int | None:
        """The first k with L(θₖ) − L* ≤ ``fraction``·(L(θ₀) − L*); None where that never comes.

        Example:
            >>> from bpcompare.problem.line import line
            >>> modes(line()).steps_to(0.01, lr=0.1)
            45
        """
        excess = self.initial_excess.sum(1)
        factors = self.factors(lr)[excess > 0].abs()  # a mode without excess may diverge: 0·∞ is no number
        excess = excess[excess > 0]

        def far(steps: int) -> bool:
            return float((excess * factors ** (2.0 * steps)).sum()) > fraction * float(excess.sum())

        if not far(0):
            return 0
        after = 1
        while far(after):
            after *= 2
            if after > LONGEST or not math.isfinite(float(factors.max() ** (2.0 * after))):
                return None
        before = after // 2
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if far(middle) else (before, middle)
        return after


def modes(problem: Problem) -> Modes:
    """The eigenvectors of H and how far the start is from the optimum along each, of the data as they are trained on.

    The singular value decomposition of A = [x, 1], gives all of it.

    Example:
        >>> from bpcompare.problem.line import line
        >>> [round(value, 3) for value in modes(line()).eigenvalues.tolist()]
        [2.536, 0.134]

    Source: Nesterov (2004), Introductory Lectures on Convex Optimization, §1.2.3, the quadratic case worked out.
    """
    weight = problem.start.weight.detach().double()
    bias = None if problem.start.bias is None else problem.start.bias.detach().double()
    start = weight.T if bias is None else torch.cat([weight.T, bias[None]])
    coordinates = Coordinates.of(problem.x, problem.y, has_bias=problem.has_bias)
    reduction = reduce(coordinates, problem.x, problem.y, torch.zeros_like(start))
    left, sigma, right = reduction.spectrum
    at_start = coordinates.coefficients(weight, weight.new_zeros(len(weight)) if bias is None else bias)
    to_optimum = left.T @ (reduction.inside - reduction.singular_values[:, None] * (reduction.right.T @ at_start))
    sign = _sign(right)
    return Modes(
        eigenvalues=sigma.square() * (2 / problem.y.numel()),
        eigenvectors=(right * sign).T,
        start=start,
        initial_offset=-to_optimum * sign / sigma[:, None],
        initial_excess=to_optimum.square() / problem.samples,
        minimum_loss=reduction.outside / problem.samples,
        has_bias=problem.has_bias,
    )


def _sign(rows: Tensor) -> Tensor:
    """±1 per row, so that its largest entry (of equal ones the first) becomes positive; an SVD leaves that open."""
    size = rows.abs()
    largest = (size >= size.amax(1, keepdim=True) * (1 - 1e-9)).int().argmax(1, keepdim=True)
    return torch.where(rows.gather(1, largest) < 0, -1.0, 1.0).double()

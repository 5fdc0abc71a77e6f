"""What the step does with the gradient.

An update rule is anything built as ``Rule(params, lr=…)`` whose ``step()`` reads every ``p.grad`` and moves ``p``:
the two below, and the classes of `torch.optim` as they stand.
"""

from collections.abc import Iterable

import torch
from torch import nn


class GradientDescent:
    """p ← p − lr·∂L/∂p, the same as `torch.optim.SGD` without options.

    Args:
        params: The parameters to move.
        lr: The learning rate, above zero.

    Example:
        >>> p = nn.Parameter(torch.tensor([1.0]))
        >>> p.grad = torch.tensor([0.5])
        >>> GradientDescent([p], lr=0.1).step()
        >>> round(p.item(), 6)
        0.95
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float) -> None:
        self.params = list(params)
        self.lr = lr

    def step(self) -> None:
        """Moves every parameter once."""
        for p in self.params:
            if p.grad is not None:
                p.data -= self.lr * p.grad  # .data: the step itself is not to be differentiated


class Adam:
    """Adam by hand, bit for bit what `torch.optim.Adam` does on a CPU.

        m ← m + (1 − β₁)(g − m),   v ← β₂v + (1 − β₂)g²
        p ← p − lr·m̂ / (√v̂ + ε)   with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)

    Args:
        params: The parameters to move.
        lr: The learning rate, about the length of the first steps.
        betas: β₁ and β₂, how much of the running means of g and of g² is kept at each step.
        eps: ε, outside the root.

    Example:
        >>> p = nn.Parameter(torch.tensor([1.0]))
        >>> p.grad = torch.tensor([1000.0])
        >>> Adam([p], lr=0.1).step()
        >>> round(p.item(), 6)
        0.9

    Source: Kingma and Ba (2015), Algorithm 1, in PyTorch's variant: the corrections 1 − βᵗ are divided out of the
    step and of √v rather than of m and v, which is the same number but for rounding.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.params = list(params)
        self.lr, self.betas, self.eps = lr, betas, eps
        self.steps = 0
        self.exp_avg = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        self.exp_avg_sq = [torch.zeros_like(p, requires_grad=False) for p in self.params]

    @torch.no_grad()
    def step(self) -> None:
        """Moves every parameter once."""
        self.steps += 1
        beta1, beta2 = self.betas
        step_size = self.lr / (1 - beta1**self.steps)
        root_correction = (1 - beta2**self.steps) ** 0.5
        for p, m, v in zip(self.params, self.exp_avg, self.exp_avg_sq, strict=True):
            if (g := p.grad) is not None:
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                p.addcdiv_(m, (v.sqrt() / root_correction).add_(self.eps), value=-step_size)


RULES: dict[str, type[GradientDescent] | type[Adam]] = {"GradientDescent": GradientDescent, "Adam": Adam}

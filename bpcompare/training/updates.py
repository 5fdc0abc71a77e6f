"""What the step does with the gradient.

An update rule is anything built as ``Rule(params, lr=…)`` that is an `UpdateRule`: those below, and the classes of
`torch.optim` as they stand.

Every rule below works number by number. So ``lr`` may also be a tensor (runs,) and the parameters (…, runs): then each
run moves at its own rate, and to the bit as it would alone (`sweep`).
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

import torch
from torch import Tensor


class UpdateRule(Protocol):
    """What training asks of an update rule."""

    def step(self) -> object:
        """Reads every ``p.grad`` and moves ``p`` once; a parameter without a gradient stays."""


RuleT = TypeVar("RuleT", bound=UpdateRule)


def decided(rule: RuleT) -> RuleT:
    """The same rule; one of `torch.optim` no longer looks at every step how it is to go through its parameters.

    Left to itself (``foreach=None``) it asks each time whether their device has kernels for several tensors at once. A
    CPU has none, and the answer is always: one after another.

    Example:
        >>> rule = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])
        >>> rule.param_groups[0]["foreach"], decided(rule).param_groups[0]["foreach"]
        (None, False)
    """
    for group in rule.param_groups if isinstance(rule, torch.optim.Optimizer) else ():
        if group.get("foreach", False) is None and all(p.device.type == "cpu" for p in group["params"]):
            group["foreach"] = False
    return rule


class GradientDescent:
    """p ← p − lr·∂L/∂p, the same as `torch.optim.SGD` without options.

    Args:
        params: The parameters to move.
        lr: The learning rate, above zero.

    Example:
        >>> p = torch.nn.Parameter(torch.tensor([1.0]))
        >>> p.grad = torch.tensor([0.5])
        >>> GradientDescent([p], lr=0.1).step()
        >>> round(p.item(), 6)
        0.95
    """

    def __init__(self, params: Iterable[Tensor], lr: float | Tensor) -> None:
        self.params = list(params)
        self.lr = torch.as_tensor(lr, dtype=self.params[0].dtype)  # else every product would convert the number anew

    def step(self) -> None:
        """Moves every parameter once."""
        for p in self.params:
            if (grad := p.grad) is not None:
                p.data.sub_(self.lr * grad)  # .data: the step itself is not to be differentiated


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
        >>> p = torch.nn.Parameter(torch.tensor([1.0]))
        >>> p.grad = torch.tensor([1000.0])
        >>> Adam([p], lr=0.1).step()
        >>> round(p.item(), 6)
        0.9

    Source: Kingma and Ba (2015), Algorithm 1, in PyTorch's variant: the corrections 1 − βᵗ are divided out of the
    step and of √v rather than of m and v, which is the same number but for rounding.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float | Tensor = 0.001,
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
        correction1, correction2 = self.corrections()
        for p, m, v in zip(self.params, self.exp_avg, self.exp_avg_sq, strict=True):
            if (g := p.grad) is not None:
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                step_size = torch.as_tensor(self.lr / correction1, dtype=p.dtype)
                p.sub_(step_size * m / self.denominator(v, correction2))

    def corrections(self) -> tuple[float, float]:
        """1 − β₁ᵗ and 1 − β₂ᵗ: how much of m and of v the gradients have filled so far; both began at 0."""
        beta1, beta2 = self.betas
        return 1 - beta1**self.steps, 1 - beta2**self.steps

    def denominator(self, v: Tensor, correction: float) -> Tensor:
        """√v̂ + ε."""
        root: float = correction**0.5
        return (v.sqrt() / root).add_(self.eps)


class AdamNoBiasCorrection(Adam):
    """Adam without m̂ and v̂: p ← p − lr·m/(√v + ε).

    Effect: the first step is (1 − β₁)/√(1 − β₂) = 3.16 times as long, as v fills more slowly than m. On the main
    problem, which begins far away, that helps: the loss after 50 epochs is 0.0124, Adam's 0.0530.

    Example:
        >>> p = torch.nn.Parameter(torch.tensor([1.0]))
        >>> p.grad = torch.tensor([1000.0])
        >>> AdamNoBiasCorrection([p], lr=0.1).step()
        >>> round(p.item(), 6)
        0.683772
    """

    def corrections(self) -> tuple[float, float]:
        """1 and 1: m and v are used as they are."""
        return 1.0, 1.0


class AdamEpsInside(Adam):
    """Adam with ε under the root: p ← p − lr·m̂/√(v̂ + ε).

    Effect: none while |g| ≫ √ε = 1e-4 (on the main problem not a digit of the loss); below it the step shrinks with
    the gradient, where Adam's keeps its length: to 1 % at g = 1e-6.

    Example:
        >>> p = torch.nn.Parameter(torch.tensor([1.0]))
        >>> p.grad = torch.tensor([1e-6])
        >>> AdamEpsInside([p], lr=0.1).step()
        >>> round(1 - p.item(), 4)
        0.001
    """

    def denominator(self, v: Tensor, correction: float) -> Tensor:
        """√(v̂ + ε)."""
        return (v / correction).add_(self.eps).sqrt_()


class AdamSwappedBetas(Adam):
    """Adam with β₁ and β₂ exchanged, betas=(0.999, 0.9).

    Effect: the first step is the same; then m remembers a thousand gradients, so that it overshoots and swings. On
    the main problem the loss still swings up to 3 after 500 epochs, when Adam has long converged.

    Example:
        >>> AdamSwappedBetas([torch.nn.Parameter(torch.tensor([1.0]))]).betas
        (0.999, 0.9)
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.999, 0.9),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, lr, betas, eps)


class AdamMomentumOnly(Adam):
    """Adam without v, its first half: p ← p − lr·m̂.

    Effect: the step has the gradient's size again, and lr is bound by the curvature as in gradient descent: at lr 10
    the loss of the main problem is 5e9 after 100 epochs, where Adam's is below 1.

    Example:
        >>> p = torch.nn.Parameter(torch.tensor([1.0]))
        >>> p.grad = torch.tensor([0.5])
        >>> AdamMomentumOnly([p], lr=0.1).step()
        >>> round(p.item(), 6)
        0.95
    """

    def denominator(self, v: Tensor, correction: float) -> Tensor:
        """1 for every entry: v is not used."""
        return torch.ones_like(v)


class AdamRMSPropOnly(Adam):
    """Adam without m, its second half: p ← p − lr·g/(√v̂ + ε), which is β₁ = 0.

    Effect: the first step is the same; then every step follows the last gradient alone, and turns where it turns. On
    the main problem the bias overshoots to 1.37, with Adam to 1.71.

    Example:
        >>> AdamRMSPropOnly([torch.nn.Parameter(torch.tensor([1.0]))]).betas
        (0.0, 0.999)

    Source: Tieleman and Hinton (2012), lecture 6.5, with Adam's correction of v, which `torch.optim.RMSprop` lacks.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.0, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, lr, betas, eps)


_BY_HAND: tuple[type[GradientDescent] | type[Adam], ...] = (
    GradientDescent,
    Adam,
    AdamNoBiasCorrection,
    AdamEpsInside,
    AdamSwappedBetas,
    AdamMomentumOnly,
    AdamRMSPropOnly,
)
RULES = {rule.__name__: rule for rule in _BY_HAND}

# Two names for one rule: the calculation is meant to be the same.
SAME_RULE = {"torch.optim.SGD": "GradientDescent", "torch.optim.Adam": "Adam"}

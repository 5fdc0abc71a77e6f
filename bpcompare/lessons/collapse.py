"""Two linear layers are one; with an activation between them they are not."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem import estimates
from bpcompare.problem.networks import network
from bpcompare.problem.whole_numbers import quoted, seed_number, widths_of
from bpcompare.theory.least_squares import least_squares
from bpcompare.training.gradients import autograd

SAMPLES = 50


@dataclass(frozen=True, eq=False, repr=False)
class Collapse:
    """Two layers, and the one layer that they are, W = W₂W₁ and b = W₂b₁ + b₂.

    Attributes:
        two: The network of two linear layers.
        one: The single layer.
        output_difference: The largest difference of their outputs, relative to the largest output.
        gradient_differences: The same for each gradient of the two, computed from those of the one: ∂L/∂W₂ =
            ∂L/∂W·W₁ᵀ + ∂L/∂b·b₁ᵀ, ∂L/∂b₂ = ∂L/∂b, ∂L/∂W₁ = W₂ᵀ·∂L/∂W, ∂L/∂b₁ = W₂ᵀ·∂L/∂b.
        rank: Of W: at most the width in the middle.
        linear_gap: The root mean square by which the best linear fit misses the outputs of the two layers, relative
            to their spread.
        curved_gap: The same with a tanh between the layers.
    """

    two: nn.Sequential
    one: nn.Linear
    output_difference: float
    gradient_differences: dict[str, float]
    rank: int
    linear_gap: float
    curved_gap: float

    def __repr__(self) -> str:
        first, second = self.two
        widths = f"{first.in_features} → {first.out_features} → {second.out_features}"
        return (
            f"<Collapse {widths}: outputs differ by {self.output_difference:.1g}, with a tanh by {self.curved_gap:.2g}>"
        )


def collapse(layers: tuple[int, int, int] = (2, 5, 3), seed: int = 0) -> Collapse:
    """Two linear layers with drawn weights, the one layer that they are, and how far apart the two descriptions are.

        W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂)

    Args:
        layers: Three widths of at least 1: inputs, middle, outputs.
        seed: Random seed for weights and inputs.

    Raises:
        InputError: There are not three widths, or a number is out of its range.
        LimitError: They would not fit into memory or a day.

    Example:
        >>> found = collapse()
        >>> found.output_difference < 1e-14, found.linear_gap < 1e-12, found.curved_gap > 0.01
        (True, True, True)

    Source: 「3 反向传播」 for the outputs; the gradients follow by the chain rule.
    """
    layers, seed = _three(layers), seed_number(seed)
    estimates.collapse(layers).check()
    drawn = network(layers, init="normal", seed=seed, dtype=torch.float64)
    first, second = (layer for layer in drawn if isinstance(layer, nn.Linear))
    two = nn.Sequential(first, second)
    one = nn.Linear(layers[0], layers[2], dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(SAMPLES, layers[0], generator=generator, dtype=torch.float64)
    y = torch.randn(SAMPLES, layers[2], generator=generator, dtype=torch.float64)
    with torch.no_grad():
        one.weight.copy_(second.weight @ first.weight)
        one.bias.copy_(second.weight @ first.bias + second.bias)
        outputs = two(x)
        difference = _relative(one(x), outputs)
        curved = second(torch.tanh(first(x)))
    for model in (one, two):
        autograd(model, x, y)
    return Collapse(
        two,
        one,
        difference,
        _gradients(first, second, one),
        int(torch.linalg.matrix_rank(one.weight)),
        _gap(x, outputs),
        _gap(x, curved),
    )


def _three(layers: object) -> tuple[int, int, int]:
    widths = widths_of(layers)
    if len(widths) != 3:
        raise InputError(_("layers must be three widths: inputs, middle, outputs; got {widths}", widths=quoted(widths)))
    return widths[0], widths[1], widths[2]


def _gradients(first: nn.Linear, second: nn.Linear, one: nn.Linear) -> dict[str, float]:
    """How far each gradient of the two layers is from what those of the one make of it."""
    weight, bias = one.weight.grad, one.bias.grad
    assert weight is not None
    assert bias is not None
    with torch.no_grad():
        made = {
            "∂L/∂W₂": (second.weight.grad, weight @ first.weight.T + torch.outer(bias, first.bias)),
            "∂L/∂b₂": (second.bias.grad, bias),
            "∂L/∂W₁": (first.weight.grad, second.weight.T @ weight),
            "∂L/∂b₁": (first.bias.grad, second.weight.T @ bias),
        }
    return {name: _relative(theirs, ours) for name, (theirs, ours) in made.items()}


def _relative(a: Tensor | None, b: Tensor | None) -> float:
    assert a is not None
    assert b is not None
    return ((a - b).abs().max() / a.abs().max()).item()


def _gap(x: Tensor, outputs: Tensor) -> float:
    best = least_squares(x, outputs)
    spread = (outputs - outputs.mean(0)).square().mean().sqrt().item()
    return float(best.loss**0.5 / spread)

"""The delta recursion: one walk forward through the layers of a model, one walk back."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from bpcompare.errors import MethodError
from bpcompare.language import _

Affine = tuple[Tensor, Tensor | None]  # (W, b) of a Linear
Layer = Affine | nn.Module

# What the walk forward leaves for the walk back: each layer, with the a that entered it if it is a Linear, with the a
# that left it if it is an activation.
Walk = list[tuple[Layer, Tensor]]

# σ′(z) through a = σ(z), which saturates where exp(z) would overflow; δ ⊙ σ′ in the order in which autograd multiplies.
TIMES_SLOPE: dict[type[nn.Module], Callable[[Tensor, Tensor], Tensor]] = {
    nn.Sigmoid: lambda delta, a: delta * torch.rsub(a, 1.0) * a,
    nn.Tanh: lambda delta, a: delta * torch.rsub(a * a, 1.0),
    nn.ReLU: lambda delta, a: delta.where(a > 0, 0.0),
}


def read_layers(model: nn.Module) -> Iterator[Layer]:
    """The layers in order: (W, b) for a Linear, an activation as it is.

    Raises:
        MethodError: A layer is of another kind, or a Linear is there twice.

    Example:
        >>> list(read_layers(nn.Sequential(nn.Linear(2, 1), nn.ReLU())))[1]
        ReLU()
    """
    seen: set[int] = set()
    for i, layer in enumerate(model if isinstance(model, nn.Sequential) else (model,)):
        if type(layer) is nn.Linear:
            weight = layer.weight
            if id(weight) in seen:
                raise MethodError(
                    _("a model has each nn.Linear once; layer {i}, {layer}, is there twice", i=i, layer=layer)
                )
            seen.add(id(weight))
            yield weight, layer.bias
        elif type(layer) in TIMES_SLOPE:
            yield layer
        else:
            raise MethodError(
                _(
                    "there is no derivative for layer {i}, {layer}; use nn.Linear, nn.Sigmoid, nn.Tanh and "
                    "nn.ReLU, or the gradient source autograd",
                    i=i,
                    layer=layer,
                )
            )


def forward(layers: Iterable[Layer], a: Tensor) -> tuple[Walk, Tensor]:
    """The walk from x to ŷ, and ŷ: a⁽ˡ⁾ = σ(W⁽ˡ⁾a⁽ˡ⁻¹⁾ + b⁽ˡ⁾), from a⁽⁰⁾ = x on.

    Args:
        layers: As `read_layers` gives them.
        a: The inputs x (N, in).

    Example:
        >>> forward([nn.ReLU()], torch.tensor([[-1.0, 2.0]]))[1].tolist()
        [[0.0, 2.0]]
    """
    walk: Walk = []
    for layer in layers:
        if isinstance(layer, tuple):
            walk.append((layer, a))
            a = nn.functional.linear(a, *layer)
        else:
            a = layer.forward(a)
            walk.append((layer, a))
    return walk, a


def deltas(walk: Walk, delta: Tensor) -> Iterator[tuple[Tensor, Tensor | None, Tensor, Tensor]]:
    """For each Linear, from the last to the first: W, b, the a that entered it, and δ = ∂L/∂z of what left it.

        δ⁽ˡ⁾ = (W⁽ˡ⁺¹⁾)ᵀδ⁽ˡ⁺¹⁾ ⊙ σ′(z⁽ˡ⁾)

    Rows are samples, so that Wᵀδ is written δW.

    Args:
        walk: As `forward` left it.
        delta: ∂L/∂ŷ (N, out).

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
        >>> walk, output = forward(read_layers(network), torch.ones(5, 2))
        >>> [tuple(d.shape) for *_, d in deltas(walk, torch.ones_like(output))]
        [(5, 1), (5, 3)]

    Source: Rumelhart, Hinton and Williams (1986), Nature 323, eqs. 6-7, in matrix form.
    """
    for layer, a in reversed(walk):
        if isinstance(layer, tuple):
            weight, bias = layer
            yield weight, bias, a, delta
            if layer is not walk[0][0]:  # nobody asks for ∂L/∂x
                delta = delta.mm(weight)
        else:
            delta = TIMES_SLOPE[type(layer)](delta, a)

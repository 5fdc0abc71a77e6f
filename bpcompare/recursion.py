"""The delta recursion: one walk forward through the layers of a model, one walk back."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from bpcompare.errors import MethodError

# σ′(z) through a = σ(z), which saturates where exp(z) would overflow; δ ⊙ σ′ in the order in which autograd multiplies.
TIMES_SLOPE: dict[type[nn.Module], Callable[[Tensor, Tensor], Tensor]] = {
    nn.Sigmoid: lambda delta, a: delta * torch.rsub(a, 1) * a,
    nn.Tanh: lambda delta, a: delta * torch.rsub(a * a, 1),
    nn.ReLU: lambda delta, a: delta.where(a > 0, 0),
}

Affine = tuple[Tensor, Tensor | None]


def read_layers(model: nn.Module) -> list[Affine | nn.Module]:
    """The layers in order: (W, b) for a Linear, an activation as it is.

    Raises:
        MethodError: A layer is of another kind, or a Linear is there twice.

    Example:
        >>> read_layers(nn.Sequential(nn.Linear(2, 1), nn.ReLU()))[1]
        ReLU()
    """
    layers: list[Affine | nn.Module] = []
    seen: set[int] = set()
    for layer in model if isinstance(model, nn.Sequential) else (model,):
        if type(layer) is nn.Linear:
            weight = layer.weight
            if id(weight) in seen:
                raise MethodError(f"a model has each nn.Linear once; layer {len(layers)}, {layer}, is there twice")
            seen.add(id(weight))
            layers.append((weight, layer.bias))
        elif type(layer) in TIMES_SLOPE:
            layers.append(layer)
        else:
            raise MethodError(
                f"there is no derivative for layer {len(layers)}, {layer}; use nn.Linear, nn.Sigmoid, nn.Tanh and "
                "nn.ReLU, or the gradient source autograd"
            )
    return layers


def forward(layers: list[Affine | nn.Module], x: Tensor) -> list[Tensor]:
    """What enters the first layer and what leaves each: x, a⁽¹⁾, …, ŷ.

    Example:
        >>> [a.tolist() for a in forward([nn.ReLU()], torch.tensor([-1.0, 2.0]))]
        [[-1.0, 2.0], [0.0, 2.0]]
    """
    activations = [x]
    for layer in layers:
        x = nn.functional.linear(x, *layer) if isinstance(layer, tuple) else layer.forward(x)
        activations.append(x)
    return activations


def deltas(
    layers: list[Affine | nn.Module], activations: list[Tensor], delta: Tensor
) -> Iterator[tuple[Tensor, Tensor | None, Tensor, Tensor]]:
    """For each Linear, from the last to the first: W, b, the a that enters it, and δ = ∂L/∂z of what leaves it.

        δ⁽ˡ⁾ = (W⁽ˡ⁺¹⁾)ᵀδ⁽ˡ⁺¹⁾ ⊙ σ′(z⁽ˡ⁾)

    Rows are samples, so that Wᵀδ is written δW.

    Args:
        layers: As `read_layers` gives them.
        activations: As `forward` gives them.
        delta: ∂L/∂ŷ (N, out).

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
        >>> layers = read_layers(network)
        >>> [tuple(d.shape) for *_, d in deltas(layers, forward(layers, torch.ones(5, 2)), torch.ones(5, 1))]
        [(5, 1), (5, 3)]

    Source: Rumelhart, Hinton and Williams (1986), Nature 323, eqs. 6-7, in matrix form.
    """
    x = activations[0]
    for layer, a, out in zip(reversed(layers), activations[-2::-1], activations[::-1], strict=False):
        if isinstance(layer, tuple):
            weight, bias = layer
            yield weight, bias, a, delta
            if a is not x:  # nobody asks for ∂L/∂x
                delta = delta.mm(weight)
        else:
            delta = TIMES_SLOPE[type(layer)](delta, out)

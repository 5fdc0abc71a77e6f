"""A layer with its backward by hand, right and wrong: what the marker is tried on."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

LAYERS = {}


def some(cases):
    """Every third case in a normal run; all with BPCOMPARE_ALL_FILES=1."""
    return list(cases)[:: 1 if os.environ.get("BPCOMPARE_ALL_FILES") else 3]


@dataclass
class Layer:
    """The forward in plain PyTorch, the k-th problem, the right backward, and wrong ones with what is amiss.

    ``wrong`` maps a name to (backward, the positions of the wrong gradients, a pattern that the diagnosis must match).
    """

    name: str
    forward: Callable
    inputs: Callable
    right: Callable
    wrong: dict = field(default_factory=dict)

    def apply(self, backward):
        return as_function(self.forward, backward)

    def mistake(self, pattern, positions=(0,)):
        def keep(backward):
            self.wrong[backward.__name__] = (backward, positions, pattern)
            return backward

        return keep


def layer(name, forward, inputs):
    def keep(right):
        LAYERS[name] = Layer(name, forward, inputs, right)
        return LAYERS[name]

    return keep


def as_function(forward, backward):
    """An autograd.Function of a forward and ``backward(upstream, *arguments)`` → one gradient for each argument."""

    class ByHand(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *arguments):
            ctx.kept = [a.clone() if torch.is_tensor(a) else a for a in arguments]
            return forward(*arguments)

        @staticmethod
        def backward(ctx, upstream):
            found = backward(upstream, *ctx.kept)
            return found if isinstance(found, tuple) else (found,)

    return ByHand.apply


SIZES = ((4, 3, 5), (5, 4, 2), (7, 2, 3), (3, 5, 4), (2, 6, 7), (6, 7, 2))


def draw(k, *shapes, positive=False):
    """Drawn tensors; letters n, d, m are the k-th sizes, numbers are themselves."""
    generator = torch.Generator().manual_seed(100 + k)
    lengths = dict(zip("ndm", SIZES[k % len(SIZES)], strict=True))
    found = []
    for shape in shapes:
        size = [lengths.get(letter) or int(letter) for letter in shape]
        value = torch.randn(size, generator=generator, dtype=torch.float64)
        found.append(value.abs() + 0.2 if positive else value)
    return tuple(found)


def drawer(*shapes, positive=False):
    return lambda k: draw(k, *shapes, positive=positive)

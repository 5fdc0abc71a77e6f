"""What is recorded while a network trains: sizes rather than numbers.

The published network has 41,101 numbers: all of them and their gradients at each of 200 epochs would be 130 MB for
every way of training. Recorded are the loss, the norm of every tensor and of its gradient, the size of δ in every
layer, a fingerprint of all parameters – equal just where they are, to the bit – and the last state whole.
"""

import hashlib
import math

import torch
from torch import Tensor, nn

from bpcompare.errors import MethodError
from bpcompare.training.backpropagation import deltas, forward
from bpcompare.training.floating_point import beyond_range
from bpcompare.training.methods import Method
from bpcompare.training.run import Run, Track


@torch.no_grad()
def delta_sizes(model: nn.Module, x: Tensor, y: Tensor) -> list[float]:
    """The root mean square of δ = ∂Lᵢ/∂z over units and samples, for each Linear from the first to the last.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> sizes = delta_sizes(model, torch.ones(4, 1), model(torch.ones(4, 1)) - 3)
        >>> [round(size, 4) for size in sizes]
        [6.0]
    """
    walk, output = forward(model, x)
    last = (output - y) * (2 / y.shape[1])  # of each sample's own loss: the mean over N samples would divide by N
    sizes = [delta.square().mean().sqrt().item() for *_, delta in deltas(walk, last)]
    return sizes[::-1]


class NetworkHistory:
    """Collects the states of a network in training."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor) -> None:
        self.model, self.x, self.y = model, x, y
        self.named = dict(model.named_parameters())
        self.rows: list[list[float]] = []
        self.fingerprints: list[bytes] = []
        self.last: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
        self.finite = True
        self.linears = sum(isinstance(layer, nn.Linear) for layer in model.modules())

    def record(self, loss: Tensor) -> bool:
        """Keeps the present state, and says whether it is still finite."""
        values = {name: p.detach() for name, p in self.named.items()}
        grads = {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in self.named.items()}
        norms = torch.stack([t.double().norm() for t in (*values.values(), *grads.values())]).tolist()
        if not all(map(math.isfinite, (loss.item(), *norms))):
            self.finite = False
            return False
        self.rows.append([loss.item(), *norms, *self._deltas()])
        fingerprint = hashlib.sha256()
        for value in values.values():
            fingerprint.update(value.numpy().data)
        self.fingerprints.append(fingerprint.digest())
        self.last = ({name: value.clone() for name, value in values.items()}, grads)
        return True

    def _deltas(self) -> list[float]:
        try:
            return delta_sizes(self.model, self.x, self.y)
        except MethodError:
            return [math.nan] * self.linears

    def run(self, method: Method, steps: int, steps_per_epoch: int) -> Run:
        """The finite states, with the last one's parameters and gradients."""
        if not self.rows:
            raise beyond_range("loss or gradient", self.y.dtype)
        numbers = torch.tensor(self.rows, dtype=torch.float64)
        count = len(self.named)
        losses, norms, grads, sizes = numbers.split([1, count, count, numbers.shape[1] - 1 - 2 * count], 1)
        track = Track(
            norms=dict(zip(self.named, norms.unbind(1), strict=True)),
            gradient_norms=dict(zip(self.named, grads.unbind(1), strict=True)),
            delta_sizes=sizes,
            fingerprints=tuple(self.fingerprints),
        )
        # Cloned, since what was kept under inference mode could not be used with autograd.
        parameters, gradients = ({name: t.clone().unsqueeze(0) for name, t in kept.items()} for kept in self.last)
        diverged_at = None if self.finite else min(steps, len(self.rows) * steps_per_epoch)
        return Run(method, losses.flatten(), parameters, gradients, diverged_at, track)

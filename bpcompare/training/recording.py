"""What is recorded while an `nn.Linear` trains: every number and its gradient, at every epoch."""

import math
from array import array

import torch
from torch import Tensor, nn

from bpcompare.training.floating_point import beyond_range
from bpcompare.training.methods import Method
from bpcompare.training.run import Run

SMALL = 64  # parameters


class History:
    """Collects every state as one row of numbers: each parameter followed by its gradient.

    The numbers of a small model go into one flat array: to keep thousands of small tensors costs more than an epoch.
    """

    def __init__(self, model: nn.Module) -> None:
        self.names = [name for name, _ in model.named_parameters()]
        self.parameters = list(model.parameters())
        self.small = sum(p.numel() for p in model.parameters()) <= SMALL
        self.losses: list[float] = []
        self.numbers = array("d")
        self.rows: list[Tensor] = []

    def record(self, loss: Tensor) -> bool:
        """Keeps the present state, and says whether the loss is still finite."""
        value = loss.item()
        self.losses.append(value)
        if self.small:
            for p in self.parameters:
                for tensor in (p, p.grad):
                    if tensor.numel() == 1:
                        self.numbers.append(tensor.item())
                    else:
                        self.numbers.extend(tensor.detach().flatten().tolist())
        else:
            self.rows.append(torch.cat([t.detach().flatten() for p in self.parameters for t in (p, p.grad)]))
        return math.isfinite(value)

    def run(self, method: Method, steps: int, steps_per_epoch: int) -> Run:
        """The finite states."""
        losses = torch.tensor(self.losses, dtype=torch.float64)
        states = torch.frombuffer(self.numbers, dtype=torch.float64) if self.small else torch.stack(self.rows)
        states = states.view(len(losses), -1)
        finite = losses.isfinite() & states.isfinite().all(1)
        kept = len(losses) if bool(finite.all()) else int(finite.int().argmin())
        if kept == 0:
            raise beyond_range("loss or gradient", self.parameters[0].dtype)
        sizes = [p.numel() for p in self.parameters for _ in ("parameter", "gradient")]
        columns = iter(states[:kept].split(sizes, dim=1))
        parameters, gradients = {}, {}
        for name, p in zip(self.names, self.parameters, strict=True):
            parameters[name] = next(columns).to(p.dtype).view(-1, *p.shape)
            gradients[name] = next(columns).to(p.dtype).view(-1, *p.shape)
        diverged_at = None if kept == len(losses) else min(steps, kept * steps_per_epoch)
        return Run(method, losses[:kept], parameters, gradients, diverged_at)

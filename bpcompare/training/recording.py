"""What is recorded while a model trains, and the check that a gradient source did its part.

Of an `nn.Linear` every number and its gradient is kept, in every state. Of a network only sizes are: the published one
has 41,101 numbers, and all of them with their gradients over 200 epochs would be 130 MB for every method. Kept are the
loss, the norm of every tensor and of its gradient, the size of δ in every layer, a fingerprint of all parameters –
equal just where they are, to the bit – and the last state whole.
"""

import hashlib
import math
from array import array
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from bpcompare.errors import MethodError
from bpcompare.language import _
from bpcompare.problem.devices import in_float64
from bpcompare.problem.problem import Problem
from bpcompare.training.backpropagation import deltas, forward, read_layers
from bpcompare.training.floating_point import beyond_range
from bpcompare.training.methods import Method
from bpcompare.training.run import NetworkRun, Run, Track
from bpcompare.training.settings import TrainingSettings

SMALL = 64  # parameters

RunT = TypeVar("RunT", bound=Run, covariant=True)


class Recording(Generic[RunT]):
    """Collects the states of one model in training.

    Attributes:
        parameters: The model's parameters by their name.
        states: The number of states that were recorded.
    """

    def __init__(self, problem: Problem, method: Method, settings: TrainingSettings, model: nn.Module) -> None:
        self.problem, self.method, self.settings, self.model = problem, method, settings, model
        self.parameters = dict(model.named_parameters())
        self.steps_per_epoch = math.ceil(problem.samples / (settings.batch_size or problem.samples))

    @property
    def states(self) -> int:
        """The number of states that were recorded."""
        raise NotImplementedError

    def record(self, loss: Tensor) -> bool:
        """Keeps the present state, and says whether training can go on from it.

        Raises:
            MethodError: The gradient source left out a gradient, or returned no loss.
        """
        raise NotImplementedError

    def run(self, steps: int) -> RunT:
        """The finite states, after so many steps.

        Raises:
            InputError: Not even the first state is finite.
        """
        raise NotImplementedError

    def unfilled(self, name: str) -> MethodError:
        """The error of a parameter without a gradient of its shape."""
        p = self.parameters[name]
        found = _("nothing") if p.grad is None else _("a tensor of shape {shape}", shape=tuple(p.grad.shape))
        return MethodError(
            _(
                "the gradient source of {method!r} left {found} in {name}.grad at epoch {epoch}; it must leave "
                "∂loss/∂{name} there, of shape {shape}",
                method=self.method.name,
                found=found,
                name=name,
                epoch=self.states,
                shape=tuple(p.shape),
            )
        )

    def no_loss(self, loss: object) -> MethodError:
        """The error of a source that returned something else than its loss."""
        found = type(loss).__name__
        if isinstance(loss, Tensor):
            found = _("a tensor of shape {shape}", shape=tuple(loss.shape))
        return MethodError(
            _(
                "the gradient source of {method!r} returned {found} at epoch {epoch}; it must return the "
                "loss, a tensor of one number",
                method=self.method.name,
                found=found,
                epoch=self.states,
            )
        )


class LinearRecording(Recording[Run]):
    """Every state of an `nn.Linear` as one row of numbers: each parameter followed by its gradient.

    The numbers of a small model go into one flat array: to keep thousands of small tensors costs more than an epoch.
    """

    def __init__(self, problem: Problem, method: Method, settings: TrainingSettings, model: nn.Module) -> None:
        super().__init__(problem, method, settings, model)
        self.small = sum(p.numel() for p in self.parameters.values()) <= SMALL
        self.shapes = [(name, p, p.shape, self.small and p.numel() == 1) for name, p in self.parameters.items()]
        self.losses: list[float] = []
        self.numbers = array("d")
        self.rows: list[Tensor] = []

    @property
    def states(self) -> int:
        """The number of states that were recorded."""
        return len(self.losses)

    def record(self, loss: Tensor) -> bool:
        """Keeps the present state, and says whether the loss is still finite."""
        try:
            value = loss.item()
        except (AttributeError, RuntimeError):
            raise self.no_loss(loss) from None
        for name, p, shape, is_number in self.shapes:
            grad = p.grad
            if grad is None or grad.shape != shape:
                raise self.unfilled(name)
            if is_number:
                self.numbers.append(p.item())
                self.numbers.append(grad.item())
            elif self.small:
                self.numbers.extend(p.detach().flatten().tolist())
                self.numbers.extend(grad.flatten().tolist())
        if not self.small:
            self.rows.append(torch.cat([t.detach().flatten() for _, p, *_ in self.shapes for t in (p, p.grad)]).cpu())
        self.losses.append(value)
        return math.isfinite(value)

    def run(self, steps: int) -> Run:
        """The run: the states that are finite, with the losses and gradients."""
        losses = torch.tensor(self.losses, dtype=torch.float64)
        states = torch.frombuffer(self.numbers, dtype=torch.float64) if self.small else torch.stack(self.rows)
        states = states.view(len(losses), -1)
        finite = losses.isfinite() & states.isfinite().all(1)
        kept = len(losses) if bool(finite.all()) else int(finite.int().argmin())
        if kept == 0:
            raise beyond_range(_("loss or gradient"), self.problem.dtype)
        sizes = [p.numel() for p in self.parameters.values() for __ in ("parameter", "gradient")]
        columns = iter(states[:kept].split(sizes, dim=1))
        parameters, gradients = {}, {}
        for name, p in self.parameters.items():
            parameters[name] = next(columns).to(p.dtype).view(-1, *p.shape)
            gradients[name] = next(columns).to(p.dtype).view(-1, *p.shape)
        diverged_at = None if kept == len(losses) else min(steps, kept * self.steps_per_epoch)
        return Run(self.method, self.settings, losses[:kept], parameters, gradients, diverged_at)


class NetworkRecording(Recording[NetworkRun]):
    """The sizes of every state of a network, and the last state whole."""

    def __init__(self, problem: Problem, method: Method, settings: TrainingSettings, model: nn.Module) -> None:
        super().__init__(problem, method, settings, model)
        self.rows: list[list[float]] = []
        self.fingerprints: list[bytes] = []
        self.last: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
        self.finite = True
        self.linears = sum(isinstance(layer, nn.Linear) for layer in model.modules())

    @property
    def states(self) -> int:
        """The number of states that were recorded."""
        return len(self.rows)

    def record(self, loss: Tensor) -> bool:
        """Keeps the present state, and says whether it is still finite."""
        try:
            value = loss.item()
        except (AttributeError, RuntimeError):
            raise self.no_loss(loss) from None
        values = {name: p.detach() for name, p in self.parameters.items()}
        grads = {}
        for name, p in self.parameters.items():
            if p.grad is None or p.grad.shape != p.shape:
                raise self.unfilled(name)
            grads[name] = p.grad.clone()  # a source may add to the same tensor again
        norms = torch.stack([in_float64(t).norm() for t in (*values.values(), *grads.values())]).tolist()
        if not all(map(math.isfinite, (value, *norms))):
            self.finite = False
            return False
        self.rows.append([value, *norms, *self._deltas()])
        fingerprint = hashlib.sha256()
        for parameter in values.values():
            fingerprint.update(parameter.cpu().numpy().data)
        self.fingerprints.append(fingerprint.digest())
        self.last = ({name: parameter.clone() for name, parameter in values.items()}, grads)
        return True

    def _deltas(self) -> list[float]:
        try:
            return delta_sizes(self.model, self.problem.x, self.problem.y)
        except MethodError:
            return [math.nan] * self.linears

    def run(self, steps: int) -> NetworkRun:
        """The finite states, with the last one's parameters and gradients."""
        if not self.rows:
            raise beyond_range(_("loss or gradient"), self.problem.dtype)
        numbers = torch.tensor(self.rows, dtype=torch.float64)
        count = len(self.parameters)
        losses, norms, grads, sizes = numbers.split([1, count, count, numbers.shape[1] - 1 - 2 * count], 1)
        track = Track(
            norms=dict(zip(self.parameters, norms.unbind(1), strict=True)),
            gradient_norms=dict(zip(self.parameters, grads.unbind(1), strict=True)),
            delta_sizes=sizes,
            fingerprints=tuple(self.fingerprints),
        )
        # Cloned, since what was kept under inference mode could not be used with autograd.
        parameters, gradients = ({name: t.clone().cpu().unsqueeze(0) for name, t in kept.items()} for kept in self.last)
        diverged_at = None if self.finite else min(steps, len(self.rows) * self.steps_per_epoch)
        return NetworkRun(self.method, self.settings, losses.flatten(), parameters, gradients, diverged_at, track)


@torch.no_grad()
def delta_sizes(model: nn.Module, x: Tensor, y: Tensor) -> list[float]:
    """The root mean square of δ = ∂Lᵢ/∂z over units and samples, for each Linear from the first to the last.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> sizes = delta_sizes(model, torch.ones(4, 1), model(torch.ones(4, 1)) - 3)
        >>> [round(size, 4) for size in sizes]
        [6.0]
    """
    walk, output = forward(read_layers(model), x)
    last = (output - y) * (2 / y.shape[1])  # of each sample's own loss: the mean over N samples would divide by N
    sizes = [delta.square().mean().sqrt().item() for *_, delta in deltas(walk, last)]
    return sizes[::-1]

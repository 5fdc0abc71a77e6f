"""One loop for every way of training: a way is a gradient source × an update rule."""

import difflib
import math
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from bpcompare.errors import InputError, MethodError
from bpcompare.gradients import SOURCES, Gradient, all_reduce, formula
from bpcompare.network_history import NetworkHistory, Track, beyond_range
from bpcompare.problem import Problem
from bpcompare.updates import RULES

SMALL = 64  # parameters


class Rule(Protocol):
    """What the loop asks of an update rule."""

    def step(self) -> object:
        """Reads every ``p.grad`` and moves ``p``."""


WAYS = {
    "manual": "formula+GradientDescent",
    "autograd": "autograd+GradientDescent",
    "adam": "autograd+torch.optim.Adam",
}


@dataclass(frozen=True)
class Method:
    """A way of training.

    Attributes:
        name: What the user calls it.
        gradient: The name of its gradient source.
        update: The name of its update rule; `torch.optim` classes that are not ours are written in full.
        source: The gradient source itself.
        rule: Builds the update rule: ``rule(params, lr=…)``.
    """

    name: str
    gradient: str
    update: str
    source: Gradient
    rule: Callable[..., Rule]

    @classmethod
    def named(cls, name: str) -> "Method":
        """The method called ``name``: manual, autograd, adam, SOURCE (by gradient descent) or SOURCE+RULE.

        SOURCE is a key of `gradients.SOURCES`. RULE is GradientDescent or Adam (both by hand), or the name of a
        `torch.optim` class, which may be written in full to tell its Adam from ours.

        Raises:
            MethodError: There is no such source or rule.

        Example:
            >>> Method.named("autograd+RMSprop").update
            'torch.optim.RMSprop'
        """
        gradient, plus, update = WAYS.get(name, f"{name}+GradientDescent" if name in SOURCES else name).partition("+")
        if not plus:
            raise MethodError(
                f"there is no method {name!r}; choose {', '.join(WAYS)} or SOURCE+RULE{_near(name, WAYS)}"
            )
        if gradient not in SOURCES:
            raise MethodError(
                f"there is no gradient source {gradient!r}; choose from {', '.join(SOURCES)}{_near(gradient, SOURCES)}"
            )
        if update in RULES:
            return cls(name, gradient, update, SOURCES[gradient], RULES[update])
        short = update.removeprefix("torch.optim.")
        known = [key for key in dir(torch.optim) if _is_optimizer(getattr(torch.optim, key))]
        if short not in known:
            near = _near(short, [*RULES, *known])
            raise MethodError(
                f"there is no update rule {update!r}; choose {', '.join(RULES)} or a torch.optim class{near}"
            )
        return cls(name, gradient, f"torch.optim.{short}", SOURCES[gradient], getattr(torch.optim, short))

    def check(self, problem: Problem, lr: float) -> None:
        """Takes one trial step on a throwaway model, to learn whether the rule can work with ``p.grad`` and ``lr``.

        Raises:
            MethodError: It cannot, with the reason.
        """
        model = problem.model()
        if self.gradient in ("formula", "moments"):  # they say which models they take
            self.source(model, problem.x[:1], problem.y[:1])
        try:
            rule = self.rule(model.parameters(), lr=lr)
            for parameter in model.parameters():
                parameter.grad = torch.ones_like(parameter)
            rule.step()
        except (TypeError, ValueError, RuntimeError) as error:
            reason = NEEDS_MORE.get(self.update, str(error).splitlines()[0].rstrip("."))
            raise MethodError(
                f"{self.update} cannot be the rule of {self.name!r} at lr {lr:g}: {reason}; choose another"
            ) from error


NEEDS_MORE = {
    "torch.optim.LBFGS": "it evaluates the loss several times within one step, and so needs a closure, not only .grad",
    "torch.optim.SparseAdam": "it takes sparse gradients only, and those of nn.Linear are dense",
}


@dataclass(frozen=True, eq=False)
class Run:
    """What one way of training did, in the units that it trained in.

    State k is the model before step k; the last state is what was learned. All states are finite.

    Attributes:
        method: The way.
        all_losses: L(θₖ) over all samples, (steps + 1,) float64.
        parameters: For each parameter's name its values, (steps + 1, *shape).
        gradients: For each parameter's name ∂L/∂θₖ over all samples, (steps + 1, *shape).
        diverged_at: The number of the step that led to an inf or a nan, counted from 1; None if none did.
        track: Of a network, the size of every tensor in each state; ``parameters`` and ``gradients`` then hold the
            last state only, (1, *shape), since all of them would take gigabytes. None for an `nn.Linear`.
    """

    method: Method
    all_losses: Tensor
    parameters: dict[str, Tensor]
    gradients: dict[str, Tensor]
    diverged_at: int | None
    track: Track | None = None

    @property
    def losses(self) -> Tensor:
        """L before each step, (steps,); after the last step of a diverged run there is no state left to have one."""
        return self.all_losses if self.diverged_at else self.all_losses[:-1]

    @property
    def loss(self) -> float:
        """L of what was learned, or of the last finite state of a diverged run."""
        return self.all_losses[-1].item()

    def first(self, states: int) -> "Run":
        """This run with only its first states."""
        return Run(
            self.method,
            self.all_losses[:states],
            {name: values[:states] for name, values in self.parameters.items()},
            {name: values[:states] for name, values in self.gradients.items()},
            self.diverged_at,
        )


def train(
    problem: Problem,
    method: Method | str,
    *,
    lr: float = 0.1,
    epochs: int = 50,
    batch_size: int | None = None,
    seed: int = 0,
    shuffle: bool = True,
    on_epoch: Callable[[], object] | None = None,
) -> Run:
    """What `method` does with `problem`: loss, parameters and gradients at every epoch.

    With batches, an epoch is one pass over the samples, in an order drawn from ``seed``; what is recorded is still the
    loss and the gradient over all samples, at the beginning of each pass.

    Args:
        problem: What to learn.
        method: The way, or its name.
        lr: The learning rate, above 0.
        epochs: How many, at least 1.
        batch_size: Samples per step, from 1 (per-sample training) to N; None for all of them, in their own order.
        seed: Where the order of the samples is drawn from.
        shuffle: Whether batches take the samples in a new order at every pass, or in their own.
        on_epoch: Called after every epoch.

    Raises:
        InputError: A number is out of its range.
        MethodError: There is no such method, or it cannot work here.

    Example:
        >>> from bpcompare.problem import line
        >>> run = train(line(), "manual")
        >>> run.parameters["weight"][-1].item(), run.parameters["bias"][-1].item()
        (1.3135614395141602, 1.3715894222259521)
    """
    check_numbers(problem, lr, epochs, batch_size)
    method = Method.named(method) if isinstance(method, str) else method
    method.check(problem, lr)
    model = problem.model()
    rule = method.rule(model.parameters(), lr=lr)
    gradient, x, y = all_reduce(method.source), problem.x, problem.y
    full_batch = batch_size is None or batch_size == problem.samples
    shuffled = torch.Generator().manual_seed(seed)
    history = _History(model) if problem.is_linear else NetworkHistory(model, x, y)
    steps = 0
    with torch.inference_mode(method.source is formula):  # it needs nothing of what autograd keeps
        for _ in range(epochs):
            loss = gradient(model, x, y)  # L(θₖ), before the step that moves θₖ
            if not history.record(loss):
                break
            if full_batch:
                rule.step()
                steps += 1
            else:
                n = problem.samples
                order = torch.randperm(n, generator=shuffled) if shuffle else torch.arange(n)
                for x_batch, y_batch in zip(x[order].split(batch_size), y[order].split(batch_size), strict=True):
                    loss = gradient(model, x_batch, y_batch)
                    if not math.isfinite(loss.item()):
                        break
                    rule.step()
                    steps += 1
            if on_epoch:
                with torch.inference_mode(False):
                    on_epoch()
        else:
            history.record(gradient(model, x, y))
    steps_per_epoch = 1 if full_batch else math.ceil(problem.samples / batch_size)
    return Run(method, *history.states(steps, steps_per_epoch))


def check_numbers(problem: Problem, lr: float, epochs: int, batch_size: int | None) -> None:
    """Refuses numbers that cannot be trained with.

    Raises:
        InputError: One is out of its range.
    """
    if not (math.isfinite(lr) and lr > 0):
        raise InputError(f"lr must be a finite number above 0; got {lr}")
    if epochs < 1:
        raise InputError(f"epochs must be at least 1; got {epochs}")
    if batch_size is not None and not 1 <= batch_size <= problem.samples:
        raise InputError(f"batch_size must be from 1 to the number of samples, {problem.samples}; got {batch_size}")


class _History:
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

    def states(
        self, steps: int, steps_per_epoch: int
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor], int | None]:
        """Losses, parameters and gradients of the finite states, and the step that ended them."""
        losses = torch.tensor(self.losses, dtype=torch.float64)
        states = torch.frombuffer(self.numbers, dtype=torch.float64) if self.small else torch.stack(self.rows)
        states = states.view(len(losses), -1)
        finite = losses.isfinite() & states.isfinite().all(1)
        kept = len(losses) if bool(finite.all()) else int(finite.int().argmin())
        if kept == 0:
            raise beyond_range(self.parameters[0].dtype)
        sizes = [p.numel() for p in self.parameters for _ in ("parameter", "gradient")]
        columns = iter(states[:kept].split(sizes, dim=1))
        parameters, gradients = {}, {}
        for name, p in zip(self.names, self.parameters, strict=True):
            parameters[name] = next(columns).to(p.dtype).view(-1, *p.shape)
            gradients[name] = next(columns).to(p.dtype).view(-1, *p.shape)
        diverged_at = None if kept == len(losses) else min(steps, kept * steps_per_epoch)
        return losses[:kept], parameters, gradients, diverged_at


def _is_optimizer(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, torch.optim.Optimizer) and thing is not torch.optim.Optimizer


def _near(name: str, known: Iterable[str]) -> str:
    spelled = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower(), spelled, n=1)
    return f"; did you mean {spelled[near[0]]}?" if near else ""

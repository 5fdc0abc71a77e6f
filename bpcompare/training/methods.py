"""A method of training is a gradient source × an update rule."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch

from bpcompare.errors import InputError, MethodError, did_you_mean
from bpcompare.language import N_, _, listed
from bpcompare.problem.problem import Problem
from bpcompare.training.defaults import METHODS
from bpcompare.training.gradient_source import GradientSource
from bpcompare.training.gradients import SOURCES
from bpcompare.training.updates import RULES, SAME_RULE, UpdateRule


@dataclass(frozen=True)
class Method:
    """A method of training.

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
    source: GradientSource
    rule: Callable[..., UpdateRule]

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
        full = f"{name}+GradientDescent" if name in SOURCES else METHODS.get(name, name)
        gradient, plus, update = full.partition("+")
        if not plus:
            fault = _(
                "there is no method {name!r}; choose {methods} or SOURCE+RULE", name=name, methods=listed(METHODS)
            )
            raise MethodError(_with_hint(fault, name, METHODS))
        if gradient not in SOURCES:
            message = N_("there is no gradient source {source!r}; choose from {sources}")
            raise MethodError(_with_hint(_(message, source=gradient, sources=listed(SOURCES)), gradient, SOURCES))
        if update in RULES:
            return cls(name, gradient, update, SOURCES[gradient], RULES[update])
        short = update.removeprefix("torch.optim.")
        known = [key for key in dir(torch.optim) if _is_optimizer(getattr(torch.optim, key))]
        if short not in known:
            message = N_("there is no update rule {rule!r}; choose {rules} or a torch.optim class")
            raise MethodError(_with_hint(_(message, rule=update, rules=listed(RULES)), short, [*RULES, *known]))
        return cls(name, gradient, f"torch.optim.{short}", SOURCES[gradient], getattr(torch.optim, short))

    @property
    def canonical_update(self) -> str:
        """The name of the update rule, one name for all that are the same calculation (`updates.SAME_RULE`).

        Example:
            >>> Method.named("adam").canonical_update
            'Adam'
        """
        return SAME_RULE.get(self.update, self.update)

    def check(self, problem: Problem, lr: float) -> None:
        """Asks the source whether it supports the model, and lets the rule take one trial step at ``lr``.

        Raises:
            MethodError: One of them cannot work here, with the reason.
        """
        model = problem.model()
        supports = getattr(self.source, "supports", None)
        if supports is not None and not supports(model):
            kind = type(model).__name__
            raise MethodError(
                _(
                    "{source} of {name!r} does not support this {kind}; choose autograd",
                    source=self.gradient,
                    name=self.name,
                    kind=kind,
                )
            )
        try:
            rule = self.rule(model.parameters(), lr=lr)
            for parameter in model.parameters():
                parameter.grad = torch.ones_like(parameter)
            rule.step()
        except (AttributeError, TypeError, ValueError, RuntimeError) as error:
            reason = _(NEEDS_MORE.get(self.update, str(error).splitlines()[0].rstrip(".")))
            raise MethodError(
                _(
                    "{rule} cannot be the rule of {name!r} at lr {lr:g}: {reason}; choose another",
                    rule=self.update,
                    name=self.name,
                    lr=lr,
                    reason=reason,
                )
            ) from error


NEEDS_MORE = {
    "torch.optim.LBFGS": N_(
        "it evaluates the loss several times within one step, and so needs a closure, not only .grad"
    ),
    "torch.optim.SparseAdam": N_("it takes sparse gradients only, and those of nn.Linear are dense"),
}


def choose(problem: Problem, methods: str | Method | Sequence[str | Method], lr: float) -> list[Method]:
    """The methods asked for, one or several, each of which can work on ``problem``.

    Raises:
        InputError: There is none, or one is named twice.
        MethodError: There is no such method, or it cannot work here.

    Example:
        >>> from bpcompare.problem.line import line
        >>> [method.update for method in choose(line(), "manual", 0.1)]
        ['GradientDescent']
    """
    several = [methods] if isinstance(methods, str | Method) else methods
    asked = [*several] if isinstance(several, Iterable) else [several]
    if not all(isinstance(method, str | Method) for method in asked):
        raise InputError(
            _("methods must be names or Method objects, one or several; got {methods!r:.60}", methods=methods)
        )
    chosen = [Method.named(method) if isinstance(method, str) else method for method in asked]
    if not chosen:
        raise InputError(_("there is no method to compare; name at least one"))
    for i, method in enumerate(chosen):
        if method.name in [m.name for m in chosen[:i]]:
            raise InputError(_("method {name!r} is named twice; name it once", name=method.name))
        method.check(problem, lr)
    return chosen


def _is_optimizer(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, torch.optim.Optimizer) and thing is not torch.optim.Optimizer


def _with_hint(fault: str, name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, known)
    return _("{fault}; {hint}", fault=fault, hint=hint) if hint else fault

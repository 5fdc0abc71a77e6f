"""The books of Adam: every quantity of every step, by hand and beside `torch.optim.Adam`."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpcompare.errors import InputError
from bpcompare.problem.parameter_names import Entry
from bpcompare.training.floating_point import ulp
from bpcompare.training.methods import Method
from bpcompare.training.run import Run
from bpcompare.training.updates import RULES, Adam

SCALES = (1e-6, 1e-3, 1.0, 1e3, 1e6)  # of the first gradient, under which its step is taken again


@dataclass(frozen=True, eq=False)
class Account:
    """One parameter's books, each (steps, *shape) in the precision of training.

    Attributes:
        g: The gradient at the beginning of the step.
        m: The running mean of g.
        v: The running mean of g².
        m_hat: m̂, m without its bias towards 0.
        v_hat: v̂, v without its bias towards 0.
        step: How far the parameter goes, to be subtracted from it.
        ulp_m: How far m is from that of `torch.optim.Adam`, fed the same gradients, in units in the last place.
        ulp_v: The same of v.
        ulp_parameter: The same of the parameter after the step.
    """

    g: Tensor
    m: Tensor
    v: Tensor
    m_hat: Tensor
    v_hat: Tensor
    step: Tensor
    ulp_m: Tensor
    ulp_v: Tensor
    ulp_parameter: Tensor


QUANTITIES = ("g", "m", "v", "m_hat", "v_hat", "step", "ulp_m", "ulp_v", "ulp_parameter")


@dataclass(frozen=True, eq=False)
class Ledger:
    """The books of one way of training.

    Attributes:
        run: The run whose gradients are replayed.
        rule: The update rule by hand, Adam or a variant of it.
        lr: Its learning rate.
        accounts: Per parameter's name its books.
        first_steps: Per parameter's name the step that the first gradient, times each of `SCALES`, would have led to,
            (scales, *shape).
    """

    run: Run
    rule: type[Adam]
    lr: float
    accounts: dict[str, Account]
    first_steps: dict[str, Tensor]

    @property
    def steps(self) -> int:
        """How many steps are in the books."""
        return len(self.accounts["weight"].g)

    @property
    def max_ulp(self) -> int:
        """The largest distance from `torch.optim.Adam` in m, v and the parameters."""
        fields = [f for a in self.accounts.values() for f in (a.ulp_m, a.ulp_v, a.ulp_parameter)]
        return max((int(f.max()) for f in fields if f.numel()), default=0)


def ledger(run: Run, lr: float) -> Ledger:
    """Every quantity of every step, from a run's gradients: by hand, and beside `torch.optim.Adam` fed the same.

        m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²,   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ),   step = lr·m̂/(√v̂ + ε)

    As m̂ = g and v̂ = g² after the first gradient, the first step is lr·g/(|g| + ε) ≈ lr·sign(g), whatever its size.

    Args:
        run: A run on all samples at each step (with mini-batches, the gradients of the steps are not recorded), whose
            rule is Adam or one of the variants in `updates`.
        lr: The learning rate that it was trained at.

    Raises:
        InputError: Its rule keeps no such books.

    Example:
        >>> from bpcompare.problem.problem import line
        >>> from bpcompare.training.train import train
        >>> books = ledger(train(line(), "adam"), lr=0.1)
        >>> books.max_ulp, round(books.accounts["weight"].step[0].item(), 6)
        (0, -0.1)

    Source: Kingma and Ba (2015), Algorithm 1; for the variants see `updates`.
    """
    rule = rule_by_hand(run.method)
    accounts, first = {}, {}
    for name, gradients in run.gradients.items():
        accounts[name] = _account(rule, lr, run.parameters[name], gradients[:-1])
        first[name] = _first_steps(rule, lr, gradients[0])
    return Ledger(run, rule, lr, accounts, first)


def rule_by_hand(method: Method) -> type[Adam]:
    """The rule, Adam or a variant of it, that a ledger of this method replays.

    Raises:
        InputError: It is none of them.
    """
    rule = RULES.get(method.canonical_update)
    if rule is None or not issubclass(rule, Adam):
        raise InputError(
            f"{method.name!r} has no Adam ledger, its rule is {method.update}; choose adam or a way whose rule is one "
            f"of {', '.join(name for name, kind in RULES.items() if issubclass(kind, Adam))}"
        )
    return rule


def _account(rule: type[Adam], lr: float, states: Tensor, gradients: Tensor) -> Account:
    hand = nn.Parameter(states[0].clone())
    torchs = nn.Parameter(states[0].clone())
    by_hand, by_torch = rule([hand], lr=lr), torch.optim.Adam([torchs], lr=lr)
    rows: list[tuple[Tensor, ...]] = []
    for g in gradients:
        hand.grad, torchs.grad = g.clone(), g.clone()
        by_hand.step()
        by_torch.step()
        m, v = by_hand.exp_avg[0].clone(), by_hand.exp_avg_sq[0].clone()
        correction1, correction2 = by_hand.corrections()
        m_hat = m / correction1
        step = lr * m_hat / by_hand.denominator(v, correction2)
        kept = by_torch.state[torchs]
        ulps = ulp(m, kept["exp_avg"]), ulp(v, kept["exp_avg_sq"]), ulp(hand.detach(), torchs.detach())
        rows.append((g, m, v, m_hat, v / correction2, step, *ulps))
    if not rows:
        empty = gradients.clone()
        return Account(*[empty] * 6, *[empty.long()] * 3)
    return Account(*[torch.stack(column) for column in zip(*rows, strict=True)])


def _first_steps(rule: type[Adam], lr: float, g: Tensor) -> Tensor:
    steps = []
    for scale in SCALES:
        p = nn.Parameter(torch.zeros_like(g))
        p.grad = g * scale
        rule([p], lr=lr).step()
        steps.append(-p.detach())
    return torch.stack(steps)


def column(ledger: Ledger, quantity: str, entry: Entry) -> Tensor:
    """One quantity of one number that is learned, (steps,)."""
    weights = getattr(ledger.accounts["weight"], quantity)
    bias = ledger.accounts.get("bias")
    biases = weights[..., 0] if bias is None else getattr(bias, quantity)
    path: Tensor = entry.path(weights, biases)
    return path

"""The ledger of Adam: every quantity of every step, by hand and next to `torch.optim.Adam`."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpcompare.errors import InputError
from bpcompare.language import _, listed
from bpcompare.problem.parameter_names import Entry
from bpcompare.training.floating_point import ulp
from bpcompare.training.methods import Method
from bpcompare.training.run import Run
from bpcompare.training.updates import RULES, Adam

SCALES = (1e-6, 1e-3, 1.0, 1e3, 1e6)  # of the first gradient, under which its step is taken again


@dataclass(frozen=True, eq=False, repr=False)
class Entries:
    """One parameter's entries in a ledger, each (steps, *shape) in the precision of training.

    Attributes:
        g: The gradient at the beginning of the step.
        m: The running mean of g.
        v: The running mean of g².
        m_hat: m̂, m without its bias towards 0.
        v_hat: v̂, v without its bias towards 0.
        step: How far the parameter goes, to be subtracted from it.
        ulp_m: How far m is from that of `torch.optim.Adam`, given the same gradients, in units in the last place.
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

    def __repr__(self) -> str:
        return f"<Entries: {len(self.g)} steps of a parameter of shape {tuple(self.g.shape[1:])}>"


QUANTITIES = ("g", "m", "v", "m_hat", "v_hat", "step", "ulp_m", "ulp_v", "ulp_parameter")


@dataclass(frozen=True, eq=False, repr=False)
class Ledger:
    """Every quantity of every step of one run.

    Attributes:
        run: The run whose gradients are replayed.
        rule: The update rule by hand, Adam or a variant of it.
        lr: Its learning rate.
        entries: Per parameter's name its quantities.
        first_steps: Per parameter's name the step that the first gradient, times each of `SCALES`, would have led to,
            (scales, *shape).
    """

    run: Run
    rule: type[Adam]
    lr: float
    entries: dict[str, Entries]
    first_steps: dict[str, Tensor]

    @property
    def steps(self) -> int:
        """The number of steps in the ledger."""
        return len(self.entries["weight"].g)

    @property
    def max_ulp(self) -> int:
        """The largest distance from `torch.optim.Adam` in m, v and the parameters."""
        fields = [f for e in self.entries.values() for f in (e.ulp_m, e.ulp_v, e.ulp_parameter)]
        return max((int(f.max()) for f in fields if f.numel()), default=0)

    def __repr__(self) -> str:
        apart = f"up to {self.max_ulp:,} ulp from" if self.max_ulp else "bit-equal to"
        return f"<Ledger of {self.run.method.name}: {self.rule.__name__}, {self.steps} steps, {apart} torch.optim.Adam>"


def ledger(run: Run, lr: float | None = None) -> Ledger:
    """Every quantity of every step, from a run's gradients: by hand, and next to `torch.optim.Adam` with the same.

        m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²,   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ),   step = lr·m̂/(√v̂ + ε)

    As m̂ = g and v̂ = g² after the first gradient, the first step is lr·g/(|g| + ε) ≈ lr·sign(g), whatever its size.

    Args:
        run: A run on all samples at each step (with mini-batches, the gradients of the steps are not recorded), whose
            rule is Adam or one of the variants in `updates`.
        lr: The learning rate; that of the run when not given.

    Raises:
        InputError: Its rule has no such quantities.

    Example:
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.training.train import train
        >>> found = ledger(train(line(), "adam"))
        >>> found.max_ulp, round(found.entries["weight"].step[0].item(), 6)
        (0, -0.1)

    Source: Kingma and Ba (2015), Algorithm 1; for the variants see `updates`.
    """
    rule = rule_by_hand(run.method)
    lr = run.settings.lr if lr is None else lr
    entries, first = {}, {}
    for name, gradients in run.gradients.items():
        entries[name] = _entries(rule, lr, run.parameters[name], gradients[:-1])
        first[name] = _first_steps(rule, lr, gradients[0])
    return Ledger(run, rule, lr, entries, first)


def rule_by_hand(method: Method) -> type[Adam]:
    """The rule, Adam or a variant of it, that a ledger of this method replays.

    Raises:
        InputError: It is none of them.
    """
    rule = RULES.get(method.canonical_update)
    if rule is None or not issubclass(rule, Adam):
        raise InputError(
            _(
                "{name!r} has no Adam ledger, its rule is {rule}; choose adam or a method whose rule is one of {rules}",
                name=method.name,
                rule=method.update,
                rules=listed((name for name, kind in RULES.items() if issubclass(kind, Adam))),
            )
        )
    return rule


def _entries(rule: type[Adam], lr: float, states: Tensor, gradients: Tensor) -> Entries:
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
        return Entries(*[empty] * 6, *[empty.long()] * 3)
    return Entries(*[torch.stack(column) for column in zip(*rows, strict=True)])


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
    weights = getattr(ledger.entries["weight"], quantity)
    bias = ledger.entries.get("bias")
    biases = weights[..., 0] if bias is None else getattr(bias, quantity)
    path: Tensor = entry.path(weights, biases)
    return path

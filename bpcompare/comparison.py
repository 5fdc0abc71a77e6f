"""Several ways on one problem: which are the same calculation (agreement), and which get there sooner (race)."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bpcompare.errors import InputError
from bpcompare.problem import Problem
from bpcompare.theory import Curvature, Optimum, curvature, least_squares
from bpcompare.training import WAYS, Method, Run, check_numbers, train

FRACTIONS = (0.1, 0.01, 0.001)  # of the starting gap, at which the race is timed
CONVERGED = 1e-6  # of the starting gap: what is left then is below a thousandth of the starting distance

# Two names for one rule: the calculation is meant to be the same.
SAME_RULE = {"torch.optim.SGD": "GradientDescent", "torch.optim.Adam": "Adam"}

ORDER_OF_ARITHMETIC = {
    "formula": "adds the rows in one matrix product δᵀx",
    "autograd": "adds the rows in the matrix product that backward() calls",
    "moments": "adds the rows once, in float64, before it multiplies by the weight",
    "finite_difference": "subtracts two losses, each added up in float64, and divides by 2h",
    "graph": "adds the rows node by node, in NumPy's order",
}


@dataclass(frozen=True, eq=False)
class Result:
    """What one way learned, in the user's units, every state included; state k is the model before step k.

    Attributes:
        run: The run as it was trained.
        weights: (steps + 1, out, in) float64.
        biases: (steps + 1, out) float64; zero for a model without a bias.
        losses: The mean squared error of each state, (steps + 1,) float64.
        gaps: How far each is above the optimum's, (steps + 1,) float64.
        status: "converged" (the gap has shrunk a millionfold, or to rounding), "stopped" (the epochs ran out before
            that) or "diverged".
    """

    run: Run
    weights: Tensor
    biases: Tensor
    losses: Tensor
    gaps: Tensor
    status: str

    @property
    def weight(self) -> Tensor:
        """The learned weight (out, in)."""
        return self.weights[-1]

    @property
    def bias(self) -> Tensor:
        """The learned bias (out,)."""
        return self.biases[-1]

    @property
    def loss(self) -> float:
        """The loss reached."""
        return self.losses[-1].item()

    def epochs_to(self, fraction: float) -> int | None:
        """The first epoch at which the gap is at most ``fraction`` of the one at the start, or None."""
        reached = (self.gaps <= fraction * self.gaps[0]).nonzero()
        return int(reached[0]) if len(reached) else None


@dataclass(frozen=True)
class Agreement:
    """Whether two gradient sources under one rule gave the same parameters at every epoch.

    Attributes:
        bit_equal: Whether they did, to the last bit.
        max_ulp: The largest distance between two parameters at the same epoch, in units in the last place.
        first_difference_at: The first epoch at which they differ, or None.
        explanation: What was added up in another order.
    """

    bit_equal: bool
    max_ulp: int
    first_difference_at: int | None
    explanation: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several ways of training on one problem, beside what theory says of it.

    Attributes:
        problem: What was learned.
        lr: The learning rate.
        epochs: How many were asked for.
        batch_size: Samples per step, or None for all.
        seed: Where the order of the samples was drawn from.
        results: Per method's name what it learned.
        agreement: Per pair "a~b" with the same rule and different sources.
    """

    problem: Problem
    lr: float
    epochs: int
    batch_size: int | None
    seed: int
    results: dict[str, Result]
    agreement: dict[str, Agreement]
    optimum: Optimum

    @functools.cached_property
    def curvature(self) -> Curvature:
        """The curvature of the loss that the ways trained on."""
        return curvature(self.problem.x, self.problem.out_features, bias=self.problem.has_bias)

    @property
    def race(self) -> dict[str, dict[float, dict[str, int | None]]]:
        """Per pair "a~b" with the same source and different rules: the epochs each took to `FRACTIONS` of the gap."""
        pairs = itertools.combinations(self.results.items(), 2)
        return {
            f"{a}~{b}": {f: {a: first.epochs_to(f), b: second.epochs_to(f)} for f in FRACTIONS}
            for (a, first), (b, second) in pairs
            if first.run.method.gradient == second.run.method.gradient
            and _rule(first.run.method) != _rule(second.run.method)
        }


def compare(
    problem: Problem,
    methods: Sequence[str | Method] = tuple(WAYS),
    *,
    lr: float = 0.1,
    epochs: int = 50,
    batch_size: int | None = None,
    seed: int = 0,
    on_epoch: Callable[[], object] | None = None,
) -> Comparison:
    """Trains `problem` by every method from the same start, and compares.

    Args:
        problem: What to learn.
        methods: Names as `Method.named` takes them, or methods of your own; each once.
        lr: The learning rate, above 0, the same for all.
        epochs: How many, at least 1.
        batch_size: Samples per step; None for all.
        seed: Where the order of the samples is drawn from.
        on_epoch: Called after every epoch of every method.

    Raises:
        InputError: A number is out of its range, or a method is named twice.
        MethodError: There is no such method, or it cannot work here; nothing has been trained then.

    Example:
        >>> from bpcompare.problem import line
        >>> comparison = compare(line())
        >>> comparison.agreement["manual~autograd"].bit_equal
        True
    """
    chosen = [Method.named(m) if isinstance(m, str) else m for m in methods]
    check_numbers(problem, lr, epochs, batch_size)
    if not chosen:
        raise InputError("there is no method to compare; name at least one")
    for i, method in enumerate(chosen):
        if method.name in [m.name for m in chosen[:i]]:
            raise InputError(f"method {method.name!r} is named twice; name it once")
        method.check(problem, lr)
    optimum = least_squares(problem.measured_x, problem.measured_y, bias=problem.has_bias)
    results = {}
    for method in chosen:
        run = train(problem, method, lr=lr, epochs=epochs, batch_size=batch_size, seed=seed, on_epoch=on_epoch)
        results[method.name] = _result(problem, run, optimum)
    pairs = [
        (a, b)
        for a, b in itertools.combinations([result.run for result in results.values()], 2)
        if _rule(a.method) == _rule(b.method)
    ]
    agreement = {f"{a.method.name}~{b.method.name}": agree(a, b) for a, b in pairs}
    return Comparison(problem, lr, epochs, batch_size, seed, results, agreement, optimum)


def _rule(method: Method) -> str:
    return SAME_RULE.get(method.update, method.update)


def _result(problem: Problem, run: Run, optimum: Optimum) -> Result:
    weight = run.parameters["weight"]
    bias = run.parameters.get("bias", weight.new_zeros(len(weight), problem.out_features))
    weights, biases = problem.in_user_units(weight, bias)
    exact = optimum.loss_at(weights, biases)
    if not exact.isfinite().all():  # the last states of a diverged run, in units that reach less far
        states = int(exact.isfinite().int().argmin())
        run, weights, biases, exact = run.first(states), weights[:states], biases[:states], exact[:states]
    losses = run.all_losses if problem.scaling is None else exact
    gaps = exact - optimum.loss
    eps = torch.finfo(problem.dtype).eps
    rounding = max(eps * optimum.loss, problem.measured_y.square().mean().item() * (8 * eps) ** 2)
    if run.diverged_at is not None:
        status = "diverged"
    else:
        status = "converged" if gaps[-1] <= max(CONVERGED * gaps[0].item(), rounding) else "stopped"
    return Result(run, weights, biases, losses, gaps, status)


def agree(a: Run, b: Run) -> Agreement:
    """Whether two runs went through the same parameters, and if not, where they parted and why.

    Example:
        >>> from bpcompare.problem import line
        >>> agree(train(line(), "manual"), train(line(), "autograd")).max_ulp
        0
    """
    steps = min(len(a.all_losses), len(b.all_losses))
    apart = torch.stack([_ulps(a.parameters[n][:steps], b.parameters[n][:steps]) for n in a.parameters]).amax(0)
    differing = apart.nonzero()
    if not len(differing) and a.diverged_at == b.diverged_at:
        return Agreement(True, 0, None, "the same numbers were added in the same order")
    first = int(differing[0]) if len(differing) else steps
    return Agreement(False, int(apart.max()), first, _explain(a, b, first))


def _explain(a: Run, b: Run, first: int) -> str:
    """Names the gradient that made the first difference, and how each source adds it up."""
    before = max(first - 1, 0)
    names = [n for n in a.gradients if not torch.equal(a.gradients[n][before], b.gradients[n][before])]
    if not names:
        fused = " (torch.optim.SGD rounds p − lr·∂L/∂p once, by a fused multiply-add; by hand it is rounded twice)"
        updates = {a.method.update, b.method.update}
        note = fused if updates == {"GradientDescent", "torch.optim.SGD"} else ""
        return f"from equal gradients at epoch {before} the rules round the step differently{note}"
    orders = [
        f"{run.method.gradient} {ORDER_OF_ARITHMETIC.get(run.method.gradient, 'adds up in an order of its own')}"
        for run in (a, b)
    ]
    return f"∂L/∂{names[0]} at epoch {before} is rounded differently: {'; '.join(dict.fromkeys(orders))}"


def _ulps(a: Tensor, b: Tensor) -> Tensor:
    """The largest number of steps between neighbouring floating-point numbers that lie between a and b, per state."""
    integers = torch.int32 if a.dtype == torch.float32 else torch.int64
    lowest = torch.iinfo(integers).min

    def place(x: Tensor) -> Tensor:
        bits = x.contiguous().view(integers).flatten(1)
        return torch.where(bits < 0, lowest - bits, bits).long()  # −0 and 0 share a place, order is that of the numbers

    return (place(a) - place(b)).abs().amax(1)

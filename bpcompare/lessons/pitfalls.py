"""Mistakes made on purpose: each beside the right way, with what theory says will be seen."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from bpcompare.errors import InputError
from bpcompare.lessons import mishaps
from bpcompare.lessons.bowl import Bowl, descent, period, undamped_momentum
from bpcompare.problem import Problem, line

LR, EPOCHS = 0.1, 50
EXACT = 1e-9  # float64 arithmetic over some hundred steps, relative to the loss
COUNTED = 0.0  # a count is a count


@dataclass(frozen=True)
class Finding:
    """One number foretold and the same number measured; they agree within ``tolerance``, relative to the prediction."""

    what: str
    predicted: float
    measured: float
    tolerance: float = EXACT
    at_most: bool = False  # the prediction is a bound

    @property
    def holds(self) -> bool:
        """Whether the measurement is what was foretold."""
        if self.at_most:
            return self.measured <= self.predicted * (1 + self.tolerance)
        return math.isclose(self.measured, self.predicted, rel_tol=self.tolerance, abs_tol=self.tolerance)


@dataclass(frozen=True)
class Lesson:
    """One pitfall, run.

    Attributes:
        name: As the command line takes it.
        title: What it is, in a few words.
        mistake: The line of code that does it.
        remedy: The line of code that does not.
        foretold: What theory says beforehand.
        curves: Values over the steps: "mistake", "predicted" and "right".
        quantity: What the curves show.
        findings: Numbers foretold and measured.
    """

    name: str
    title: str
    mistake: str
    remedy: str
    foretold: str
    curves: dict[str, list[float]]
    findings: tuple[Finding, ...]
    quantity: str = "mean squared error"

    @property
    def holds(self) -> bool:
        """Whether all was as foretold."""
        return all(finding.holds for finding in self.findings)


def main_problem() -> Problem:
    """The tutorial's line with its own data and start, in float64 so that rounding does not blur the predictions."""
    return mishaps.in_double(line())


def _lesson(
    name: str,
    title: str,
    mistake: str,
    remedy: str,
    foretold: str,
    measured: list[float],
    predicted: list[float],
    right: list[float],
    *findings: Finding,
) -> Lesson:
    whole = Finding(
        "largest relative distance between the curve and its prediction", 0.0, distance(measured, predicted)
    )
    curves = {"mistake": measured, "predicted": predicted, "right": right}
    return Lesson(name, title, mistake, remedy, foretold, curves, (*findings, whole))


def distance(measured: list[float], predicted: list[float]) -> float:
    """The largest |measured − predicted|/predicted, over the steps where both are finite."""
    pairs = zip(measured, predicted, strict=False)
    return max(abs(a - b) / b for a, b in pairs if math.isfinite(a) and math.isfinite(b))


def forgotten_zero_grad() -> Lesson:
    """Gradients that add up: undamped momentum, which swings for ever."""
    problem, epochs = main_problem(), 110
    bowl, start = Bowl.of(problem), mishaps.start_of(problem)
    measured = mishaps.train(problem, LR, epochs, zero_grad=False)
    predicted = bowl.curve(start, undamped_momentum(LR), epochs)
    slow = period(LR, bowl.eigenvalues[0].item())
    swing = mishaps.distances(problem, LR, 2 * round(slow), bowl, mode=0, zero_grad=False)
    turns = [k for k in range(1, len(swing) - 1) if swing[k - 1] < swing[k] >= swing[k + 1]]
    return _lesson(
        "zero-grad",
        "forgotten zero_grad",
        "loss.backward()  # and never p.grad = None",
        "p.grad = None  # or optimizer.zero_grad(), before every backward()",
        "Every step uses the sum of all gradients so far: momentum without damping. Each mode of curvature λ swings "
        "for ever with the period 2π/arccos(1 − lr·λ/2); nothing converges.",
        measured,
        predicted,
        mishaps.train(problem, LR, epochs),
        Finding("steps of one swing of the slow mode", slow, float(turns[0]), tolerance=1 / slow),
        Finding("largest distance in the slow mode, beside the first", 1.0, max(map(abs, swing)) / abs(swing[0]), 1e-2),
    )


def sum_for_mean() -> Lesson:
    """A loss that is summed: the gradient is N times as large, the largest stable rate N times smaller."""
    problem = main_problem()
    bowl, start, n = Bowl.of(problem), mishaps.start_of(problem), problem.samples
    measured = mishaps.train(problem, LR, EPOCHS, reduction="sum")
    predicted = bowl.curve(start, descent(n * LR), EPOCHS)
    limit = mishaps.largest_stable_lr(problem, reduction="sum")
    same = mishaps.train(problem, LR / n, EPOCHS, reduction="sum")
    return _lesson(
        "sum-for-mean",
        "the sum of the squared residuals in place of their mean",
        "loss = ((prediction - y) ** 2).sum()",
        "loss = ((prediction - y) ** 2).mean()  # or divide the learning rate by N",
        "Every gradient is N times as large, so that the largest stable learning rate is 2/λmax divided by N; "
        "at a rate that was good for the mean the loss explodes.",
        measured,
        predicted,
        mishaps.train(problem, LR, EPOCHS),
        Finding("largest stable learning rate", bowl.limit / n, limit, 1e-3),
        Finding(
            "largest distance from the right curve with the rate divided by N",
            0.0,
            distance(same, mishaps.train(problem, LR, EPOCHS)),
        ),
    )


def shapes_that_broadcast() -> Lesson:
    """(N, 1) predictions minus (N,) targets: N × N differences, and a flat line."""
    problem, epochs = main_problem(), 300
    bowl, start = Bowl.of(problem), mishaps.start_of(problem)
    mean = problem.y.mean()
    flat = replace(bowl, floor=problem.y.var(correction=0).item(), best=torch.stack([mean * 0, mean]))
    measured, parameters = mishaps.train_to_the_end(problem, LR, epochs, flatten=True)
    predicted = flat.curve(start, descent(LR), epochs)
    return _lesson(
        "broadcast",
        "targets of shape (N,) against predictions of shape (N, 1)",
        "loss = ((model(x) - y.flatten()) ** 2).mean()",
        "loss = ((model(x) - y) ** 2).mean()  # both (N, 1); y.unsqueeze(1) if y is (N,)",
        "The difference is N × N: every prediction is compared with every target. The best answer to that is the mean "
        "of y everywhere: the weight goes to 0, the bias to the mean, and the loss stays at the variance of y.",
        measured,
        predicted,
        mishaps.train(problem, LR, epochs),
        Finding("weight in the end, as theory has it after so many steps", *_end(flat, start, epochs, parameters, 0)),
        Finding("bias in the end, as theory has it after so many steps", *_end(flat, start, epochs, parameters, 1)),
        Finding("loss in the end: the variance of y", flat.floor, measured[-1], 1e-2),
    )


def _end(bowl: Bowl, start: torch.Tensor, epochs: int, parameters: torch.Tensor, index: int) -> tuple[float, float]:
    first = bowl.modes.T @ (start - bowl.best)
    left = (1 - LR * bowl.eigenvalues) ** epochs * first
    return (bowl.best + bowl.modes @ left)[index].item(), parameters[index].item()


def rate_above_and_below() -> Lesson:
    """The learning rate one percent above and one percent below 2/λmax."""
    problem, epochs = main_problem(), 400
    bowl, start = Bowl.of(problem), mishaps.start_of(problem)
    above, below = 1.01 * bowl.limit, 0.99 * bowl.limit
    measured, right = mishaps.train(problem, above, epochs), mishaps.train(problem, below, epochs)
    growth = (measured[-1] - bowl.floor) / (measured[-2] - bowl.floor)
    return _lesson(
        "rate-at-the-limit",
        "a learning rate just above the limit (and, as the right way, just below)",
        f"lr = {above:.4f}  # 1.01 · 2/λmax",
        f"lr = {below:.4f}  # 0.99 · 2/λmax; better half of it",
        "Above 2/λmax the steepest mode overshoots by more than it had left, (1 − lr·λmax)² = 1.02² per step in the "
        "loss: it grows without end; just below, it shrinks as slowly, changing sides at every step.",
        measured,
        bowl.curve(start, descent(above), epochs),
        right,
        Finding("growth of the loss over its floor per step, above the limit", 1.02**2, growth, 1e-6),
        Finding("largest stable learning rate, by trying", bowl.limit, mishaps.largest_stable_lr(problem), 1e-3),
        Finding(
            "distance of the curve below the limit from its prediction",
            0.0,
            distance(right, bowl.curve(start, descent(below), epochs)),
        ),
    )


def rate_too_small() -> Lesson:
    """A learning rate a hundred times too small."""
    problem, small, epochs = main_problem(), LR / 100, 800
    bowl, start = Bowl.of(problem), mishaps.start_of(problem)
    measured, right = mishaps.train(problem, small, epochs), mishaps.train(problem, LR, epochs)
    fifth = bowl.curve(start, descent(LR), 6)[5]
    reached = next(k for k, loss in enumerate(measured) if loss <= fifth)
    return _lesson(
        "rate-too-small",
        "a learning rate a hundred times too small",
        f"lr = {small}",
        f"lr = {LR}  # a part of 2/λmax = {bowl.limit:.2f}",
        "A mode loses the share lr·λ of its distance per step: for small rates a hundredth of the rate needs a hundred "
        "times the steps. Nothing is wrong with the curve but its length.",
        measured,
        bowl.curve(start, descent(small), epochs),
        right,
        Finding(
            "steps to the loss that the right rate has after 5",
            float(next(k for k, loss in enumerate(bowl.curve(start, descent(small), epochs)) if loss <= fifth)),
            float(reached),
            COUNTED,
        ),
    )


def gradient_ascent() -> Lesson:
    """The plus sign."""
    problem = main_problem()
    bowl, start = Bowl.of(problem), mishaps.start_of(problem)
    measured = mishaps.train(problem, -LR, EPOCHS)
    growth = (measured[-1] - bowl.floor) / (measured[-2] - bowl.floor)
    return _lesson(
        "ascent",
        "gradient ascent: the plus sign",
        "p.data += lr * p.grad",
        "p.data -= lr * p.grad",
        "Every mode grows by 1 + lr·λ per step; in the end the loss grows by (1 + lr·λmax)² per step, at any rate.",
        measured,
        bowl.curve(start, descent(-LR), EPOCHS),
        mishaps.train(problem, LR, EPOCHS),
        Finding(
            "growth of the loss over its floor per step", (1 + LR * bowl.eigenvalues[-1].item()) ** 2, growth, 1e-4
        ),
    )


def tensor_for_data() -> Lesson:
    """Updating the tensor, not its data: the graph of every step hangs on the one before."""
    epochs = 30
    problem = main_problem()
    measured = mishaps.graph_sizes(problem, LR, epochs, detach=False)
    right = mishaps.graph_sizes(problem, LR, epochs, detach=True)
    predicted = [float(right[0] + 2 * step) for step in range(epochs)]
    lesson = _lesson(
        "tensor-for-data",
        "updating the tensor rather than its data",
        "w = w - lr * w_grad  # w is now the end of a graph, no longer a leaf",
        "w.data -= lr * w_grad  # or under torch.no_grad()",
        "Each step hangs one subtraction for each parameter on the graph: it grows by 2 nodes per step, and so do time "
        "and memory. w.grad stays None, so that code which reads it fails at its second step.",
        measured,
        predicted,
        right,
        Finding("step at which w.grad is None", 2.0, float(mishaps.step_without_grad(problem, LR)), COUNTED),
    )
    return replace(lesson, quantity="nodes in the graph of the loss")


def backward_twice() -> Lesson:
    """A second backward() on a freed graph; and with retain_graph, the gradient twice."""
    problem = main_problem()
    bowl, start = Bowl.of(problem), mishaps.start_of(problem)
    raised, ratio = mishaps.second_backward(problem)
    return _lesson(
        "backward-twice",
        "backward() twice on the same graph",
        "loss.backward(); loss.backward()  # or, to silence it, retain_graph=True",
        "loss = ...; loss.backward()  # one forward pass for each backward pass",
        "The first backward() frees the graph, the second raises a RuntimeError; retain_graph=True only silences it: "
        "the gradient is added twice, which is gradient descent with twice the learning rate.",
        mishaps.train(problem, LR, EPOCHS, backward_passes=2),
        bowl.curve(start, descent(2 * LR), EPOCHS),
        mishaps.train(problem, LR, EPOCHS),
        Finding("errors raised by the second backward()", 1.0, float(raised), COUNTED),
        Finding("the gradient after two passes with retain_graph, over that after one", 2.0, ratio),
    )


def adam_without_correction() -> Lesson:
    """Adam whose running means are not corrected: the first steps are not lr long."""
    problem = main_problem()
    measured, first = mishaps.uncorrected_adam(problem, LR, EPOCHS)
    roots = [math.sqrt(1 - 0.999**k) for k in range(1, EPOCHS + 1)]
    rates = [LR * (1 - 0.9**k) / root for k, root in enumerate(roots, 1)]
    return _lesson(
        "adam-uncorrected",
        "Adam without bias correction: the gradient in the shadow of the zeros that its means begin with",
        "p -= lr * m / (sqrt(v) + eps)",
        "p -= lr * m_hat / (sqrt(v_hat) + eps)  # m_hat = m/(1 - beta1**t), v_hat = v/(1 - beta2**t)",
        "m and v begin at 0 and hold only 1 − β₁ᵗ and 1 − β₂ᵗ of what they should. That is Adam with the learning rate "
        "lr·(1 − β₁ᵗ)/√(1 − β₂ᵗ) and ε/√(1 − β₂ᵗ): the first step is 0.1/√0.001 = 3.16 times as long as lr, the "
        "following ones are longer still.",
        measured,
        mishaps.adam(problem, rates, [1e-8 / root for root in roots]),
        mishaps.adam(problem, [LR] * EPOCHS, [1e-8] * EPOCHS),
        Finding("length of the first step, over lr", (1 - 0.9) / math.sqrt(1 - 0.999), first / LR, 1e-6),
    )


def half_precision() -> Lesson:
    """float16: steps smaller than half the distance to the next number are lost."""
    problem, epochs = main_problem(), 400
    bowl, start = Bowl.of(problem), mishaps.start_of(problem)
    losses, last_moves = mishaps.train_in_half(problem, LR, epochs)
    exact = [loss - bowl.floor for loss in bowl.curve(start, descent(LR), epochs)]
    measured = [loss - bowl.floor for loss in losses]
    stands_still = bowl.first_step_within(start, LR, mishaps.half_a_spacing)
    stood_still = 1 + max(k for k in range(epochs - 1) if losses[k] != losses[k + 1])
    predicted = [exact[min(k, stands_still)] for k in range(epochs)]
    early = stands_still // 4
    return Lesson(
        "float16",
        "training in float16",
        "model = model.half()",
        "model = model.float()  # or keep the parameters in float32 and only compute in float16",
        "float16 keeps 11 bits: between 1 and 2 its numbers are 1/1024 apart. A step lr·g smaller than half of that "
        "changes nothing, so that training stands still where lr·|g| falls below it – short of the optimum.",
        {"mistake": measured, "predicted": predicted, "right": exact},
        (
            Finding("step at which it stands still", float(stands_still), float(stood_still), 0.2),
            *(
                Finding(f"the {name}'s step then, in halves of the distance to the next number", 1.0, move, 0.0, True)
                for name, move in last_moves.items()
            ),
            Finding(
                f"largest relative distance of the curve from exact arithmetic in the first {early} steps",
                0.02,
                distance(measured[:early], predicted[:early]),
                0.0,
                True,
            ),
            Finding("distance left to the smallest loss", predicted[-1], measured[-1], 0.5),
        ),
        quantity="mean squared error above its smallest value",
    )


PITFALLS: dict[str, Callable[[], Lesson]] = {
    "zero-grad": forgotten_zero_grad,
    "tensor-for-data": tensor_for_data,
    "backward-twice": backward_twice,
    "sum-for-mean": sum_for_mean,
    "broadcast": shapes_that_broadcast,
    "rate-at-the-limit": rate_above_and_below,
    "rate-too-small": rate_too_small,
    "ascent": gradient_ascent,
    "adam-uncorrected": adam_without_correction,
    "float16": half_precision,
}


def run(name: str) -> Lesson:
    """Runs one pitfall.

    Args:
        name: A key of ``PITFALLS``.

    Raises:
        InputError: There is none of that name.

    Example:
        >>> run("ascent").holds
        True
    """
    if name not in PITFALLS:
        raise InputError(f"there is no pitfall {name!r}; choose from {', '.join(PITFALLS)}")
    return PITFALLS[name]()

"""Pitfalls of the learning rate; and all pitfalls by name."""

from collections.abc import Callable

from bpcompare.errors import InputError
from bpcompare.language import _, listed
from bpcompare.lessons.pitfalls import code, wrong_loops
from bpcompare.lessons.pitfalls.pitfall import (
    COUNTED,
    EPOCHS,
    LR,
    Pitfall,
    Prediction,
    build,
    descent,
    distance,
    main_problem,
    main_theory,
    right_way,
)


def sum_for_mean() -> Pitfall:
    """A loss that is summed: the gradient is N times as large, the largest stable rate N times smaller."""
    problem, theory = main_problem(), main_theory()
    n = problem.samples
    measured = wrong_loops.train(problem, LR, EPOCHS, reduction="sum")
    predicted = descent(theory, n * LR, EPOCHS)
    limit = wrong_loops.largest_stable_lr(problem, reduction="sum")
    same = wrong_loops.train(problem, LR / n, EPOCHS, reduction="sum")
    return build(
        "sum-for-mean",
        _("the sum of the squared residuals in place of their mean"),
        "loss = ((prediction - y) ** 2).sum()",
        _("loss = ((prediction - y) ** 2).mean()  # or divide the learning rate by N"),
        _(
            "Every gradient is N times as large, so that the largest stable learning rate is 2/λmax divided by N; "
            "at a rate that was good for the mean the loss explodes."
        ),
        measured,
        predicted,
        right_way(EPOCHS),
        Prediction(_("largest stable learning rate"), 2 / theory.eigenvalues[0].item() / n, limit, 1e-3),
        Prediction(
            _("largest distance from the right curve with the rate divided by N"),
            0.0,
            distance(same, right_way(EPOCHS)),
        ),
    )


def rate_above_and_below() -> Pitfall:
    """The learning rate one percent above and one percent below 2/λmax."""
    problem, theory, epochs = main_problem(), main_theory(), 400
    limit, lowest = 2 / theory.eigenvalues[0].item(), theory.minimum_loss.item()
    above, below = 1.01 * limit, 0.99 * limit
    measured, right = wrong_loops.train(problem, above, epochs), wrong_loops.train(problem, below, epochs)
    growth = (measured[-1] - lowest) / (measured[-2] - lowest)
    return build(
        "rate-at-the-limit",
        _("a learning rate just above the limit (and, as the right way, just below)"),
        f"lr = {above:.4f}  # 1.01 · 2/λmax",
        _("lr = {rate:.4f}  # 0.99 · 2/λmax; better half of it", rate=below),
        _(
            "Above 2/λmax the steepest mode overshoots by more than it had left, (1 − lr·λmax)² = 1.02² per step in "
            "the loss: it grows without end; just below, it shrinks as slowly, changing sides at every step."
        ),
        measured,
        descent(theory, above, epochs),
        right,
        Prediction(_("growth per step of the loss above its minimum, above the limit"), 1.02**2, growth, 1e-6),
        Prediction(_("largest stable learning rate, by trying"), limit, wrong_loops.largest_stable_lr(problem), 1e-3),
        Prediction(
            _("distance of the curve below the limit from its prediction"),
            0.0,
            distance(right, descent(theory, below, epochs)),
        ),
    )


def rate_too_small() -> Pitfall:
    """A learning rate a hundred times too small."""
    problem, theory, small, epochs = main_problem(), main_theory(), LR / 100, 800
    limit = 2 / theory.eigenvalues[0].item()
    measured, right = wrong_loops.train(problem, small, epochs), right_way(epochs)
    fifth = descent(theory, LR, 6)[5]
    reached = next(k for k, loss in enumerate(measured) if loss <= fifth)
    return build(
        "rate-too-small",
        _("a learning rate a hundred times too small"),
        f"lr = {small}",
        _("lr = {rate}  # a part of 2/λmax = {limit:.2f}", rate=LR, limit=limit),
        _(
            "A mode loses the share lr·λ of its distance per step: for small rates a hundredth of the rate needs a "
            "hundred times the steps. Nothing is wrong with the curve but its length."
        ),
        measured,
        descent(theory, small, epochs),
        right,
        Prediction(
            _("steps to the loss that the right rate has after 5"),
            float(next(k for k, loss in enumerate(descent(theory, small, epochs)) if loss <= fifth)),
            float(reached),
            COUNTED,
        ),
    )


def gradient_ascent() -> Pitfall:
    """A step along the gradient, not against it: the loss grows, at any rate."""
    problem, theory = main_problem(), main_theory()
    lowest = theory.minimum_loss.item()
    measured = wrong_loops.train(problem, -LR, EPOCHS)
    growth = (measured[-1] - lowest) / (measured[-2] - lowest)
    return build(
        "ascent",
        _("gradient ascent: the plus sign"),
        "p.data += lr * p.grad",
        "p.data -= lr * p.grad",
        _("Every mode grows by 1 + lr·λ per step; in the end the loss grows by (1 + lr·λmax)² per step, at any rate."),
        measured,
        descent(theory, -LR, EPOCHS),
        right_way(EPOCHS),
        Prediction(
            _("growth per step of the loss above its minimum"),
            (1 + LR * theory.eigenvalues[0].item()) ** 2,
            growth,
            1e-4,
        ),
    )


PITFALLS: dict[str, Callable[[], Pitfall]] = {
    "zero-grad": code.forgotten_zero_grad,
    "tensor-for-data": code.tensor_for_data,
    "backward-twice": code.backward_twice,
    "sum-for-mean": sum_for_mean,
    "broadcast": code.shapes_that_broadcast,
    "rate-at-the-limit": rate_above_and_below,
    "rate-too-small": rate_too_small,
    "ascent": gradient_ascent,
    "adam-uncorrected": code.adam_without_correction,
    "float16": code.half_precision,
}


def run(name: str) -> Pitfall:
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
        raise InputError(_("there is no pitfall {name!r}; choose from {known}", name=name, known=listed(PITFALLS)))
    return PITFALLS[name]()

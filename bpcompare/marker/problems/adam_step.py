"""The exercise ``adam_step(p, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps)``."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.calls import Array, Problem
from bpcompare.marker.mistakes import Mistake

ARRAYS = ("p", "grad", "exp_avg", "exp_avg_sq")


def draw(rng: np.random.Generator) -> Iterator[Problem]:
    """Several lengths, steps and settings, in float64 and float32; early steps, where the bias correction shows."""
    for length, step in ((1, 1), (3, 2), (5, 3), (2, 7), (4, 20)):
        for dtype in ("float64", "float32"):
            first, second = (_point(rng, length, step, dtype) for _ in range(2))
            yield from (first, first, second)


def _point(rng: np.random.Generator, length: int, step: int, dtype: str) -> Problem:
    arrays: dict[str, Any] = {name: rng.normal(0.3, 1.0, length).astype(dtype) for name in ARRAYS}
    arrays["exp_avg_sq"] = abs(arrays["exp_avg_sq"])
    settings = {
        "step": step,
        "lr": float(rng.uniform(0.01, 0.3)),
        "beta1": float(rng.uniform(0.7, 0.95)),
        "beta2": float(rng.uniform(0.97, 0.995)),
        "eps": float(10 ** rng.uniform(-3, -1)),
    }
    return solve(arrays | settings, dtype)


def solve(inputs: dict[str, Any], dtype: str) -> Problem:
    """The problem with its right answers.

    m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²,   p ← p − lr · m̂/(√v̂ + ε)
    """
    expected = adam(inputs)
    p, grad, m, v = (abs(np.asarray(inputs[name], dtype=np.float64)) for name in ARRAYS)
    correction = 1 - inputs["beta2"] ** inputs["step"]
    move = inputs["lr"] * (m + grad) / (1 - inputs["beta1"] ** inputs["step"])
    move = move / (np.sqrt(np.asarray(expected["exp_avg_sq"], dtype=np.float64) / correction) + inputs["eps"])
    return Problem(
        sizes={"n": len(p), "step": inputs["step"]},
        dtype=dtype,
        inputs=inputs,
        expected=expected,
        terms={
            "p": p + move / correction,  # 1 − β₂ᵗ cancels: its relative error is ε/(1 − β₂ᵗ)
            "exp_avg": m + grad,
            "exp_avg_sq": v + grad**2,
        },
        operations=32,
    )


def adam(
    inputs: Mapping[str, Any],
    mean: Callable[[Array, Array, float], Array] = lambda old, new, beta: beta * old + (1 - beta) * new,
    square: Callable[[Array], Array] = lambda grad: grad**2,
    correct: Callable[[Array, float, int], Array] = lambda mean, beta, step: mean / (1 - beta**step),
    scale: Callable[[Array, float], Array] = lambda second, eps: np.sqrt(second) + eps,
    correct_second: Callable[[Array, float, int], Array] | None = None,
) -> dict[str, Array]:
    """One step of Adam; each argument is a place where it is often written otherwise."""
    p, grad, m, v = (np.asarray(inputs[name], dtype=np.longdouble) for name in ARRAYS)
    step, lr, beta1, beta2, eps = (inputs[name] for name in ("step", "lr", "beta1", "beta2", "eps"))
    m, v = mean(m, grad, beta1), mean(v, square(grad), beta2)
    first, second = correct(m, beta1, step), (correct_second or correct)(v, beta2, step)
    return {"p": p - lr * first / scale(second, eps), "exp_avg": m, "exp_avg_sq": v}


def _variant(**changes: Any) -> Callable[[Problem], Mapping[str, Array]]:
    def variant(problem: Problem) -> Mapping[str, Array]:
        return {name: np.asarray(value, dtype=np.float64) for name, value in adam(problem.inputs, **changes).items()}

    return variant


def _with(**changes: Callable[[Mapping[str, Any]], Any]) -> Callable[[Problem], Mapping[str, Array]]:
    def variant(problem: Problem) -> Mapping[str, Array]:
        inputs = problem.inputs
        changed = dict(inputs) | {name: change(inputs) for name, change in changes.items()}
        return {name: np.asarray(value, dtype=np.float64) for name, value in adam(changed).items()}

    return variant


def _uncorrected(mean: Array, beta: float, step: int) -> Array:
    return mean


def _decayed_both(old: Array, new: Array, beta: float) -> Array:
    return beta * old + new


def _betas_the_other_way(old: Array, new: Array, beta: float) -> Array:
    return (1 - beta) * old + beta * new


def _corrected(mean: Array, beta: float, step: int) -> Array:
    return mean / (1 - beta**step)


def _move_only(problem: Problem) -> Mapping[str, Array]:
    right = adam(problem.inputs)
    move = np.asarray(problem.inputs["p"], dtype=np.longdouble) - right["p"]
    return {name: np.asarray(value, dtype=np.float64) for name, value in (right | {"p": move}).items()}


def _means_exchanged(problem: Problem) -> Mapping[str, Array]:
    right = adam(problem.inputs)
    exchanged = right | {"exp_avg": right["exp_avg_sq"], "exp_avg_sq": right["exp_avg"]}
    return {name: np.asarray(value, dtype=np.float64) for name, value in exchanged.items()}


def _gradient_descent(problem: Problem) -> Mapping[str, Array]:
    right, inputs = adam(problem.inputs), problem.inputs
    descent = right | {"p": np.asarray(inputs["p"], dtype=np.longdouble) - inputs["lr"] * inputs["grad"]}
    return {name: np.asarray(value, dtype=np.float64) for name, value in descent.items()}


def _corrected_means_kept(problem: Problem) -> Mapping[str, Array]:
    right, i = adam(problem.inputs), problem.inputs
    kept = right | {
        "exp_avg": _corrected(right["exp_avg"], i["beta1"], i["step"]),
        "exp_avg_sq": _corrected(right["exp_avg_sq"], i["beta2"], i["step"]),
    }
    return {name: np.asarray(value, dtype=np.float64) for name, value in kept.items()}


def _zero_then(problem: Problem) -> Mapping[str, Array]:
    return {name: np.asarray(problem.inputs[name], dtype=np.float64) for name in ("p", "exp_avg", "exp_avg_sq")}


_TABLE: dict[str, tuple[Callable[[Problem], Mapping[str, Array]], Mistake]] = {
    "bias-correction-missing": (
        _variant(correct=_uncorrected),
        Mistake(
            N_("the bias correction is missing: m and v are used as they are"), 3, N_("Divide m by what, at step 1?")
        ),
    ),
    "first-bias-correction-missing": (
        _variant(correct=_uncorrected, correct_second=_corrected),
        Mistake(N_("the bias correction of m is missing"), 3, N_("What is m at step 1, next to the gradient?")),
    ),
    "second-bias-correction-missing": (
        _variant(correct_second=_uncorrected),
        Mistake(
            N_("the bias correction of v is missing"), 4, N_("What is v at step 1, next to the gradient's square?")
        ),
    ),
    "bias-correction-one-step-late": (
        _variant(correct=lambda mean, beta, step: mean / (1 - beta ** (step + 1))),
        Mistake(
            N_("the bias correction counts one step too many: step includes this one"), 3, N_("With what does t begin?")
        ),
    ),
    "bias-correction-one-step-early": (
        _variant(correct=lambda mean, beta, step: mean / (1 - beta ** (step - 1))),
        Mistake(N_("the bias correction counts one step too few"), 3, N_("With what does t begin?")),
    ),
    "bias-correction-without-power": (
        _variant(correct=lambda mean, beta, step: mean / (1 - beta)),
        Mistake(
            N_("the bias correction divides by 1 − β, without the power t"), 3, N_("What becomes of it as t grows?")
        ),
    ),
    "eps-inside-root": (
        _variant(scale=lambda second, eps: np.sqrt(second + eps)),
        Mistake(N_("ε is added inside the root"), 5, N_("Does the root end before ε or after it?")),
    ),
    "eps-missing": (
        _variant(scale=lambda second, eps: np.sqrt(second)),
        Mistake(N_("ε is missing"), 5, N_("What happens where v is 0?")),
    ),
    "eps-before-correction": (
        lambda problem: _eps_hat(problem),
        Mistake(
            N_("ε is added before the bias correction of v (the variant ε̂)"), 5, N_("To which of √v and √v̂ is ε added?")
        ),
    ),
    "root-missing": (
        _variant(scale=lambda second, eps: second + eps),
        Mistake(
            N_("the root is missing: it divides by v̂, not by √v̂"), 5, N_("Which unit has m/v, if the gradient has one?")
        ),
    ),
    "gradient-not-squared": (
        _variant(square=lambda grad: grad),
        Mistake(N_("v is a mean of g, not of g²"), 2, N_("Of what is v a running mean?")),
    ),
    "gradient-absolute": (
        _variant(square=abs),
        Mistake(N_("v is a mean of |g|, not of g²"), 2, N_("Of what is v a running mean?")),
    ),
    "one-minus-beta-missing": (
        _variant(mean=_decayed_both),
        Mistake(
            N_("the factor 1 − β is missing: a sum, not a mean"), 1, N_("Do the two weights of a mean add up to 1?")
        ),
    ),
    "betas-the-other-way": (
        _variant(mean=_betas_the_other_way),
        Mistake(N_("β and 1 − β stand in each other's place"), 1, N_("Which share does the new gradient get?")),
    ),
    "same-beta-twice": (
        _with(beta2=lambda i: i["beta1"]),
        Mistake(N_("β₁ is used for v as well"), 2, N_("Which β belongs to v?")),
    ),
    "betas-exchanged": (
        _with(beta1=lambda i: i["beta2"], beta2=lambda i: i["beta1"]),
        Mistake(N_("β₁ and β₂ stand in each other's place"), 1, N_("Which β belongs to m?")),
    ),
    "ascent": (
        _with(lr=lambda i: -i["lr"]),
        Mistake(N_("the step goes up: p + lr · …, gradient ascent"), 5, N_("Does the loss fall along your step?")),
    ),
    "move-for-parameter": (
        _move_only,
        Mistake(N_("the move is returned, not the parameter after it"), 5, N_("What is asked for?")),
    ),
    "means-exchanged": (
        _means_exchanged,
        Mistake(N_("exp_avg and exp_avg_sq stand in each other's place"), 2, N_("Read your return line.")),
    ),
    "gradient-descent": (
        _gradient_descent,
        Mistake(N_("it is plain gradient descent"), 5, N_("Where do m and v enter?")),
    ),
    "corrected-means-kept": (
        _corrected_means_kept,
        Mistake(
            N_("the corrected mean is handed on; the next step must get the uncorrected one"), 3, N_("What is stored?")
        ),
    ),
    "unchanged": (_zero_then, Mistake(N_("it is returned as it came"), 1, N_("Which line changes it?"))),
    "gradient-for-mean": (
        _variant(mean=lambda old, new, beta: new),
        Mistake(
            N_("the new value alone is used: the running mean forgets the old one"), 1, N_("What is a running mean?")
        ),
    ),
}


def _eps_hat(problem: Problem) -> Mapping[str, Array]:
    i, right = problem.inputs, adam(problem.inputs)
    root = np.sqrt(right["exp_avg_sq"]) + i["eps"]
    rate = i["lr"] * np.sqrt(1 - i["beta2"] ** i["step"]) / (1 - i["beta1"] ** i["step"])
    moved = right | {"p": i["p"] - rate * right["exp_avg"] / root}
    return {name: np.asarray(value, dtype=np.float64) for name, value in moved.items()}


VARIANTS = {name: variant for name, (variant, _) in _TABLE.items()}
MISTAKES = {name: mistake for name, (_, mistake) in _TABLE.items()}

"""Hypotheses that solve for a number: c times a known direction added to the gradient, or the step of a difference."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bpcompare.language import _
from bpcompare.marker.calls import EPSILON, Array, Call
from bpcompare.marker.explanation import Explanation, expected_value
from bpcompare.marker.hypotheses.wrong_parts.view import view
from bpcompare.marker.memo import Memo

Direction = Callable[[Call], tuple[Array, Array]]  # base and direction: the answer is base + c · direction


def added_term(calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
    """The right gradient plus one unknown number times a known direction, the same number in every call."""
    if any(call.answers[answer].size != expected_value(call, answer).size for call in calls):
        return None
    largest = max(calls, key=lambda call: call.answers[answer].size)
    for name, direction in _directions(answer, memo):
        if not _may_be_on_line(largest, answer, direction):
            continue
        number = _solve(calls, answer, direction)
        if number is not None and all(_on_line(call, answer, direction, number) for call in calls):
            return Explanation((name,), 1.5, detail=f"{abs(number):.6g}")
    return None


def _directions(answer: str, memo: Memo) -> Iterator[tuple[str, Direction]]:
    mine = answer[-1]
    if answer == "grad_b":
        yield (
            "w-updated-before-b",
            lambda call: (expected_value(call, "grad_b"), -_other(call, "grad_w") @ _mean_x(call, memo)),
        )
    else:
        yield (
            "b-updated-before-w",
            lambda call: (expected_value(call, "grad_w"), -np.outer(_other(call, "grad_b"), _mean_x(call, memo))),
        )
    yield "weight-decay", lambda call: (expected_value(call, answer), _parameter(call, mine))
    yield "updated-parameter", lambda call: (_parameter(call, mine), expected_value(call, answer))
    yield "l1-penalty", lambda call: (expected_value(call, answer), np.sign(_parameter(call, mine)))
    yield "constant-added", lambda call: (expected_value(call, answer), np.ones_like(expected_value(call, answer)))


def _mean_x(call: Call, memo: Memo) -> Array:
    return np.asarray(2 * view(call, memo).x.mean(0) / call.problem.sizes["out"])


def _other(call: Call, other: str) -> Array:
    given = call.answers.get(other)
    right = expected_value(call, other)
    return given if given is not None and given.shape == right.shape else right


def _parameter(call: Call, name: str) -> Array:
    return np.asarray(call.problem.inputs[name], dtype=np.float64)


def _solve(calls: Sequence[Call], answer: str, direction: Direction) -> float | None:
    """The number from the float64 call that determines it best."""
    best, sharpness = None, 0.0
    for call in calls:
        base, along = direction(call)
        length = float((along**2).sum())
        certainty = length**0.5 / (float(call.rounding(answer).max()) + 1e-300)
        if certainty > sharpness:
            rest = call.answers[answer].reshape(base.shape) - base
            best, sharpness = float((rest * along).sum()) / length, certainty
    return best if best else None


def _may_be_on_line(call: Call, answer: str, direction: Direction) -> bool:
    """A first look: whether one number brings this call anywhere near the line; the nearest does where any does."""
    base, along = direction(call)
    rest = call.answers[answer].reshape(base.shape) - base
    nearest = float((rest * along).sum()) / (float((along * along).sum()) or 1.0)
    allowed = 4 * call.rounding(answer) + 128 * EPSILON[call.problem.dtype] * abs(rest)
    return not float(np.linalg.norm(rest - nearest * along)) > 4 * float(np.linalg.norm(allowed))


def _on_line(call: Call, answer: str, direction: Direction, number: float, noise: float = 0.0) -> bool:
    base, along = direction(call)
    rounding = 4 * call.rounding(answer) + 64 * EPSILON[call.problem.dtype] * abs(number * along) + noise
    return bool((abs(call.answers[answer].reshape(base.shape) - base - number * along) <= rounding).all())


def finite_difference(calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
    """A finite difference of one side with step h, whose curvature shows; or rounding that something magnifies."""
    if any(call.answers[answer].size != expected_value(call, answer).size for call in calls):
        return None
    doubles = [call for call in calls if call.problem.dtype == "float64"]
    step = _solve(doubles, answer, lambda call: _curved(call, answer, memo)) if doubles else None
    if (
        step is not None
        and 1e-10 < abs(step) < 10
        and all(
            _on_line(call, answer, lambda call: _curved(call, answer, memo), step, _noise(call, answer, step, memo))
            for call in calls
        )
        and _visible(doubles, answer, step, memo)
    ):
        ahead = _("forward, with a step of about {step:.2g}", step=step)
        behind = _("backward, with a step of about {step:.2g}", step=-step)
        return Explanation(("finite-difference",), 1.5, detail=ahead if step > 0 else behind)
    return _noisy(calls, answer, memo)


def _curved(call: Call, answer: str, memo: Memo) -> tuple[Array, Array]:
    """The gradient, and half the second derivative: (L(w + h) − L(w))/h = L′ + h·L″/2, exactly, for a square."""
    out = call.problem.sizes["out"]
    if answer == "grad_b":
        return expected_value(call, answer), np.full(out, 1.0 / out)
    second = (view(call, memo).x ** 2).mean(0) / out
    return expected_value(call, answer), np.broadcast_to(second[None, :], expected_value(call, answer).shape)


def _unit(call: Call, answer: str, memo: Memo) -> float:
    """ε·L and ε·|w|·|L′|: what rounding puts into L(w + h) − L(w), in units that h divides."""
    v = view(call, memo)
    size = float((v.size_residual**2).mean()) + float(
        abs(expected_value(call, answer)).max() * (1 + abs(v.w).max() + abs(v.b).max())
    )
    return EPSILON[call.problem.dtype] * size


def _noise(call: Call, answer: str, step: float, memo: Memo) -> float:
    return 8 * _unit(call, answer, memo) / abs(step)


def _visible(calls: Sequence[Call], answer: str, step: float, memo: Memo) -> bool:
    return any(
        abs(step) * float(_curved(call, answer, memo)[1].max()) > 4 * _noise(call, answer, step, memo) for call in calls
    )


def _noisy(calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
    """Errors of about the same multiple of ε·L in float64 and in float32: 1/h, or what another formula cancels."""
    inverse = {}
    for dtype in ("float64", "float32"):
        errors = [
            float(abs(call.answers[answer].ravel() - expected_value(call, answer).ravel()).max())
            / _unit(call, answer, memo)
            for call in calls
            if call.problem.dtype == dtype
        ]
        if not errors:
            return None
        inverse[dtype] = max(errors)
    double, single = inverse["float64"], inverse["float32"]
    lost = double > 1e4 and single < double  # in float32 a small step vanishes next to w
    if not 2 < double < 1e11 or not ((lost and single > 1e5) or double / 30 < single < double * 30):
        return None
    detail = _(
        "the errors are as large as those of a finite difference with a step of about {step:.0e}", step=1 / double
    )
    return Explanation(("rounding-magnified",), 5.0, detail=detail, sure=False)

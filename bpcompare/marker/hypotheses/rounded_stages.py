"""Hypothesis: on the way to the gradient of the squared error, numbers are held in a narrower type or rounded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, product

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.calls import Array, Call
from bpcompare.marker.explanation import (
    Explanation,
    agrees,
    all_sizes,
    cheapest,
    expected_value,
    fit_guesses,
    not_refuted,
    telling_first,
)
from bpcompare.marker.factors import Factor
from bpcompare.marker.hypotheses.number_types import CASTS, PREDICTED, Cast, comparable, error
from bpcompare.marker.hypotheses.number_values import STEPS
from bpcompare.marker.hypotheses.wrong_parts.view import View, view
from bpcompare.marker.memo import Memo
from bpcompare.marker.phrases import Phrase, Words, phrase, said

TELLING = 32  # so many errors do not follow a simulation by chance

INPUTS, FORWARD, FUSED = ("x", "w", "b", "y"), ("x", "w", "b", "product", "prediction"), ("x", "w", "b", "prediction")
# The stages that are rounded together; "x again" is the x of the backward pass.
NARROW: tuple[tuple[str, ...], ...] = (
    *(("x", "x again"), ("y",), ("w",), ("x", "w", "x again"), ("x", "y", "x again"), ("x again",)),
    *(("x", "w"), ("x", "w", "product"), FORWARD, FUSED, ("prediction",)),
    *(("residual",), (*FORWARD, "y", "residual"), (*FUSED, "y", "residual"), ("prediction", "y", "residual")),
    *(("delta",), ("x again", "delta"), ("x again", "residual"), ("terms",), ("x again", "delta", "terms")),
    *((*FORWARD, "y", "residual", "x again"), (*FUSED, "y", "residual", "x again")),
    *((*FORWARD, "y", "residual", "x again", "delta"), (*FORWARD, "y", "residual", "x again", "delta", "terms")),
)
ROUNDED: dict[str, tuple[str, ...]] = {
    "x": ("x", "x again"),
    N_("x, y, w and b"): (*INPUTS, "x again"),
    "w": ("w",),
    "y": ("y",),
    N_("the prediction"): ("prediction",),
    N_("the residual"): ("residual",),
    "δ": ("delta",),
}


WHOLE = Phrase(N_("whole numbers"))


@dataclass(frozen=True, eq=False)
class Rounding:
    """Digits lost on the way: the stages at which ``cast`` is applied, and what that is called."""

    mistake: str
    cast: Cast
    stages: tuple[str, ...]
    detail: Words = ""


def _roundings() -> Iterator[Rounding]:
    for (name, cast), stages in product(CASTS, NARROW):
        yield Rounding(name, cast, stages)
    for (digits, step), (what, stages) in product(((WHOLE, 1.0), *STEPS.items()), ROUNDED.items()):
        detail = phrase(N_("{what}, to {digits}"), what=Phrase(what), digits=digits)
        yield Rounding("rounded-on-the-way", _to_multiples_of(step), stages, detail)


def _to_multiples_of(step: float) -> Cast:
    return lambda array: np.round(array / step) * step


ROUNDINGS = tuple(_roundings())


def narrowed(calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
    """Digits lost on the way: surely where the float64 answers come out, probably where most of their errors do."""
    doubles = [call for call in calls if call.problem.dtype == "float64"]
    singles = [call for call in calls if call.problem.dtype == "float32"]
    if not doubles or any(call.answers[answer].size != expected_value(call, answer).size for call in calls):
        return None
    ordered, small, found = telling_first(doubles, answer), comparable(calls, answer), []
    guess = partial(_guess, answer=answer, memo=memo)
    fitting = dict(not_refuted(ordered, answer, ROUNDINGS, lambda one: partial(guess, rounding=one), memo))
    for rounding in ROUNDINGS if small else fitting:
        factor = fit_guesses(ordered, answer, fitting[rounding]) if rounding in fitting else None
        if factor is not None and _borne_out(singles, answer, rounding, factor, memo):
            rest = factor if factor != Factor() else None
            found.append(Explanation((rounding.mistake,), 1.0 + factor.cost, rest, said(rounding.detail)))
        elif (
            small
            and _predicted(doubles, answer, rounding, memo)
            and _borne_out(singles, answer, rounding, Factor(), memo)
        ):
            found.append(Explanation((rounding.mistake,), 5.0, sure=False))
    return cheapest(found)


def _borne_out(singles: Sequence[Call], answer: str, rounding: Rounding, factor: Factor, memo: Memo) -> bool:
    """Whether float32 answers err alike – a number may be rounded the other way there – or not, in single precision."""
    if factor != Factor():
        singles = [
            Call(call.problem, {answer: call.answers[answer] / factor.at(all_sizes(call))}, call.dtypes)
            for call in singles
        ]
    if rounding.mistake == "single-precision":
        return all(agrees(call, answer, expected_value(call, answer)) for call in singles)
    return not singles or _predicted(singles, answer, rounding, memo)


def _predicted(calls: Sequence[Call], answer: str, rounding: Rounding, memo: Memo) -> bool:
    """Whether the answers err as the simulation does: subtracting its errors leaves little of theirs.

    Errors of rounding are as good as random, so that nothing but the same rounding at the same place predicts them.
    """
    if sum(call.answers[answer].size for call in calls) < TELLING:
        return False
    most = PREDICTED**2 * sum(_squared_error(call, answer, None, memo) for call in calls)
    left = accumulate(_squared_error(call, answer, rounding, memo) for call in calls)
    return all(so_far < most for so_far in left)  # too much of the errors is left, mostly after a call or two


def _squared_error(call: Call, answer: str, rounding: Rounding | None, memo: Memo) -> float:
    """Of the answer against the simulation, or against the expected value; worked out once for each call."""

    def made() -> float:
        right = expected_value(call, answer) if rounding is None else _gradient(call, answer, rounding, memo)
        return float((error(call, answer, right) ** 2).sum())

    return memo.once(("squared error", call, answer, rounding), made)


def _guess(call: Call, answer: str, rounding: Rounding, memo: Memo) -> tuple[Array, Array]:
    return _gradient(call, answer, rounding, memo), call.problem.terms[answer]


def _gradient(call: Call, answer: str, rounding: Rounding, memo: Memo) -> Array:
    """The gradient in float64 but for the stages that are cast; worked out once for each problem."""
    made = view(call, memo).once(rounding, partial(_gradients, rounding=rounding))
    assert made is not None
    return made[answer == "grad_b"]


def _gradients(v: View, rounding: Rounding) -> tuple[Array, Array]:
    def held(stage: str, array: Array) -> Array:
        return rounding.cast(array) if stage in rounding.stages else array

    x, w, b = held("x", v.x), held("w", v.w), held("b", v.b)
    prediction = held("prediction", held("product", x @ w.T) + b)
    delta = held("delta", 2 / v.y.size * held("residual", prediction - held("y", v.y)))
    terms = held("terms", delta[:, :, None] * held("x again", v.x)[:, None, :])
    return terms.sum(0), delta.sum(0)

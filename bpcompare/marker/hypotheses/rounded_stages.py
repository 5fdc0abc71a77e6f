"""Hypothesis: on the way to the gradient of the squared error, numbers are held in a narrower type or rounded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, product

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.calls import Array, Call
from bpcompare.marker.explanation import (
    Explanation,
    agrees,
    cheapest,
    epsilon,
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
FAR_OFF = 4.0  # times the rounding: twice what a closer look allows

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
    group: "Group"
    place: int
    detail: Words = ""


@dataclass(frozen=True, eq=False)
class Group:
    """Roundings of the same stages, worked out together.

    Attributes:
        stages: Where numbers are rounded.
        cast: Rounds a stack of arrays, each in the way of one rounding.
        count: How many roundings there are.
    """

    stages: tuple[str, ...]
    cast: Cast
    count: int


def _roundings() -> Iterator[Rounding]:
    narrow = {stages: Group(stages, _to_types, len(CASTS)) for stages in NARROW}
    for (place, (name, __)), stages in product(enumerate(CASTS), NARROW):
        yield Rounding(name, narrow[stages], place)
    digits = {WHOLE: 1.0, **STEPS}
    to_digits = _to_multiples_of(np.array(list(digits.values())))
    rounded = {stages: Group(stages, to_digits, len(digits)) for stages in ROUNDED.values()}
    for (place, step), (what, stages) in product(enumerate(digits), ROUNDED.items()):
        detail = phrase(N_("{what}, to {digits}"), what=Phrase(what), digits=step)
        yield Rounding("rounded-on-the-way", rounded[stages], place, detail)


def _to_types(stack: Array) -> Array:
    return np.stack([cast(array) for (__, cast), array in zip(CASTS, stack, strict=True)])


def _to_multiples_of(steps: Array) -> Cast:
    def cast(stack: Array) -> Array:
        sizes = steps.reshape(-1, *[1] * (stack.ndim - 1))
        return np.asarray(np.round(stack / sizes) * sizes)

    return cast


ROUNDINGS = tuple(_roundings())
BY_GROUP = {group: [one for one in ROUNDINGS if one.group is group] for group in {one.group: None for one in ROUNDINGS}}


def narrowed(calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
    """Digits lost on the way: surely where the float64 answers come out, probably where most of their errors do."""
    doubles = [call for call in calls if call.problem.dtype == "float64"]
    singles = [call for call in calls if call.problem.dtype == "float32"]
    if not doubles or any(call.answers[answer].size != expected_value(call, answer).size for call in calls):
        return None
    ordered, small, found = telling_first(doubles, answer), comparable(calls, answer), []
    missed = memo.once(("missed", ordered[0], answer), partial(_missed, ordered[0], answer, memo))
    memo.refuted.setdefault((ordered[0], answer), set()).update(missed)
    guess = partial(_guess, answer=answer, memo=memo)
    fitting = dict(not_refuted(ordered, answer, ROUNDINGS, lambda one: partial(guess, rounding=one), memo))
    predicted = _predicted(doubles, answer, BY_GROUP, memo) if small else set[Rounding]()
    for rounding in [one for one in ROUNDINGS if one in fitting or one in predicted]:
        factor = fit_guesses(ordered, answer, fitting[rounding]) if rounding in fitting else None
        if factor is not None and _borne_out(singles, answer, rounding, factor, memo):
            rest = factor if factor != Factor() else None
            found.append(Explanation((rounding.mistake,), 1.0 + factor.cost, rest, said(rounding.detail)))
        elif rounding in predicted and _borne_out(singles, answer, rounding, Factor(), memo):
            found.append(Explanation((rounding.mistake,), 5.0, sure=False))
    return cheapest(found)


def _borne_out(singles: Sequence[Call], answer: str, rounding: Rounding, factor: Factor, memo: Memo) -> bool:
    """Whether float32 answers err alike – a number may be rounded the other way there – or not, in single precision."""
    if factor != Factor():
        singles = [
            Call(
                call.problem, {answer: call.answers[answer] / factor.at(call.problem.sizes_and_neighbours)}, call.dtypes
            )
            for call in singles
        ]
    if rounding.mistake == "single-precision":
        return all(agrees(call, answer, expected_value(call, answer)) for call in singles)
    return not singles or rounding in _predicted(singles, answer, [rounding.group], memo)


def _predicted(calls: Sequence[Call], answer: str, groups: Iterable[Group], memo: Memo) -> set[Rounding]:
    """Those by which the answers err as the simulation does: subtracting its errors leaves little of theirs.

    Errors of rounding are as good as random, so that nothing but the same rounding at the same place predicts them.
    """
    found = set[Rounding]()
    if sum(call.answers[answer].size for call in calls) < TELLING:
        return found
    most = PREDICTED**2 * sum(float((error(call, answer, expected_value(call, answer)) ** 2).sum()) for call in calls)
    for group in groups:
        near = np.ones(group.count, dtype=bool)
        for left in accumulate(_squared_errors(call, answer, group, memo) for call in calls):
            near &= left < most
            if not near.any():  # too much of the errors is left, mostly after a call or two
                break
        found.update(BY_GROUP[group][place] for place in np.flatnonzero(near))
    return found


def _squared_errors(call: Call, answer: str, group: Group, memo: Memo) -> Array:
    """Of the answer against each simulation of a group; worked out once for each call."""

    def made() -> Array:
        rows = _stack(call, answer, group, memo).reshape(group.count, -1)
        terms = call.problem.terms[answer].ravel() + 1e-300
        return np.asarray((((call.answers[answer].ravel() - rows) / terms) ** 2).sum(1))

    return memo.once(("squared errors", call, answer, group), made)


def _guess(call: Call, answer: str, rounding: Rounding, memo: Memo) -> tuple[Array, Array]:
    return _gradient(call, answer, rounding, memo), call.problem.terms[answer]


def _gradient(call: Call, answer: str, rounding: Rounding, memo: Memo) -> Array:
    """The gradient in float64 but for the stages that are cast; worked out once for each problem."""
    return np.asarray(_stack(call, answer, rounding.group, memo)[rounding.place])


def _stack(call: Call, answer: str, group: Group, memo: Memo) -> Array:
    """The gradients of one problem with each rounding of a group."""
    made = view(call, memo).once(group, partial(gradients, group=group))
    assert made is not None
    return made[answer == "grad_b"]


def gradients(v: View, group: Group) -> tuple[Array, Array]:
    """∂L/∂w and ∂L/∂b with each rounding of a group, along the first axis."""

    def held(stage: str, stack: Array) -> Array:
        if stage not in group.stages:
            return stack
        return group.cast(stack if len(stack) > 1 else np.repeat(stack, group.count, 0))

    x, w, b = held("x", v.x[None]), held("w", v.w[None]), held("b", v.b[None])
    prediction = held("prediction", held("product", x @ w.swapaxes(1, 2)) + b[:, None])
    delta = held("delta", 2 / v.y.size * held("residual", prediction - held("y", v.y[None])))
    terms = held("terms", delta[..., None] * held("x again", v.x[None])[:, :, None])
    of_w, of_b = terms.sum(1), delta.sum(1)
    return of_w, np.broadcast_to(of_b, (group.count, *of_b.shape[1:]))


def _missed(call: Call, answer: str, memo: Memo) -> set[Rounding]:
    """Those that no factor brings anywhere near the answer of this call; all others stay open."""
    if call.answers[answer].size < 2:
        return set()
    wanted = call.answers[answer].ravel()
    allowed = FAR_OFF * (call.problem.operations * epsilon(call, answer) * call.problem.terms[answer]).ravel()
    found = set[Rounding]()
    for group, roundings in BY_GROUP.items():
        rows = _stack(call, answer, group, memo).reshape(group.count, -1)
        factors = rows @ wanted / np.einsum("ij,ij->i", rows, rows)
        apart = abs(wanted - factors[:, None] * rows) > abs(factors)[:, None] * allowed
        found.update(roundings[place] for place in np.flatnonzero(apart.any(1)))  # nan compares as false
    return found

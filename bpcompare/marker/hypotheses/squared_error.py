"""Hypotheses about ``gradients(x, y, w, b)`` of the mean squared error, beyond those that hold for any loss."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from bpcompare.marker.calls import Array, Call, Problem
from bpcompare.marker.explanation import (
    Explanation,
    Guess,
    Priced,
    agrees,
    cheapest,
    fit_guesses,
    not_refuted,
    telling_first,
)
from bpcompare.marker.factors import Factor
from bpcompare.marker.hypotheses.added_terms import added_term, finite_difference
from bpcompare.marker.hypotheses.combination_screen import refuted, refuted_by_two
from bpcompare.marker.hypotheses.combinations import MOST_MISTAKES, holding
from bpcompare.marker.hypotheses.rounded_stages import narrowed
from bpcompare.marker.hypotheses.wrong_parts.residuals import ERRORS
from bpcompare.marker.hypotheses.wrong_parts.view import View, view
from bpcompare.marker.memo import Memo
from bpcompare.marker.problems.linear_regression import solve

NEUTRAL_COST = 0.1
Product = Callable[[View], tuple[Array, Array]]
Preparation = Callable[[dict[str, Array]], dict[str, Array]]


def _of_view(make: Callable[[View], tuple[Array, Array] | None], memo: Memo) -> Guess:
    return lambda call: make(view(call, memo))


def composed(calls: Sequence[Call], answer: str, memo: Memo, mistakes: int) -> Explanation | None:
    """The cheapest combination of residual, x, samples and product, so many of them wrong, times a factor."""
    if len(calls) < 2:
        return None
    found: list[Explanation] = []
    ordered = telling_first(calls, answer)
    first, second = ordered[0], ordered[min(1, len(ordered) - 1)]
    every = holding(mistakes, answer)
    if first.answers[answer].size > 1:
        far = memo.once(("far", first, answer, mistakes), partial(refuted, first, answer, mistakes, memo))
        memo.refuted.setdefault((first, answer), set()).update(far)
    elif first.answers[answer].size == second.answers[answer].size and first.problem.sizes == second.problem.sizes:
        apart = memo.once(
            ("apart", first, second, answer, mistakes),
            partial(refuted_by_two, first, second, answer, mistakes, memo),
        )
        every = tuple(one for one in every if one not in apart)
    for combination, guess in not_refuted(ordered, answer, every, lambda one: _of_view(one.of, memo), memo):
        factor = fit_guesses(ordered, answer, guess)
        if factor is None:
            continue
        rest = combination.remainder(factor)
        cost = mistakes + rest.cost + (NEUTRAL_COST if rest != factor else 0)
        found.append(Explanation(combination.mistakes, cost, rest if rest != Factor() else None))
    return cheapest(found)


def other_products(calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
    """Products that are not δᵀx at all: the N × N differences, δ with the parameter itself."""
    found = []
    ordered = telling_first(calls, answer)
    for name, product in _products(answer):
        factor = fit_guesses(ordered, answer, _of_view(product, memo))
        if factor is not None:
            found.append(Explanation((name,), 1.2 + (0 if name.startswith("broadcast") else factor.cost)))
    return min(found, key=lambda explanation: explanation.cost, default=None)


def _products(answer: str) -> Iterator[tuple[str, Product]]:
    def differences(v: View) -> tuple[Array, Array]:
        if v.y.shape[1] > 1:
            return np.full(1, np.nan), np.zeros(1)
        return v.prediction.T - v.y, v.size_prediction.T + abs(v.y)

    def delta(v: View) -> tuple[Array, Array]:
        return 2 * v.residual / v.y.size, 2 * v.size_residual / v.y.size

    yield "broadcast-n-by-n", differences
    yield "broadcast-n-by-n", lambda v: (differences(v)[0].T, differences(v)[1].T)
    if answer == "grad_b":
        yield "parameter-left-in", lambda v: (delta(v)[0].sum(0) * v.b, delta(v)[1].sum(0) * abs(v.b))
        return
    yield "broadcast-n-by-n", lambda v: _one_output(v.x, differences(v)[0], v.y)
    yield "broadcast-n-by-n", lambda v: _one_output(v.x, differences(v)[0].T, v.y)
    yield "parameter-left-in", lambda v: ((delta(v)[0].T @ v.x) * v.w, (delta(v)[1].T @ abs(v.x)) * abs(v.w))
    yield "gradient-by-x", lambda v: (delta(v)[0] @ v.w, delta(v)[1] @ abs(v.w))
    yield "gradient-by-x", lambda v: ((delta(v)[0] @ v.w).sum(0), (delta(v)[1] @ abs(v.w)).sum(0))
    yield (
        "gradient-by-prediction",
        lambda v: (delta(v)[0].sum(0)[:, None] * v.w, delta(v)[1].sum(0)[:, None] * abs(v.w)),
    )


def _one_output(x: Array, matrix: Array, y: Array) -> tuple[Array, Array]:
    if y.shape[1] > 1:
        return matrix, matrix
    return matrix.T @ x, abs(matrix).T @ abs(x) * len(y)


def prepared(calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
    """The right gradient of other numbers: inputs that were prepared before the forward pass."""
    found = []
    ordered = telling_first(calls, answer)
    for (name, _), guess in not_refuted(
        ordered, answer, PREPARATIONS, lambda one: partial(_prepared, answer=answer, prepare=one[1], memo=memo), memo
    ):
        factor = fit_guesses(ordered, answer, guess)
        if factor is not None:
            found.append(Explanation((name,), 1.0 + factor.cost, factor if factor != Factor() else None))
    return cheapest(found)


def _prepared(call: Call, answer: str, prepare: Preparation, memo: Memo) -> tuple[Array, Array]:
    def solved() -> Problem:
        arrays = {name: np.asarray(value, dtype=np.float64) for name, value in call.problem.inputs.items()}
        return solve(arrays | prepare(arrays), "float64")

    problem = memo.of_problem(("prepared", call.problem, prepare), solved)
    return np.asarray(problem.expected[answer], dtype=np.float64), problem.terms[answer] + call.problem.terms[answer]


def _standard(array: Array, ddof: int = 0, eps: float = 0.0) -> Array:
    return np.asarray((array - array.mean(0)) / np.sqrt(array.var(0, ddof=ddof) + eps))


def _scaled(array: Array) -> Array:
    return np.asarray((array - array.min(0)) / (array.max(0) - array.min(0)))


PREPARATIONS: tuple[tuple[str, Preparation], ...] = (
    ("x-centred", lambda a: {"x": a["x"] - a["x"].mean(0)}),
    ("x-centred", lambda a: {"x": a["x"] - a["x"].mean()}),
    ("x-standardised", lambda a: {"x": _standard(a["x"])}),
    ("x-standardised", lambda a: {"x": _standard(a["x"], ddof=1)}),
    ("x-standardised", lambda a: {"x": _standard(a["x"], eps=1e-5)}),  # that of nn.BatchNorm1d
    ("x-standardised", lambda a: {"x": _standard(a["x"], eps=1e-8)}),
    ("x-standardised", lambda a: {"x": _scaled(a["x"])}),
    ("x-standardised", lambda a: {"x": 2 * _scaled(a["x"]) - 1}),
    ("y-centred", lambda a: {"y": a["y"] - a["y"].mean(0)}),
    ("y-centred", lambda a: {"y": a["y"] - a["y"].mean()}),
    ("y-centred", lambda a: {"x": a["x"] - a["x"].mean(0), "y": a["y"] - a["y"].mean(0)}),
    ("x-standardised", lambda a: {"x": _standard(a["x"]), "y": _standard(a["y"])}),
    ("integer-division", lambda a: {"x": np.trunc(a["x"])}),
    ("integer-division", lambda a: {name: np.trunc(array) for name, array in a.items()}),
    ("absolute-x", lambda a: {"x": abs(a["x"])}),
    ("x-squared", lambda a: {"x": a["x"] ** 2}),
    ("x-reversed", lambda a: {"x": a["x"][::-1]}),
)


def random_sample(calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
    """In every call, the gradient of one sample – not always the same."""
    twice = [(a, b) for a, b in pairwise(calls) if a.problem is b.problem]
    if all(np.array_equal(a.answers[answer], b.answers[answer]) for a, b in twice):
        return None
    for call in calls:
        v = view(call, memo)
        shares = [_share(v, answer, index) for index in range(len(v.x))]
        if not any(agrees(call, answer, share) for share in shares):
            return None
    return Explanation(("random-sample",), 1.4)


def _share(v: View, answer: str, index: int) -> Array:
    delta = 2 * v.residual[index] / v.y.shape[1]
    return np.asarray(np.outer(delta, v.x[index]) if answer == "grad_w" else delta)


SHARED = frozenset(ERRORS) - {""}  # both gradients are made of the residual
COMBINED = tuple(Priced(count, partial(composed, mistakes=count)) for count in range(MOST_MISTAKES + 1))
OTHERS = (
    Priced(1.2, other_products),
    Priced(1.0, prepared),
    Priced(1.4, random_sample),
    Priced(1.5, added_term),
    Priced(1.5, finite_difference),
)
HYPOTHESES = (*COMBINED, *OTHERS, Priced(1.0, narrowed))
# Two mistakes in one kind of calls, and others elsewhere, are rather chance than what somebody wrote.
IN_PARTS = (*COMBINED[:2], *OTHERS)

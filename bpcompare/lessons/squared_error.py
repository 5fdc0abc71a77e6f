"""Hypotheses about ``gradients(x, y, w, b)`` of the mean squared error, beyond those that hold for any loss."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np

from bpcompare.lessons.calls import EPSILON, Array, Call, Problem
from bpcompare.lessons.explanation import Explanation, agrees, cheapest, fit_guesses, truth
from bpcompare.lessons.factors import Factor
from bpcompare.lessons.forms import Form, forms
from bpcompare.lessons.ingredients import View
from bpcompare.lessons.regression import solve

NEUTRAL_COST = 0.1
Product = Callable[[View], tuple[Array, Array]]
Preparation = Callable[[dict[str, Array]], dict[str, Array]]
Direction = Callable[[Call], tuple[Array, Array]]  # base and direction: the answer is base + c · direction

# Forms that a first and a second call have refuted already, whatever other calls they come with.
_REFUTED: WeakKeyDictionary[Call, dict[tuple[str, int], set[Form]]] = WeakKeyDictionary()
_VIEWS: WeakKeyDictionary[Problem, View] = WeakKeyDictionary()


def view(call: Call) -> View:
    """The problem's inputs in float64, worked out once."""
    if call.problem not in _VIEWS:
        _VIEWS[call.problem] = View.of(call.problem.inputs)
    return _VIEWS[call.problem]


def composed(calls: Sequence[Call], answer: str) -> Explanation | None:
    """The cheapest form – residual, x, samples and product, each right or wrong in a known way – times a factor."""
    if len(calls) < 2:
        return None
    found: list[Explanation] = []
    lowest = np.inf
    ordered = _telling_first(calls, answer)
    refuted = _REFUTED.setdefault(ordered[0], {}).setdefault((answer, id(ordered[1])), set())
    for form in forms(answer):
        if form in refuted:
            continue
        if len(form.mistakes) > lowest:
            break
        if fit_guesses(ordered[:2], answer, lambda call, form=form: form.of(view(call))) is None:
            refuted.add(form)
            continue
        factor = fit_guesses(ordered, answer, lambda call, form=form: form.of(view(call)))
        if factor is None:
            continue
        rest = form.remainder(factor)
        cost = len(form.mistakes) + rest.cost + (NEUTRAL_COST if rest != factor else 0)
        found.append(Explanation(form.mistakes, cost, rest if rest != Factor() else None))
        lowest = min(lowest, cost)
    return cheapest(found)


def _telling_first(calls: Sequence[Call], answer: str) -> list[Call]:
    """Two calls of one shape that refute a wrong form at once: the largest in float64; then the others."""
    ordered = sorted(calls, key=lambda call: (call.problem.dtype != "float64", -call.answers[answer].size))
    for index, call in enumerate(ordered[1:], 1):
        if call.problem is not ordered[0].problem and call.problem.sizes == ordered[0].problem.sizes:
            return [ordered[0], call, *ordered[1:index], *ordered[index + 1 :]]
    return ordered


def other_products(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Products that are not xᵀδ at all: the N × N differences, δ with the parameter itself."""
    found = []
    for name, product in _products(answer):
        factor = fit_guesses(calls, answer, lambda call, product=product: product(view(call)))
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
    yield "parameter-left-in", lambda v: ((v.x.T @ delta(v)[0]) * v.w, (abs(v.x).T @ delta(v)[1]) * abs(v.w))
    yield "gradient-by-x", lambda v: (delta(v)[0] @ v.w.T, delta(v)[1] @ abs(v.w).T)
    yield "gradient-by-x", lambda v: ((delta(v)[0] @ v.w.T).sum(0), (delta(v)[1] @ abs(v.w).T).sum(0))
    yield "gradient-by-prediction", lambda v: (delta(v)[0].sum(0) * v.w, delta(v)[1].sum(0) * abs(v.w))


def _one_output(x: Array, matrix: Array, y: Array) -> tuple[Array, Array]:
    if y.shape[1] > 1:
        return matrix, matrix
    return x.T @ matrix, abs(x).T @ abs(matrix) * len(y)


def prepared(calls: Sequence[Call], answer: str) -> Explanation | None:
    """The right gradient of other numbers: inputs that were prepared before the forward pass."""
    found = []
    for name, prepare in PREPARATIONS:
        factor = fit_guesses(calls, answer, lambda call, prepare=prepare: _prepared(call, answer, prepare))
        if factor is not None:
            found.append(Explanation((name,), 1.0 + factor.cost, factor if factor != Factor() else None))
    return cheapest(found)


def _prepared(call: Call, answer: str, prepare: Preparation) -> tuple[Array, Array]:
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in call.problem.inputs.items()}
    problem = solve(arrays | prepare(arrays), "float64")
    return np.asarray(problem.truth[answer], dtype=np.float64), problem.terms[answer] + call.problem.terms[answer]


def _standard(array: Array, ddof: int = 0) -> Array:
    return np.asarray((array - array.mean(0)) / array.std(0, ddof=ddof))


PREPARATIONS: tuple[tuple[str, Preparation], ...] = (
    ("x-centred", lambda a: {"x": a["x"] - a["x"].mean(0)}),
    ("x-centred", lambda a: {"x": a["x"] - a["x"].mean()}),
    ("x-standardised", lambda a: {"x": _standard(a["x"])}),
    ("x-standardised", lambda a: {"x": _standard(a["x"], ddof=1)}),
    ("x-standardised", lambda a: {"x": (a["x"] - a["x"].min(0)) / (a["x"].max(0) - a["x"].min(0))}),
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


def random_sample(calls: Sequence[Call], answer: str) -> Explanation | None:
    """In every call, the gradient of one sample – not always the same."""
    twice = [(a, b) for a, b in pairwise(calls) if a.problem is b.problem]
    if all(np.array_equal(a.answers[answer], b.answers[answer]) for a, b in twice):
        return None
    for call in calls:
        v = view(call)
        shares = [_share(v, answer, index) for index in range(len(v.x))]
        if not any(agrees(call, answer, share) for share in shares):
            return None
    return Explanation(("random-sample",), 1.4)


def _share(v: View, answer: str, index: int) -> Array:
    delta = 2 * v.residual[index] / v.y.shape[1]
    return np.asarray(np.outer(v.x[index], delta) if answer == "grad_w" else delta)


def offset(calls: Sequence[Call], answer: str) -> Explanation | None:
    """The right gradient plus one unknown number times a known direction, the same number in every call."""
    if any(call.answers[answer].size != truth(call, answer).size for call in calls):
        return None
    for name, direction in _directions(answer):
        number = _solve(calls, answer, direction)
        if number is not None and all(_on_line(call, answer, direction, number) for call in calls):
            return Explanation((name,), 1.5, detail=f"{abs(number):.6g}")
    return None


def _directions(answer: str) -> Iterator[tuple[str, Direction]]:
    mine = answer[-1]
    if answer == "grad_b":
        yield "w-updated-before-b", lambda call: (truth(call, "grad_b"), -_mean_x(call) @ _other(call, "grad_w"))
    else:
        yield (
            "b-updated-before-w",
            lambda call: (truth(call, "grad_w"), -np.outer(_mean_x(call), _other(call, "grad_b"))),
        )
    yield "updated-parameter", lambda call: (_parameter(call, mine), truth(call, answer))
    yield "weight-decay", lambda call: (truth(call, answer), _parameter(call, mine))
    yield "constant-added", lambda call: (truth(call, answer), np.ones_like(truth(call, answer)))


def _mean_x(call: Call) -> Array:
    return np.asarray(2 * view(call).x.mean(0) / call.problem.sizes["out"])


def _other(call: Call, other: str) -> Array:
    given = call.answers.get(other)
    right = truth(call, other)
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


def _on_line(call: Call, answer: str, direction: Direction, number: float, noise: float = 0.0) -> bool:
    base, along = direction(call)
    rounding = 4 * call.rounding(answer) + 64 * EPSILON[call.problem.dtype] * abs(number * along) + noise
    return bool((abs(call.answers[answer].reshape(base.shape) - base - number * along) <= rounding).all())


def finite_difference(calls: Sequence[Call], answer: str) -> Explanation | None:
    """A finite difference: of one side with step h (the curvature shows), or with rounding that grows like 1/h."""
    if any(call.answers[answer].size != truth(call, answer).size for call in calls):
        return None
    doubles = [call for call in calls if call.problem.dtype == "float64"]
    step = _solve(doubles, answer, lambda call: _curved(call, answer)) if doubles else None
    if step is not None and 1e-10 < abs(step) < 10:
        if all(
            _on_line(call, answer, lambda call: _curved(call, answer), step, _noise(call, answer, step))
            for call in calls
        ) and _visible(doubles, answer, step):
            side = "forward" if step > 0 else "backward"
            return Explanation(("finite-difference",), 1.5, detail=f"{side}, with a step of about {abs(step):.2g}")
    return _noisy(calls, answer)


def _curved(call: Call, answer: str) -> tuple[Array, Array]:
    """The gradient, and half the second derivative: (L(w + h) − L(w))/h = L′ + h·L″/2, exactly, for a square."""
    out = call.problem.sizes["out"]
    if answer == "grad_b":
        return truth(call, answer), np.full(out, 1.0 / out)
    second = (view(call).x ** 2).mean(0) / out
    return truth(call, answer), np.broadcast_to(second[:, None], truth(call, answer).shape)


def _unit(call: Call, answer: str) -> float:
    """ε·L and ε·|w|·|L′|: what rounding puts into L(w + h) − L(w), in units that h divides."""
    v = view(call)
    size = float((v.size_residual**2).mean()) + float(
        abs(truth(call, answer)).max() * (1 + abs(v.w).max() + abs(v.b).max())
    )
    return EPSILON[call.problem.dtype] * size


def _noise(call: Call, answer: str, step: float) -> float:
    return 8 * _unit(call, answer) / abs(step)


def _visible(calls: Sequence[Call], answer: str, step: float) -> bool:
    return any(abs(step) * float(_curved(call, answer)[1].max()) > 4 * _noise(call, answer, step) for call in calls)


def _noisy(calls: Sequence[Call], answer: str) -> Explanation | None:
    """Errors of about the same multiple of ε·L in float64 and in float32: that multiple is 1/h."""
    inverse = {}
    for dtype in ("float64", "float32"):
        errors = [
            float(abs(call.answers[answer].ravel() - truth(call, answer).ravel()).max()) / _unit(call, answer)
            for call in calls
            if call.problem.dtype == dtype
        ]
        if not errors:
            return None
        inverse[dtype] = max(errors)
    double, single = inverse["float64"], inverse["float32"]
    lost = double > 1e4 and single < double  # in float32 a small step vanishes beside w
    if not 2 < double < 1e11 or not ((lost and single > 1e3) or double / 30 < single < double * 30):
        return None
    return Explanation(("finite-difference",), 5.0, detail=f"with a step of about {1 / double:.0e}", sure=False)


HYPOTHESES = (composed, other_products, prepared, random_sample, offset, finite_difference)

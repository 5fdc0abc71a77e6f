"""What a gradient of the squared error is made of – residual, x, samples, product – and how learners vary each.

Every variant returns two arrays: its value, and the sum of the absolute values of its terms, which bounds its rounding.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bpcompare.marker.calls import Array, Call
from bpcompare.marker.memo import Memo


class View(NamedTuple):
    """One problem in float64, with the residual worked out; ``size_…`` bounds the terms of ``…``."""

    x: Array
    y: Array
    w: Array
    b: Array
    prediction: Array
    residual: Array
    size_prediction: Array
    size_residual: Array
    made: dict[Any, tuple[Array, Array] | None]  # what was worked out already, for all combinations to share

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> "View":
        """The view of these inputs."""
        x, y, w, b = (np.asarray(inputs[name], dtype=np.float64) for name in "xywb")
        prediction, size = x @ w.T + b, abs(x) @ abs(w).T + abs(b)
        return cls(x, y, w, b, prediction, prediction - y, size, size + abs(y), {})

    def once(self, key: Any, make: "Variant") -> tuple[Array, Array] | None:
        """What ``make`` makes of the view, worked out the first time that it is asked for."""
        if key not in self.made:
            self.made[key] = make(self)
        return self.made[key]


def view(call: Call, memo: Memo) -> View:
    """The view of a call's problem, worked out once."""
    return memo.once(("view", call.problem), lambda: View.of(call.problem.inputs))


Variant = Callable[[View], tuple[Array, Array] | None]
Rows = Callable[[int], slice]
Product = Callable[[Array, Array], Array]


def _like(values: Array, pattern: Array) -> Array:
    return np.broadcast_to(values, pattern.shape).copy()


def _residual_of(function: Callable[[Array], Array]) -> Variant:
    return lambda v: (function(v.residual), abs(function(v.size_residual)) + abs(function(v.residual)))


def _constant(function: Callable[[Array], Any]) -> Variant:
    return lambda v: (_like(function(v.residual), v.residual), _like(function(v.size_residual), v.residual))


def _forward(weight: Callable[[View], Array]) -> Variant:
    def variant(v: View) -> tuple[Array, Array] | None:
        other = weight(v)
        return (v.x @ other.T + v.b - v.y, v.size_residual) if other.shape == v.w.shape else None

    return variant


def _one_output(function: Variant) -> Variant:
    return lambda v: function(v) if v.y.shape[1] == 1 else None


def _activated(function: Callable[[Array], Array], slope: Callable[[Array], Array] = np.ones_like) -> Variant:
    def variant(v: View) -> tuple[Array, Array]:
        activation = function(v.prediction)
        return (activation - v.y) * slope(activation), 1 + v.size_residual

    return variant


def _over_root(residual: Array) -> Array:
    return np.asarray(residual / (2 * np.sqrt(np.mean(residual**2))))


ERRORS: dict[str, tuple[Variant, ...]] = {
    "": (lambda v: (v.residual, v.size_residual),),
    "target-forgotten": (lambda v: (v.prediction, v.size_prediction),),
    "prediction-forgotten": (lambda v: (v.y, abs(v.y)),),
    "forward-without-bias": (lambda v: (v.residual - v.b, v.size_residual),),
    "bias-added-twice": (lambda v: (v.residual + v.b, v.size_residual + abs(v.b)),),
    "bias-subtracted-in-forward": (lambda v: (v.residual - 2 * v.b, v.size_residual + abs(v.b)),),
    "forward-without-x": (lambda v: (v.b - v.y, abs(v.b) + abs(v.y)),),
    "feature-left-out-of-forward": (
        lambda v: (v.residual - v.x[:, -1:] @ v.w[:, -1:].T, v.size_residual),
        lambda v: (v.residual - v.x[:, :1] @ v.w[:, :1].T, v.size_residual),
        lambda v: (v.x[:, :1] @ v.w[:, :1].T + v.b - v.y, v.size_residual),
    ),
    "sum-for-difference": (lambda v: (v.prediction + v.y, v.size_residual),),
    "broadcast-n-by-n": (
        _one_output(lambda v: (v.prediction.mean(0) - v.y, v.size_residual + v.size_prediction.mean(0))),
        _one_output(lambda v: (v.prediction - v.y.mean(0), v.size_residual + abs(v.y).mean(0))),
    ),
    "targets-averaged": (lambda v: (v.prediction - v.y.mean(0), v.size_residual + abs(v.y).mean(0)),),
    "predictions-averaged": (lambda v: (v.prediction.mean(0) - v.y, v.size_residual + v.size_prediction.mean(0)),),
    "residual-centred": (lambda v: (v.residual - v.residual.mean(0), v.size_residual + v.size_residual.mean(0)),),
    "residual-squared": (_residual_of(np.square),),
    "loss-for-residual": (
        _constant(lambda r: np.mean(r**2)),
        _constant(lambda r: np.sqrt(np.mean(r**2))),
        lambda v: (_like((v.residual**2).mean(0), v.y), _like((v.size_residual**2).mean(0), v.y)),
    ),
    "other-power-of-residual": (_residual_of(lambda r: r**3), _residual_of(lambda r: r * abs(r))),
    "absolute-residual": (_residual_of(np.abs),),
    "derivative-of-absolute-value": (lambda v: (np.sign(v.residual) / 2, np.ones_like(v.y)),),
    "derivative-of-root": (_residual_of(_over_root),),
    "derivative-of-huber": (lambda v: (np.clip(v.residual, -1, 1) / 2, v.size_residual),),
    "residual-normalised": (
        _residual_of(lambda r: r / np.linalg.norm(r)),
        _residual_of(lambda r: r / np.std(r)),
        _residual_of(lambda r: r / np.std(r, ddof=1)),
    ),
    "activation-in-forward": (
        _activated(lambda z: 1 / (1 + np.exp(-z))),
        _activated(lambda z: np.maximum(z, 0)),
        _activated(np.tanh),
        _activated(lambda z: np.exp(z) / np.exp(z).sum(1, keepdims=True)),
        _activated(lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
        _activated(lambda z: np.maximum(z, 0), lambda a: (a > 0) * 1.0),
        _activated(np.tanh, lambda a: 1 - a**2),
    ),
    "mean-residual-for-all": (lambda v: (_like(v.residual.mean(0), v.y), _like(v.size_residual.mean(0), v.y)),),
    "outputs-mixed": (
        lambda v: (_like(v.residual.sum(1, keepdims=True), v.y), _like(v.size_residual.sum(1, keepdims=True), v.y)),
    ),
    "first-output-only": (lambda v: (_like(v.residual[:, :1], v.y), _like(v.size_residual[:, :1], v.y)),),
    "last-output-only": (lambda v: (_like(v.residual[:, -1:], v.y), _like(v.size_residual[:, -1:], v.y)),),
    "one-residual-for-all": (
        lambda v: (_like(v.residual[:1], v.y), _like(v.size_residual[:1], v.y)),
        lambda v: (_like(v.residual[-1:], v.y), _like(v.size_residual[-1:], v.y)),
    ),
    "residual-forgotten": (lambda v: (np.ones_like(v.y), np.ones_like(v.y)),),
    "transposed-w-in-forward": (
        _forward(lambda v: v.w.T),
        _forward(lambda v: v.w.reshape(v.w.shape[::-1]).T if 1 not in v.w.shape else v.w.T),
    ),
    "targets-shifted": (
        lambda v: (v.prediction - np.roll(v.y, 1, 0), v.size_residual + abs(np.roll(v.y, 1, 0))),
        lambda v: (v.prediction - np.roll(v.y, -1, 0), v.size_residual + abs(np.roll(v.y, -1, 0))),
    ),
    "integer-division": (
        _residual_of(np.trunc),
        _residual_of(np.floor),
        lambda v: (np.floor(2 * v.residual / v.y.size) * v.y.size / 2, v.size_residual + v.y.size),
        lambda v: (np.floor(2 * v.residual / len(v.y)) * v.y.size / 2, v.size_residual + v.y.size),
    ),
    "divided-by-target": (
        lambda v: (v.residual / v.y, v.size_residual / abs(v.y)),
        lambda v: (v.residual / v.y**2, v.size_residual / v.y**2),
    ),
    "one-entry-of-b-for-all": (
        lambda v: (v.residual - v.b + v.b[:1], v.size_residual + abs(v.b[0])),
        lambda v: (v.residual - v.b + v.b[-1:], v.size_residual + abs(v.b[-1])),
    ),
}

INPUTS: dict[str, tuple[Variant, ...]] = {
    "": (lambda v: (v.x, abs(v.x)),),
    "x-forgotten": (lambda v: (np.ones_like(v.x), np.ones_like(v.x)),),
    "x-centred": (
        lambda v: (v.x - v.x.mean(0), abs(v.x) + abs(v.x).mean(0)),
        lambda v: (v.x - v.x.mean(), abs(v.x) + abs(v.x).mean()),
    ),
    "x-standardised": (
        lambda v: ((v.x - v.x.mean(0)) / v.x.std(0), (abs(v.x) + abs(v.x).mean(0)) / v.x.std(0)),
        lambda v: ((v.x - v.x.mean(0)) / v.x.std(0, ddof=1), (abs(v.x) + abs(v.x).mean(0)) / v.x.std(0)),
    ),
    "x-squared": (lambda v: (v.x**2, v.x**2),),
    "absolute-x": (lambda v: (abs(v.x), abs(v.x)),),
    "y-for-x": (lambda v: (v.y, abs(v.y)),),
    "prediction-for-x": (lambda v: (v.prediction, v.size_prediction),),
    "features-mixed": (lambda v: (_like(v.x.sum(1, keepdims=True), v.x), _like(abs(v.x).sum(1, keepdims=True), v.x)),),
    "first-feature-only": (lambda v: (_like(v.x[:, :1], v.x), _like(abs(v.x[:, :1]), v.x)),),
    "last-feature-only": (lambda v: (_like(v.x[:, -1:], v.x), _like(abs(v.x[:, -1:]), v.x)),),
    "one-x-for-all": (
        lambda v: (_like(v.x[:1], v.x), _like(abs(v.x[:1]), v.x)),
        lambda v: (_like(v.x[-1:], v.x), _like(abs(v.x[-1:]), v.x)),
    ),
    "mean-before-product": (
        lambda v: (_like(v.x.mean(0), v.x), _like(abs(v.x).mean(0), v.x)),
        lambda v: (_like(v.x.mean(), v.x), _like(abs(v.x).mean(), v.x)),
    ),
    "x-shifted": (
        lambda v: (np.roll(v.x, 1, 0), abs(np.roll(v.x, 1, 0))),
        lambda v: (np.roll(v.x, -1, 0), abs(np.roll(v.x, -1, 0))),
    ),
    "x-reversed": (lambda v: (v.x[::-1], abs(v.x[::-1])),),
    "integer-division": (lambda v: (np.trunc(v.x), abs(v.x)), lambda v: (np.floor(v.x), abs(v.x) + 1)),
}


def _rows(start: int | None, stop: int | None, step: int | None = None) -> Rows:
    return lambda samples: slice(start, stop, step)


def _full_blocks(size: int) -> Rows:
    return lambda samples: slice(samples - samples % size)


# Which of so many samples; each may be averaged over itself or over all N.
SAMPLES: dict[str, tuple[Rows, ...]] = {
    "": (_rows(None, None),),
    "one-sample-only": (_rows(0, 1), _rows(-1, None), _rows(1, 2)),
    "one-sample-left-out": (_rows(1, None), _rows(None, -1)),
    "samples-left-out": (
        *(_rows(1, -1), _rows(2, None), _rows(None, -2)),
        *(_rows(None, None, 2), _rows(1, None, 2)),
        *(_rows(None, count) for count in (5, 10, 16, 20, 32, 50)),
        *(lambda samples: slice(samples // 2, None), lambda samples: slice(samples // 2)),
    ),
    "partial-block-left-out": tuple(_full_blocks(size) for size in (2, 4, 8, 16, 32, 64)),
}


def _turned(array: Array) -> Array:
    return np.swapaxes(array, -1, -2)


def _reshaped(array: Array, rows: int, columns: int) -> Array:
    return array.reshape(*array.shape[:-2], rows, columns)


def _total(array: Array) -> Array:
    return np.asarray(array.reshape(*array.shape[:-2], -1).sum(-1))


def _delta_by_x(x: Array, e: Array) -> Array:
    return np.asarray(_turned(e) @ x)


def _x_by_delta(x: Array, e: Array) -> Array:
    return np.asarray(_turned(x) @ e)


def _keep(rows: slice, columns: slice) -> Product:
    def product(x: Array, e: Array) -> Array:
        whole = _delta_by_x(x, e)
        kept = np.zeros_like(whole)
        kept[..., rows, columns] = whole[..., rows, columns]
        return kept

    return product


def _entrywise(x: Array, e: Array) -> Array:
    if 1 in (x.shape[-1], e.shape[-1]) or x.shape[-2:] == e.shape[-2:]:
        return x * e
    return np.full((*x.shape[:-2], 1, 1), np.nan)


def _diagonal(x: Array, e: Array) -> Array:
    product = _delta_by_x(x, e)
    return np.where(np.eye(x.shape[-1], dtype=bool), product, 0.0) if x.shape[-1] == e.shape[-1] else product


def _diagonal_alone(x: Array, e: Array) -> Array:
    if x.shape[-1] != e.shape[-1]:
        return np.full((*x.shape[:-2], 1, 1), np.nan)
    return np.diagonal(_delta_by_x(x, e), axis1=-2, axis2=-1)


ALL, FIRST, LAST = slice(None), slice(0, 1), slice(-1, None)

# What is done with x of shape (…, samples, in) and δ of (…, samples, out), one pair or a stack of them.
# Each is linear in both, and keeps non-negative arrays non-negative.
PRODUCTS: dict[str, tuple[Product, ...]] = {
    "": (_delta_by_x,),
    "transposed": (_x_by_delta,),
    "reshaped-for-transposed": (
        lambda x, e: _reshaped(_x_by_delta(x, e), e.shape[-1], x.shape[-1]),
        lambda x, e: _reshaped(e, e.shape[-1], -1) @ x,
        lambda x, e: _reshaped(_delta_by_x(x, e), x.shape[-1], e.shape[-1]),
        lambda x, e: _reshaped(x, x.shape[-1], -1) @ e,
        lambda x, e: _turned(_reshaped(x, x.shape[-1], -1) @ e),
    ),
    "summed-to-one-number": (
        lambda x, e: _total(_delta_by_x(x, e)),
        lambda x, e: _total(_delta_by_x(x, e)) / (x.shape[-1] * e.shape[-1]),
        lambda x, e: _total(_delta_by_x(x, e)) / x.shape[-1],
        lambda x, e: _total(_entrywise(x, e)),
        lambda x, e: _total(_entrywise(x, e)) / max(x.shape[-1], e.shape[-1]) * e.shape[-1],
    ),
    "summed-over-outputs": (
        lambda x, e: _delta_by_x(x, e).sum(-2),
        lambda x, e: _delta_by_x(x, e).sum(-2, keepdims=True),
    ),
    "summed-over-features": (
        lambda x, e: _delta_by_x(x, e).sum(-1),
        lambda x, e: _delta_by_x(x, e).sum(-1, keepdims=True),
    ),
    "entry-by-entry-product": (lambda x, e: _entrywise(x, e).sum(-2),),
    "not-summed-over-batch": (
        lambda x, e: _entrywise(x, e),
        lambda x, e: e[..., :, None] * x[..., None, :],
        lambda x, e: x[..., :, None] * e[..., None, :],
        lambda x, e: _entrywise(x, e).sum(-1),
    ),
    "mean-before-product": (lambda x, e: e.sum(-2)[..., :, None] * x.sum(-2)[..., None, :] / x.shape[-2],),
    "delta-alone": (lambda x, e: e.sum(-2), lambda x, e: e.sum(-2)[..., None], lambda x, e: _total(e)),
    "delta-as-it-is": (lambda x, e: e,),
    "order-reversed": (
        lambda x, e: _delta_by_x(x, e)[..., ::-1],
        lambda x, e: _delta_by_x(x, e)[..., ::-1, :],
        lambda x, e: _delta_by_x(x, e)[..., ::-1, ::-1],
        *(lambda x, e, by=by, axis=axis: np.roll(_delta_by_x(x, e), by, axis) for by in (1, -1) for axis in (-2, -1)),
    ),
    "feature-left-out": tuple(_keep(ALL, columns) for columns in (slice(None, -1), slice(1, None))),
    "output-left-out": tuple(_keep(rows, ALL) for rows in (slice(None, -1), slice(1, None))),
    "one-feature-filled": tuple(_keep(ALL, columns) for columns in (FIRST, LAST)),
    "one-output-filled": tuple(_keep(rows, ALL) for rows in (FIRST, LAST)),
    "diagonal-only": (_diagonal, _diagonal_alone),
    "first-entry-only": (lambda x, e: _delta_by_x(x, e)[..., 0, 0],),
}
# Not a sum over the samples: to leave samples out is something else there than to make them 0.
SAMPLE_BY_SAMPLE = ("reshaped-for-transposed", "not-summed-over-batch", "delta-as-it-is", "summed-over-wrong-axis")


def _fill(columns: slice) -> Callable[[Array], Array]:
    def sums(e: Array) -> Array:
        kept = np.zeros((*e.shape[:-2], e.shape[-1]))
        kept[..., columns] = e[..., columns].sum(-2)
        return kept

    return sums


# What is done with δ for the bias.
SUMS: dict[str, tuple[Callable[[Array], Array], ...]] = {
    "": (lambda e: e.sum(-2),),
    "summed-to-one-number": (_total, lambda e: _total(e) / e.shape[-1]),
    "not-summed-over-batch": (lambda e: e,),
    "summed-over-wrong-axis": (lambda e: e.sum(-1),),
    "order-reversed": (lambda e: e.sum(-2)[..., ::-1],),
    "first-entry-only": (lambda e: e.sum(-2)[..., 0],),
    "output-left-out": (_fill(slice(None, -1)), _fill(slice(1, None))),
    "one-output-filled": (_fill(FIRST), _fill(LAST)),
}

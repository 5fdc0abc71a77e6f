"""The residual ŷ − y, right and wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.marker.calls import Array
from bpcompare.marker.hypotheses.wrong_parts.view import Variant, View, like


def _residual_of(function: Callable[[Array], Array]) -> Variant:
    return lambda v: (function(v.residual), abs(function(v.size_residual)) + abs(function(v.residual)))


def _constant(function: Callable[[Array], Any]) -> Variant:
    return lambda v: (like(function(v.residual), v.residual), like(function(v.size_residual), v.residual))


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
        lambda v: (like((v.residual**2).mean(0), v.y), like((v.size_residual**2).mean(0), v.y)),
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
    "mean-residual-for-all": (lambda v: (like(v.residual.mean(0), v.y), like(v.size_residual.mean(0), v.y)),),
    "outputs-mixed": (
        lambda v: (like(v.residual.sum(1, keepdims=True), v.y), like(v.size_residual.sum(1, keepdims=True), v.y)),
    ),
    "first-output-only": (lambda v: (like(v.residual[:, :1], v.y), like(v.size_residual[:, :1], v.y)),),
    "last-output-only": (lambda v: (like(v.residual[:, -1:], v.y), like(v.size_residual[:, -1:], v.y)),),
    "one-residual-for-all": (
        lambda v: (like(v.residual[:1], v.y), like(v.size_residual[:1], v.y)),
        lambda v: (like(v.residual[-1:], v.y), like(v.size_residual[-1:], v.y)),
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

"""The exercise ``gradients(x, y, w, b)``: problems to call it on, and the right answers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.marker.calls import Array, Problem

# (in, out) of each shape. N differs from shape to shape and is no product of the others, so that every factor tells
# where it comes from; (100, 1, 1) is the main problem's. Square shapes hide a transpose, others show it.
SHAPES = ((1, 1), (1, 1), (4, 1), (2, 1), (1, 5), (1, 2), (3, 2), (2, 4), (3, 3), (4, 4))
SAMPLES = (7, 11, 13, 17, 19, 23, 29, 31, 37)
OPERATIONS_ON_ONE = 128  # few terms, which count little: room for a right answer by other steps, as differences are
# (N, in, out) at the edge of what may come: wrong only there is a mistake of its own.
ONE_SAMPLE, MANY_SAMPLES, MANY_FEATURES, EXACT, STRIDED = (1, 3, 2), (257, 2, 3), (23, 7, 3), (14, 3, 2), (16, 3, 2)


def draw(rng: np.random.Generator) -> Iterator[Problem]:
    """Each shape in float64 and float32: a random point twice, since some functions remember, then another."""
    samples = [100, *(int(count) for count in rng.permutation(SAMPLES))]
    for (in_features, out_features), count in zip(SHAPES, samples, strict=True):
        for dtype in ("float64", "float32"):
            first, second = (point(rng, count, in_features, out_features, dtype) for _ in range(2))
            yield from (first, first, second)
    yield from edges(rng)


def edges(rng: np.random.Generator) -> Iterator[Problem]:
    """One sample, more than a block of 128 or 256 holds, many features, residuals of exactly 0, x not contiguous."""
    yield replace(point(rng, *ONE_SAMPLE, "float64"), edge="wrong-for-one-sample", operations=OPERATIONS_ON_ONE)
    yield replace(point(rng, *MANY_SAMPLES, "float64"), edge="wrong-for-many-samples")
    yield replace(point(rng, *MANY_FEATURES, "float64"), edge="wrong-for-many-features")
    yield replace(_exact_point(rng), edge="wrong-where-a-residual-is-0")
    strided = point(rng, *STRIDED, "float64")
    columns = {**strided.inputs, "x": np.asfortranarray(strided.inputs["x"])}
    yield replace(strided, inputs=columns, edge="wrong-where-x-is-not-contiguous")


def _exact_point(rng: np.random.Generator) -> Problem:
    """Small whole numbers, of which every sum is exact, and every other sample on the line."""
    samples, in_features, out_features = EXACT
    shapes = {"x": (samples, in_features), "w": (out_features, in_features), "b": (out_features,)}
    inputs = {name: rng.integers(1, 5, shape).astype(np.float64) for name, shape in shapes.items()}
    y = inputs["x"] @ inputs["w"].T + inputs["b"]
    y[::2] += rng.integers(1, 5, y[::2].shape)
    return solve({"x": inputs["x"], "y": y, "w": inputs["w"], "b": inputs["b"]}, "float64")


def point(rng: np.random.Generator, samples: int, in_features: int, out_features: int, dtype: str) -> Problem:
    """A random point far from the optimum, with x off centre and targets on both sides of the predictions."""
    inputs = {
        "x": rng.normal(0.8, 1.0, (samples, in_features)),
        "y": rng.normal(0.4, 2.0, (samples, out_features)),
        "w": rng.normal(0.5, 1.0, (out_features, in_features)),
        "b": rng.normal(-0.6, 1.0, out_features),
    }
    return solve({name: value.astype(dtype) for name, value in inputs.items()}, dtype)


def solve(inputs: dict[str, Any], dtype: str) -> Problem:
    """The problem with its right answers.

    δ = 2(xwᵀ + b − y)/(N·out),   ∂L/∂w = δᵀx,   ∂L/∂b = Σᵢ δᵢ
    """
    x, y, w, b = (np.asarray(inputs[name], dtype=np.longdouble) for name in "xywb")
    samples, in_features, out_features = *x.shape, y.shape[1]
    delta = (x @ w.T + b - y) * 2 / (samples * out_features)
    size = (abs(x) @ abs(w).T + abs(b) + abs(y)) * 2 / (samples * out_features)
    return Problem(
        sizes={"N": samples, "in": in_features, "out": out_features},
        dtype=dtype,
        inputs=inputs,
        expected={"grad_w": delta.T @ x, "grad_b": delta.sum(0)},
        terms={"grad_w": _float64(size.T @ abs(x)), "grad_b": _float64(size.sum(0))},
        operations=samples + in_features + 16,
    )


def _float64(array: Array) -> Array:
    return np.asarray(array, dtype=np.float64)

"""The x of the backward pass and the samples that are used, right and wrong."""

from collections.abc import Callable

import numpy as np

from bpcompare.marker.hypotheses.wrong_parts.view import Variant, like

Rows = Callable[[int], slice]

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
    "features-mixed": (lambda v: (like(v.x.sum(1, keepdims=True), v.x), like(abs(v.x).sum(1, keepdims=True), v.x)),),
    "first-feature-only": (lambda v: (like(v.x[:, :1], v.x), like(abs(v.x[:, :1]), v.x)),),
    "last-feature-only": (lambda v: (like(v.x[:, -1:], v.x), like(abs(v.x[:, -1:]), v.x)),),
    "one-x-for-all": (
        lambda v: (like(v.x[:1], v.x), like(abs(v.x[:1]), v.x)),
        lambda v: (like(v.x[-1:], v.x), like(abs(v.x[-1:]), v.x)),
    ),
    "mean-before-product": (
        lambda v: (like(v.x.mean(0), v.x), like(abs(v.x).mean(0), v.x)),
        lambda v: (like(v.x.mean(), v.x), like(abs(v.x).mean(), v.x)),
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

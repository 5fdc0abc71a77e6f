"""The product δᵀx and the sum Σδ, right and wrong."""

from collections.abc import Callable

import numpy as np

from bpcompare.marker.calls import Array

Product = Callable[[Array, Array], Array]


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

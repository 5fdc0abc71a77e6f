"""What can befall what lies along one axis of a value, such as its rows: left out, shifted, weighted, averaged."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.calls import Array
from bpcompare.marker.phrases import Phrase, phrase

Transform = Callable[[Any], Any]
BLOCKS = (2, 3, 4, 5, 8, 10, 16, 32, 64)
COUNTS = (2, 3, 4, 5, 8, 10, 12, 16, 20, 24, 25, 30, 32, 50, 64)
BASES = (0.5, 0.9, 0.95, 0.99)
ENDS = (2, 4, 8, 10, 16, 32)


def _rows(a: Array, rows: Any, keep: bool = True) -> Array:
    """The rows kept, or left out, and 0 in place of the others."""
    kept = np.zeros_like(a) if keep else a.copy()
    kept[rows] = a[rows] if keep else 0.0
    return kept


def _weighted(a: Array, weights: Array) -> Array:
    return a * weights.reshape(-1, *[1] * (a.ndim - 1))


def _twice(a: Array, row: int) -> Array:
    weights = np.ones(len(a))
    weights[row] = 2
    return _weighted(a, weights)


def _filled(values: Array, a: Array) -> Array:
    return np.broadcast_to(values, a.shape).copy()


def _first(count: int, a: Array) -> Array:
    return _rows(a, slice(count))


def _last(count: int, a: Array) -> Array:
    return _rows(a, slice(max(len(a) - count, 0), None))


def _fading(base: float, direction: int, a: Array) -> Array:
    return _weighted(a, base ** np.arange(float(len(a)))[::direction])


def _in_block(a: Array, block: int) -> Array:
    """The place of each row in its block, from 0."""
    return np.arange(len(a)) % block


def _overlapping(length: int, block: int) -> Array:
    """The last block begins earlier so that it is full: some entries count twice."""
    weights = np.ones(length)
    if length % block and length > block:
        weights[length - block : length - length % block] += 1
    return weights


def _equal_blocks(length: int, block: int) -> Array:
    """The mean of block means as weights of the entries, 1 where all blocks are full."""
    starts = range(0, length, block)
    weights = np.ones(length)
    for start in starts:
        weights[start : start + block] = length / (len(starts) * min(block, length - start))
    return weights


# By block: n is its length, ``axis`` what lies along the axis.
BY_BLOCK: dict[str, Callable[[int, Array], Array]] = {
    N_("without the {axis}s beyond the last full block of {n}"): lambda n, a: _rows(a, slice(len(a) - len(a) % n)),
    N_("without the first {axis} of every block of {n}"): lambda n, a: _rows(a, _in_block(a, n) > 0),
    N_("without the last {axis} of every block of {n}"): lambda n, a: _rows(a, _in_block(a, n) < n - 1),
    N_("only every {n}th {axis}"): lambda n, a: _rows(a, _in_block(a, n) == 0),
    N_("its last block of {n} {axis}s only, full or not"): lambda n, a: _rows(a, slice((len(a) - 1) // n * n, None)),
    N_("a sum in which the last block of {n} {axis}s is filled up with some that counted before"): (
        lambda n, a: _weighted(a, _overlapping(len(a), n))
    ),
    N_("averaged in blocks of {n} {axis}s, the blocks weighted equally"): lambda n, a: _weighted(
        a, _equal_blocks(len(a), n)
    ),
    N_("the first {axis} of each block of {n} in the place of all of it"): lambda n, a: a[np.arange(len(a)) // n * n],
    N_("shifted by {n} {axis}s"): lambda n, a: np.roll(a, n, 0),
}


# Along the first axis: what lies along it is put in as ``axis``.
LAST_ONE = N_("weighted by {base:g} to the number of the {axis}, the last one 1")
FIRST_ONE = N_("weighted by {base:g} to the number of the {axis}, the first one 1")
ALONG: dict[Phrase, Transform] = {
    Phrase(N_("without its first {axis}")): lambda a: _rows(a, slice(1, None)),
    Phrase(N_("without its last {axis}")): lambda a: _rows(a, slice(None, -1)),
    Phrase(N_("without its first and last {axis}")): lambda a: _rows(a, slice(1, -1)),
    Phrase(N_("without its second {axis}")): lambda a: _rows(a, [1], keep=False),
    Phrase(N_("without its last two {axis}s")): lambda a: _rows(a, slice(None, -2)),
    Phrase(N_("without its first two {axis}s")): lambda a: _rows(a, slice(2, None)),
    Phrase(N_("its first {axis} only")): lambda a: _rows(a, slice(0, 1)),
    Phrase(N_("its last {axis} only")): lambda a: _rows(a, slice(-1, None)),
    Phrase(N_("its first and last {axis} only")): lambda a: _rows(a, [0, -1]),
    Phrase(N_("its middle {axis} only")): lambda a: _rows(a, [len(a) // 2]),
    Phrase(N_("its first {axis} everywhere")): lambda a: _filled(a[:1], a),
    Phrase(N_("its last {axis} everywhere")): lambda a: _filled(a[-1:], a),
    Phrase(N_("without its middle {axis}")): lambda a: _rows(a, [len(a) // 2], keep=False),
    Phrase(N_("every second {axis} only")): lambda a: _rows(a, slice(None, None, 2)),
    Phrase(N_("every second {axis} only, from the second on")): lambda a: _rows(a, slice(1, None, 2)),
    Phrase(N_("negated in every second {axis}")): lambda a: _weighted(a, np.where(np.arange(len(a)) % 2, -1.0, 1.0)),
    Phrase(N_("negated in its last {axis}")): lambda a: _weighted(
        a, np.where(np.arange(len(a)) == len(a) - 1, -1.0, 1.0)
    ),
    Phrase(N_("negated in its first {axis}")): lambda a: _weighted(a, np.where(np.arange(len(a)) == 0, -1.0, 1.0)),
    Phrase(N_("its first half only")): lambda a: _rows(a, slice(len(a) // 2)),
    Phrase(N_("its second half only")): lambda a: _rows(a, slice(len(a) // 2, None)),
    Phrase(N_("its first half, rounded up, only")): lambda a: _rows(a, slice((len(a) + 1) // 2)),
    Phrase(N_("with its first {axis} counted twice")): lambda a: _twice(a, 0),
    Phrase(N_("with its last {axis} counted twice")): lambda a: _twice(a, -1),
    Phrase(N_("with its middle {axis} counted twice")): lambda a: _twice(a, len(a) // 2),
    Phrase(N_("with its first and last {axis} counted half")): lambda a: _weighted(
        a, np.where(np.isin(np.arange(len(a)), (0, len(a) - 1)), 0.5, 1.0)
    ),
    Phrase(N_("in reverse order of its {axis}s")): lambda a: a[::-1],
    Phrase(N_("shifted by one {axis}")): lambda a: np.roll(a, 1, 0),
    Phrase(N_("shifted back by one {axis}")): lambda a: np.roll(a, -1, 0),
    Phrase(N_("shifted by one {axis}, the first repeated")): lambda a: np.concatenate([a[:1], a[:-1]]),
    Phrase(N_("shifted back by one {axis}, the last repeated")): lambda a: np.concatenate([a[1:], a[-1:]]),
    Phrase(N_("shifted by one {axis}, 0 first")): lambda a: np.concatenate([0 * a[:1], a[:-1]]),
    Phrase(N_("shifted back by one {axis}, 0 last")): lambda a: np.concatenate([a[1:], 0 * a[:1]]),
    Phrase(N_("sorted along its {axis}s")): lambda a: np.sort(a, 0),
    Phrase(N_("sorted along its {axis}s, the largest first")): lambda a: np.sort(a, 0)[::-1],
    Phrase(N_("a running sum over its {axis}s")): lambda a: a.cumsum(0),
    Phrase(N_("a running sum over its {axis}s from the end")): lambda a: a[::-1].cumsum(0)[::-1],
    Phrase(N_("a running mean over its {axis}s")): lambda a: _weighted(a.cumsum(0), 1 / np.arange(1, len(a) + 1)),
    Phrase(N_("a running maximum over its {axis}s")): lambda a: np.maximum.accumulate(a, 0),
    Phrase(N_("the difference of neighbouring {axis}s, 0 first")): lambda a: np.concatenate(
        [0 * a[:1], np.diff(a, axis=0)]
    ),
    Phrase(N_("weighted by the number of the {axis}, from 1")): lambda a: _weighted(a, np.arange(1.0, len(a) + 1)),
    Phrase(N_("weighted by the number of the {axis}, from 0")): lambda a: _weighted(a, np.arange(float(len(a)))),
    Phrase(N_("weighted by 1/number of the {axis}, from 1")): lambda a: _weighted(a, 1 / np.arange(1.0, len(a) + 1)),
    Phrase(N_("weighted by the number of the {axis} over their count")): lambda a: _weighted(
        a, np.arange(1.0, len(a) + 1) / len(a)
    ),
    **{phrase(LAST_ONE, base=base): partial(_fading, base, -1) for base in BASES},
    **{phrase(FIRST_ONE, base=base): partial(_fading, base, 1) for base in BASES},
    Phrase(N_("replaced by its mean over the {axis}s")): lambda a: _filled(a.mean(0), a),
    Phrase(N_("replaced by its sum over the {axis}s")): lambda a: _filled(a.sum(0), a),
    Phrase(N_("replaced by its largest over the {axis}s")): lambda a: _filled(a.max(0), a),
    Phrase(N_("replaced by its smallest over the {axis}s")): lambda a: _filled(a.min(0), a),
    Phrase(N_("replaced by its median over the {axis}s")): lambda a: _filled(np.median(a, 0), a),
    Phrase(N_("replaced by its absolute largest over the {axis}s")): lambda a: _filled(abs(a).max(0), a),
    Phrase(N_("centred over the {axis}s")): lambda a: a - a.mean(0),
    Phrase(N_("centred over the {axis}s by their median")): lambda a: a - np.median(a, 0),
    Phrase(N_("reduced by its first {axis}")): lambda a: a - a[:1],
    Phrase(N_("reduced by its largest over the {axis}s")): lambda a: a - a.max(0),
    Phrase(N_("standardised over the {axis}s")): lambda a: (a - a.mean(0)) / a.std(0),
    Phrase(N_("standardised over the {axis}s with count − 1")): lambda a: (
        (a - a.mean(0)) / (a.std(0) * np.sqrt(len(a) / (len(a) - 1)))
    ),
    Phrase(N_("divided by its standard deviation over the {axis}s")): lambda a: a / a.std(0),
    Phrase(N_("divided by its norm over the {axis}s")): lambda a: a / np.sqrt((a * a).sum(0)),
    Phrase(N_("divided by its sum over the {axis}s")): lambda a: a / a.sum(0),
    Phrase(N_("divided by its largest over the {axis}s")): lambda a: a / abs(a).max(0),
    Phrase(N_("scaled to the range 0 to 1 over the {axis}s")): lambda a: (a - a.min(0)) / (a.max(0) - a.min(0)),
    Phrase(N_("passed through a softmax over the {axis}s")): lambda a: (
        np.exp(a - a.max(0)) / np.exp(a - a.max(0)).sum(0)
    ),
    Phrase(N_("kept only at the largest absolute of its {axis}s")): lambda a: np.where(abs(a) == abs(a).max(0), a, 0.0),
    Phrase(N_("kept only at the largest of its {axis}s")): lambda a: np.where(a == a.max(0), a, 0.0),
    Phrase(N_("its mean of neighbouring {axis}s")): lambda a: np.concatenate([a[:1], (a[1:] + a[:-1]) / 2]),
    **{phrase(N_("its first {n} {axis}s only"), n=n): partial(_first, n) for n in COUNTS},
    **{phrase(N_("its last {n} {axis}s only"), n=n): partial(_last, n) for n in ENDS},
    **{phrase(words, n=n): partial(blocks, n) for words, blocks in BY_BLOCK.items() for n in BLOCKS},
}


def over_used(transform: Transform, a: Array) -> Array:
    """The same where the mean is taken over the rows used."""
    used = transform(np.ones(len(a)))
    return np.asarray(transform(a) * (len(a) / used.sum()))


def over_last(transform: Transform, a: Array) -> Array:
    """The same along the last axis in the place of the first."""
    if np.ndim(a) == 2:
        return np.asarray(transform(a.T)).T
    return np.asarray(np.moveaxis(transform(np.moveaxis(a, -1, 0)), 0, -1))

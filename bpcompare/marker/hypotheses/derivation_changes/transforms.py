"""What can befall one value on its way: each entry completes the sentence "δ is …"."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.calls import Array
from bpcompare.marker.phrases import Phrase, phrase

Transform = Callable[[Any], Any]
BLOCKS = (2, 3, 4, 5, 8, 10, 16, 32, 64)
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
SMALL = (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1)
KEPT = (1e-3, 0.01, 0.05, 0.1, 0.5, 1.0)
BASES = (0.5, 0.9, 0.95, 0.99)


def _cut(bound: float, a: Any) -> Any:
    return np.clip(a, -bound, bound)


def _kept_above(bound: float, a: Any) -> Any:
    return np.where(abs(a) < bound, 0.0, a)


def _kept_below(bound: float, a: Any) -> Any:
    return np.where(abs(a) > bound, 0.0, a)


def _plus(number: float, a: Any) -> Any:
    return a + number


BELOW, ABOVE = N_("set to 0 where it is smaller than {bound:g}"), N_("set to 0 where it is larger than {bound:g}")
ANY: dict[Phrase, Transform] = {
    Phrase(N_("negated")): lambda a: -a,
    Phrase(N_("taken as its absolute value")): abs,
    Phrase(N_("replaced by its sign")): np.sign,
    Phrase(N_("squared")): lambda a: a * a,
    Phrase(N_("cubed")): lambda a: a**3,
    Phrase(N_("replaced by its root")): np.sqrt,
    Phrase(N_("replaced by the root of its absolute value, with its sign")): lambda a: np.sign(a) * np.sqrt(abs(a)),
    Phrase(N_("replaced by 1/it")): lambda a: 1 / a,
    Phrase(N_("doubled")): lambda a: 2 * a,
    Phrase(N_("halved")): lambda a: a / 2,
    Phrase(N_("multiplied by 3")): lambda a: 3 * a,
    Phrase(N_("increased by 1")): lambda a: a + 1,
    Phrase(N_("decreased by 1")): lambda a: a - 1,
    Phrase(N_("taken from 1")): lambda a: 1 - a,
    Phrase(N_("multiplied by 1 minus itself")): lambda a: a * (1 - a),
    Phrase(N_("cut off below 0")): lambda a: np.maximum(a, 0),
    Phrase(N_("cut off above 0")): lambda a: np.minimum(a, 0),
    Phrase(N_("replaced by 1 where it is positive and 0 elsewhere")): lambda a: (a > 0) * 1.0,
    Phrase(N_("passed through σ")): lambda a: 1 / (1 + np.exp(-a)),
    Phrase(N_("passed through tanh")): np.tanh,
    Phrase(N_("passed through exp")): np.exp,
    Phrase(N_("passed through log")): np.log,
    Phrase(N_("passed through log(1 + ·)")): np.log1p,
    Phrase(N_("passed through log(1 + |·|), with its sign")): lambda a: np.sign(a) * np.log1p(abs(a)),
    Phrase(N_("passed through a leaky ReLU (0.01)")): lambda a: np.where(a > 0, a, 0.01 * a),
    Phrase(N_("passed through a leaky ReLU (0.1)")): lambda a: np.where(a > 0, a, 0.1 * a),
    Phrase(N_("divided by 1 + its absolute value")): lambda a: a / (1 + abs(a)),
    Phrase(N_("divided by √(1 + its square)")): lambda a: a / np.sqrt(1 + a * a),
    Phrase(N_("rounded to whole numbers")): np.round,
    Phrase(N_("rounded down to whole numbers")): np.floor,
    Phrase(N_("cut to whole numbers")): np.trunc,
    **{phrase(N_("cut to ±{bound:g}"), bound=bound): partial(_cut, bound) for bound in BOUNDS},
    Phrase(N_("cut to the range 0 to 1")): lambda a: np.clip(a, 0, 1),
    **{phrase(BELOW, bound=bound): partial(_kept_above, bound) for bound in KEPT},
    **{phrase(ABOVE, bound=bound): partial(_kept_below, bound) for bound in BOUNDS[2:]},
    **{phrase(N_("increased by {small:g}"), small=small): partial(_plus, small) for small in SMALL},
}

ARRAYS: dict[Phrase, Transform] = {
    Phrase(N_("replaced by the mean of all its entries")): lambda a: np.full(a.shape, a.mean()),
    Phrase(N_("replaced by the sum of all its entries")): lambda a: np.full(a.shape, a.sum()),
    Phrase(N_("replaced by its largest entry")): lambda a: np.full(a.shape, a.max()),
    Phrase(N_("replaced by its median")): lambda a: np.full(a.shape, np.median(a)),
    Phrase(N_("replaced by its Euclidean norm")): lambda a: np.full(a.shape, np.sqrt((a * a).sum())),
    Phrase(N_("centred: its mean is subtracted")): lambda a: a - a.mean(),
    Phrase(N_("centred by its median")): lambda a: a - np.median(a),
    Phrase(N_("divided by its Euclidean norm")): lambda a: a / np.sqrt((a * a).sum()),
    Phrase(N_("divided by its norm where that is above 1")): lambda a: a / max(1.0, float(np.sqrt((a * a).sum()))),
    Phrase(N_("divided by its largest absolute entry")): lambda a: a / abs(a).max(),
    Phrase(N_("divided by its standard deviation")): lambda a: a / a.std(),
    Phrase(N_("divided by the sum of its absolute entries")): lambda a: a / abs(a).sum(),
    Phrase(N_("divided by its root mean square")): lambda a: a / np.sqrt((a * a).mean()),
    Phrase(N_("divided by its mean")): lambda a: a / a.mean(),
    Phrase(N_("divided by its sum")): lambda a: a / a.sum(),
    Phrase(N_("standardised")): lambda a: (a - a.mean()) / a.std(),
    Phrase(N_("scaled to the range 0 to 1")): lambda a: (a - a.min()) / (a.max() - a.min()),
    Phrase(N_("kept only where it is positive and doubled")): lambda a: np.maximum(a, 0) * 2,
    Phrase(N_("kept only at its largest absolute entry")): lambda a: np.where(abs(a) == abs(a).max(), a, 0.0),
    Phrase(N_("set to 0 at its largest absolute entry")): lambda a: np.where(abs(a) == abs(a).max(), 0.0, a),
    Phrase(N_("passed through a softmax over all its entries")): lambda a: np.exp(a) / np.exp(a).sum(),
}


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
    **{
        phrase(N_("its first {n} {axis}s only"), n=n): partial(_first, n)
        for n in (2, 3, 4, 5, 8, 10, 12, 16, 20, 24, 25, 30, 32, 50, 64)
    },
    **{phrase(N_("its last {n} {axis}s only"), n=n): partial(_last, n) for n in (2, 4, 8, 10, 16, 32)},
    **{phrase(words, n=n): partial(blocks, n) for words, blocks in BY_BLOCK.items() for n in BLOCKS},
}


def _of_used(transform: Transform, a: Array) -> Array:
    """The same where the mean is taken over the rows used."""
    used = transform(np.ones(len(a)))
    return np.asarray(transform(a) * (len(a) / used.sum()))


def _over_last(transform: Transform, a: Array) -> Array:
    if np.ndim(a) == 2:
        return np.asarray(transform(a.T)).T
    return np.asarray(np.moveaxis(transform(np.moveaxis(a, -1, 0)), 0, -1))


def of(rank: int, along: tuple[str, ...]) -> Iterator[tuple[Phrase, Transform, float]]:
    """What can befall a value, with its words, and what more it costs.

    Args:
        rank: How many axes it has.
        along: What lies along each axis, such as ``("sample", "output")``.
    """
    for words, transform in ANY.items():
        yield words, transform, 0.1 * words.message.startswith(("set to", "increased by", "cut to"))
    if not rank:
        return
    for words, transform in ARRAYS.items():
        yield words, transform, 0.0
    first, *others = map(Phrase, along)
    for words, transform in ALONG.items():
        along_first = words.having(axis=first)
        yield along_first, transform, 0.0
        if "only" in words.message or words.message.startswith("without"):
            yield phrase(AVERAGED, change=along_first), partial(_of_used, transform), 0.1
    if rank > 1:
        for words, transform in ALONG.items():
            yield words.having(axis=others[0]), partial(_over_last, transform), 0.05
        for words, transform in MATRICES.items():
            yield words, transform, 0.0


AVERAGED = N_("{change}, and averaged over those")
MATRICES: dict[Phrase, Transform] = {
    Phrase(N_("transposed")): lambda a: a.T,
    Phrase(N_("reshaped where a transpose was meant")): lambda a: a.T.reshape(a.shape),
    Phrase(N_("turned upside down and left to right")): lambda a: a[::-1, ::-1],
    Phrase(N_("kept only on its diagonal")): lambda a: a * np.eye(*a.shape),
    Phrase(N_("set to 0 on its diagonal")): lambda a: a * (1 - np.eye(*a.shape)),
    Phrase(N_("kept only on and below its diagonal")): np.tril,
    Phrase(N_("kept only on and above its diagonal")): np.triu,
    Phrase(N_("made symmetric with its transpose")): lambda a: (a + a.T) / 2,
}

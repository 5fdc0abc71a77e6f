"""What can befall one value on its way: each entry completes the sentence "δ is …"."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from bpcompare.marker.calls import Array

Transform = Callable[[Any], Any]
BLOCKS = (2, 3, 4, 5, 8, 10, 16, 32, 64)
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
SMALL = (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1)
COUNTS = (2, 3, 4, 5, 8, 10, 12, 16, 20, 24, 25, 30, 32, 50, 64)
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


ANY: dict[str, Transform] = {
    "negated": lambda a: -a,
    "taken as its absolute value": abs,
    "replaced by its sign": np.sign,
    "squared": lambda a: a * a,
    "cubed": lambda a: a**3,
    "replaced by its root": np.sqrt,
    "replaced by the root of its absolute value, with its sign": lambda a: np.sign(a) * np.sqrt(abs(a)),
    "replaced by 1/it": lambda a: 1 / a,
    "doubled": lambda a: 2 * a,
    "halved": lambda a: a / 2,
    "multiplied by 3": lambda a: 3 * a,
    "increased by 1": lambda a: a + 1,
    "decreased by 1": lambda a: a - 1,
    "taken from 1": lambda a: 1 - a,
    "multiplied by 1 minus itself": lambda a: a * (1 - a),
    "cut off below 0": lambda a: np.maximum(a, 0),
    "cut off above 0": lambda a: np.minimum(a, 0),
    "replaced by 1 where it is positive and 0 elsewhere": lambda a: (a > 0) * 1.0,
    "passed through σ": lambda a: 1 / (1 + np.exp(-a)),
    "passed through tanh": np.tanh,
    "passed through exp": np.exp,
    "passed through log": np.log,
    "passed through log(1 + ·)": np.log1p,
    "passed through log(1 + |·|), with its sign": lambda a: np.sign(a) * np.log1p(abs(a)),
    "passed through a leaky ReLU (0.01)": lambda a: np.where(a > 0, a, 0.01 * a),
    "passed through a leaky ReLU (0.1)": lambda a: np.where(a > 0, a, 0.1 * a),
    "divided by 1 + its absolute value": lambda a: a / (1 + abs(a)),
    "divided by √(1 + its square)": lambda a: a / np.sqrt(1 + a * a),
    "rounded to whole numbers": np.round,
    "rounded down to whole numbers": np.floor,
    "cut to whole numbers": np.trunc,
    **{f"cut to ±{bound:g}": partial(_cut, bound) for bound in BOUNDS},
    "cut to the range 0 to 1": lambda a: np.clip(a, 0, 1),
    **{f"set to 0 where it is smaller than {bound:g}": partial(_kept_above, bound) for bound in KEPT},
    **{f"set to 0 where it is larger than {bound:g}": partial(_kept_below, bound) for bound in BOUNDS[2:]},
    **{f"increased by {small:g}": partial(_plus, small) for small in SMALL},
}

ARRAYS: dict[str, Transform] = {
    "replaced by the mean of all its entries": lambda a: np.full(a.shape, a.mean()),
    "replaced by the sum of all its entries": lambda a: np.full(a.shape, a.sum()),
    "replaced by its largest entry": lambda a: np.full(a.shape, a.max()),
    "replaced by its median": lambda a: np.full(a.shape, np.median(a)),
    "replaced by its Euclidean norm": lambda a: np.full(a.shape, np.sqrt((a * a).sum())),
    "centred: its mean is subtracted": lambda a: a - a.mean(),
    "centred by its median": lambda a: a - np.median(a),
    "divided by its Euclidean norm": lambda a: a / np.sqrt((a * a).sum()),
    "divided by its norm where that is above 1": lambda a: a / max(1.0, float(np.sqrt((a * a).sum()))),
    "divided by its largest absolute entry": lambda a: a / abs(a).max(),
    "divided by its standard deviation": lambda a: a / a.std(),
    "divided by the sum of its absolute entries": lambda a: a / abs(a).sum(),
    "divided by its root mean square": lambda a: a / np.sqrt((a * a).mean()),
    "divided by its mean": lambda a: a / a.mean(),
    "divided by its sum": lambda a: a / a.sum(),
    "standardised": lambda a: (a - a.mean()) / a.std(),
    "scaled to the range 0 to 1": lambda a: (a - a.min()) / (a.max() - a.min()),
    "kept only where it is positive and doubled": lambda a: np.maximum(a, 0) * 2,
    "kept only at its largest absolute entry": lambda a: np.where(abs(a) == abs(a).max(), a, 0.0),
    "set to 0 at its largest absolute entry": lambda a: np.where(abs(a) == abs(a).max(), 0.0, a),
    "passed through a softmax over all its entries": lambda a: np.exp(a) / np.exp(a).sum(),
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


def _every(a: Array, block: int, begin: int, count: int) -> Array:
    return _rows(a, np.arange(len(a)) % block >= block - count if begin else np.arange(len(a)) % block < count)


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


# By block: "{0}" is its length, "{1}" what lies along the axis.
BY_BLOCK: dict[str, Callable[[int, Array], Array]] = {
    "without the {1}s beyond the last full block of {0}": lambda n, a: _rows(a, slice(len(a) - len(a) % n)),
    "without the first {1} of every block of {0}": lambda n, a: _rows(a, _in_block(a, n) > 0),
    "without the last {1} of every block of {0}": lambda n, a: _rows(a, _in_block(a, n) < n - 1),
    "only every {0}th {1}": lambda n, a: _rows(a, _in_block(a, n) == 0),
    "its last block of {0} {1}s only, full or not": lambda n, a: _rows(a, slice((len(a) - 1) // n * n, None)),
    "a sum in which the last block of {0} {1}s is filled up with some that counted before": (
        lambda n, a: _weighted(a, _overlapping(len(a), n))
    ),
    "averaged in blocks of {0} {1}s, the blocks weighted equally": lambda n, a: _weighted(a, _equal_blocks(len(a), n)),
    "the first {1} of each block of {0} in the place of all of it": lambda n, a: a[np.arange(len(a)) // n * n],
    "shifted by {0} {1}s": lambda n, a: np.roll(a, n, 0),
}


# Along the first axis: "{}" says what lies along it.
ALONG: dict[str, Transform] = {
    "without its first {}": lambda a: _rows(a, slice(1, None)),
    "without its last {}": lambda a: _rows(a, slice(None, -1)),
    "without its first and last {}": lambda a: _rows(a, slice(1, -1)),
    "without its second {}": lambda a: _rows(a, [1], keep=False),
    "without its last two {}s": lambda a: _rows(a, slice(None, -2)),
    "without its first two {}s": lambda a: _rows(a, slice(2, None)),
    "its first {} only": lambda a: _rows(a, slice(0, 1)),
    "its last {} only": lambda a: _rows(a, slice(-1, None)),
    "its first and last {} only": lambda a: _rows(a, [0, -1]),
    "its middle {} only": lambda a: _rows(a, [len(a) // 2]),
    "its first {} everywhere": lambda a: _filled(a[:1], a),
    "its last {} everywhere": lambda a: _filled(a[-1:], a),
    "without its middle {}": lambda a: _rows(a, [len(a) // 2], keep=False),
    "every second {} only": lambda a: _rows(a, slice(None, None, 2)),
    "every second {} only, from the second on": lambda a: _rows(a, slice(1, None, 2)),
    "negated in every second {}": lambda a: _weighted(a, np.where(np.arange(len(a)) % 2, -1.0, 1.0)),
    "negated in its last {}": lambda a: _weighted(a, np.where(np.arange(len(a)) == len(a) - 1, -1.0, 1.0)),
    "negated in its first {}": lambda a: _weighted(a, np.where(np.arange(len(a)) == 0, -1.0, 1.0)),
    "its first half only": lambda a: _rows(a, slice(len(a) // 2)),
    "its second half only": lambda a: _rows(a, slice(len(a) // 2, None)),
    "its first half, rounded up, only": lambda a: _rows(a, slice((len(a) + 1) // 2)),
    "with its first {} counted twice": lambda a: _twice(a, 0),
    "with its last {} counted twice": lambda a: _twice(a, -1),
    "with its middle {} counted twice": lambda a: _twice(a, len(a) // 2),
    "with its first and last {} counted half": lambda a: _weighted(
        a, np.where(np.isin(np.arange(len(a)), (0, len(a) - 1)), 0.5, 1.0)
    ),
    "in reverse order of its {}s": lambda a: a[::-1],
    "shifted by one {}": lambda a: np.roll(a, 1, 0),
    "shifted back by one {}": lambda a: np.roll(a, -1, 0),
    "shifted by one {}, the first repeated": lambda a: np.concatenate([a[:1], a[:-1]]),
    "shifted back by one {}, the last repeated": lambda a: np.concatenate([a[1:], a[-1:]]),
    "shifted by one {}, 0 first": lambda a: np.concatenate([0 * a[:1], a[:-1]]),
    "shifted back by one {}, 0 last": lambda a: np.concatenate([a[1:], 0 * a[:1]]),
    "sorted along its {}s": lambda a: np.sort(a, 0),
    "sorted along its {}s, the largest first": lambda a: np.sort(a, 0)[::-1],
    "a running sum over its {}s": lambda a: a.cumsum(0),
    "a running sum over its {}s from the end": lambda a: a[::-1].cumsum(0)[::-1],
    "a running mean over its {}s": lambda a: _weighted(a.cumsum(0), 1 / np.arange(1, len(a) + 1)),
    "a running maximum over its {}s": lambda a: np.maximum.accumulate(a, 0),
    "the difference of neighbouring {}s, 0 first": lambda a: np.concatenate([0 * a[:1], np.diff(a, axis=0)]),
    "weighted by the number of the {}, from 1": lambda a: _weighted(a, np.arange(1.0, len(a) + 1)),
    "weighted by the number of the {}, from 0": lambda a: _weighted(a, np.arange(float(len(a)))),
    "weighted by 1/number of the {}, from 1": lambda a: _weighted(a, 1 / np.arange(1.0, len(a) + 1)),
    "weighted by the number of the {} over their count": lambda a: _weighted(a, np.arange(1.0, len(a) + 1) / len(a)),
    **{f"weighted by {base:g} to the number of the {{}}, the last one 1": partial(_fading, base, -1) for base in BASES},
    **{f"weighted by {base:g} to the number of the {{}}, the first one 1": partial(_fading, base, 1) for base in BASES},
    "replaced by its mean over the {}s": lambda a: _filled(a.mean(0), a),
    "replaced by its sum over the {}s": lambda a: _filled(a.sum(0), a),
    "replaced by its largest over the {}s": lambda a: _filled(a.max(0), a),
    "replaced by its smallest over the {}s": lambda a: _filled(a.min(0), a),
    "replaced by its median over the {}s": lambda a: _filled(np.median(a, 0), a),
    "replaced by its absolute largest over the {}s": lambda a: _filled(abs(a).max(0), a),
    "centred over the {}s": lambda a: a - a.mean(0),
    "centred over the {}s by their median": lambda a: a - np.median(a, 0),
    "reduced by its first {}": lambda a: a - a[:1],
    "reduced by its largest over the {}s": lambda a: a - a.max(0),
    "standardised over the {}s": lambda a: (a - a.mean(0)) / a.std(0),
    "standardised over the {}s with count − 1": lambda a: (a - a.mean(0)) / (a.std(0) * np.sqrt(len(a) / (len(a) - 1))),
    "divided by its standard deviation over the {}s": lambda a: a / a.std(0),
    "divided by its norm over the {}s": lambda a: a / np.sqrt((a * a).sum(0)),
    "divided by its sum over the {}s": lambda a: a / a.sum(0),
    "divided by its largest over the {}s": lambda a: a / abs(a).max(0),
    "scaled to the range 0 to 1 over the {}s": lambda a: (a - a.min(0)) / (a.max(0) - a.min(0)),
    "passed through a softmax over the {}s": lambda a: np.exp(a - a.max(0)) / np.exp(a - a.max(0)).sum(0),
    "kept only at the largest absolute of its {}s": lambda a: np.where(abs(a) == abs(a).max(0), a, 0.0),
    "kept only at the largest of its {}s": lambda a: np.where(a == a.max(0), a, 0.0),
    "its mean of neighbouring {}s": lambda a: np.concatenate([a[:1], (a[1:] + a[:-1]) / 2]),
    **{
        f"its first {n} {{}}s only": partial(_first, n) for n in (2, 3, 4, 5, 8, 10, 12, 16, 20, 24, 25, 30, 32, 50, 64)
    },
    **{f"its last {n} {{}}s only": partial(_last, n) for n in (2, 4, 8, 10, 16, 32)},
    **{words.format(n, "{}"): partial(blocks, n) for words, blocks in BY_BLOCK.items() for n in BLOCKS},
}


def _of_used(transform: Transform, a: Array) -> Array:
    """The same where the mean is taken over the rows used."""
    used = transform(np.ones(len(a)))
    return np.asarray(transform(a) * (len(a) / used.sum()))


def _over_last(transform: Transform, a: Array) -> Array:
    return np.asarray(np.moveaxis(transform(np.moveaxis(a, -1, 0)), 0, -1))


def of(value: Any, along: tuple[str, ...]) -> Iterator[tuple[str, Transform, float]]:
    """What can befall a value, with its words, and what more it costs.

    Args:
        value: A value that is typical: of its rank, and long enough.
        along: What lies along each axis, such as ``("sample", "output")``.
    """
    for words, transform in ANY.items():
        yield words, transform, 0.1 * words.startswith(("set to", "increased by", "cut to"))
    if np.ndim(value) == 0:
        return
    for words, transform in ARRAYS.items():
        yield words, transform, 0.0
    for words, transform in ALONG.items():
        yield words.format(along[0]), transform, 0.0
        if "only" in words or words.startswith("without"):
            yield f"{words.format(along[0])}, and averaged over those", partial(_of_used, transform), 0.1
    if value.ndim > 1:
        for words, transform in ALONG.items():
            yield words.format(along[1]), partial(_over_last, transform), 0.05
    if value.ndim > 1:
        yield "transposed", lambda a: a.T, 0.0
        yield "reshaped where a transpose was meant", lambda a: a.T.reshape(a.shape), 0.0
        yield "turned upside down and left to right", lambda a: a[::-1, ::-1], 0.0
        yield "kept only on its diagonal", lambda a: a * np.eye(*a.shape), 0.0
        yield "set to 0 on its diagonal", lambda a: a * (1 - np.eye(*a.shape)), 0.0
        yield "kept only on and below its diagonal", np.tril, 0.0
        yield "kept only on and above its diagonal", np.triu, 0.0
        yield "made symmetric with its transpose", lambda a: (a + a.T) / 2, 0.0

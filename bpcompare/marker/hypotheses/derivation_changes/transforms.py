"""What can befall one value on its way: each entry completes the sentence "δ is …"."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.hypotheses.derivation_changes.along_axis import ALONG, Transform, over_last, over_used
from bpcompare.marker.phrases import Phrase, phrase

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
SMALL = (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1)
KEPT = (1e-3, 0.01, 0.05, 0.1, 0.5, 1.0)


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
            yield phrase(AVERAGED, change=along_first), partial(over_used, transform), 0.1
    if rank > 1:
        for words, transform in ALONG.items():
            yield words.having(axis=others[0]), partial(over_last, transform), 0.05
        for words, transform in MATRICES.items():
            yield words, transform, 0.0

"""The factor by which an answer misses, and what it is made of: a number, and powers of the problem's sizes."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from bpcompare.marker.calls import Array

PLAIN = tuple(sign * 2.0**power for power in (0, -1, 1, -2, 2, -3, 3) for sign in (1, -1))
LARGEST_POWER = 2  # of one size
MOST_POWERS = 4  # of all sizes together
SUREST = 1e-6  # a ratio known no better than this says nothing: the guess is nothing but rounding
ROUGHLY = 1e-4  # two values further apart than this are not the same, whatever rounding did to them
SNAP = 1e-9  # a constant this near to ±2ᵏ is ±2ᵏ

# What it means that an answer is too large by these powers of the sizes.
POWERS: dict[frozenset[tuple[str, int]], tuple[str, ...]] = {
    frozenset(powers): mistakes
    for powers, mistakes in (
        ((), ()),
        ((("N", 1), ("out", 1)), ("summed-not-averaged",)),
        ((("N", 1),), ("summed-not-averaged",)),
        ((("out", 1),), ("divided-by-N-only",)),
        ((("N", -1),), ("averaged-twice",)),
        ((("N", -1), ("out", -1)), ("averaged-twice",)),
        ((("N", -1), ("out", 1)), ("averaged-twice", "divided-by-N-only")),
        ((("out", -1),), ("divided-by-out-twice",)),
        ((("in", -1),), ("divided-by-in",)),
        ((("in", -1), ("N", 1)), ("divided-by-in", "summed-not-averaged")),
        ((("in", -1), ("N", 1), ("out", 1)), ("divided-by-in", "summed-not-averaged")),
        ((("in", -1), ("out", 1)), ("divided-by-in",)),
        ((("in", 1),), ("multiplied-by-in",)),
        ((("N", 1), ("N−1", -1)), ("divided-by-N-minus-1",)),
        ((("N", 1), ("N−2", -1)), ("divided-by-N-minus-2",)),
        ((("N", 1), ("N−2", -1), ("out", 1)), ("divided-by-N-minus-2", "divided-by-N-only")),
        ((("N", 1), ("N−1", -1), ("out", 1)), ("divided-by-N-minus-1", "divided-by-N-only")),
        ((("N", 1), ("N+1", -1)), ("divided-by-N-plus-1",)),
        ((("N", 1), ("N+1", -1), ("out", 1)), ("divided-by-N-plus-1", "divided-by-N-only")),
    )
}


@dataclass(frozen=True)
class Pair:
    """An answer next to what a hypothesis makes of the same call, and the rounding allowed, element by element."""

    answer: Array
    guess: Array
    rounding: Array
    sizes: Mapping[str, int]

    @cached_property
    def ratio(self) -> tuple[float, float] | None:
        """Answer ÷ guess with its relative uncertainty, worked out once; see `ratio`."""
        return ratio(self)


@dataclass(frozen=True)
class Factor:
    """``constant`` × Π sizeᵖ; ``powers`` holds only powers other than 0."""

    constant: float = 1.0
    powers: tuple[tuple[str, int], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the constant is ± a power of two near 1 – a sign or a 2 mislaid, not a number from elsewhere."""
        return self.constant in PLAIN

    @property
    def known(self) -> bool:
        """Whether it has a meaning by itself; any other could come from few sizes by chance."""
        return self.plain and frozenset(self.powers) in POWERS

    @property
    def parameters(self) -> int:
        """How many numbers were free to choose: fewer than there are different problems, or it may be chance."""
        return sum(abs(power) for _, power in self.powers) + (abs(self.constant) != 1)

    @property
    def cost(self) -> float:
        """How much has to go wrong for this factor; 0 for the factor 1."""
        constant = 3.0 if not self.plain else (self.constant < 0) + abs(math.log2(abs(self.constant))) * 0.9
        meanings = POWERS.get(frozenset(self.powers))
        sizes = sum(abs(power) for _, power in self.powers)
        return constant + (len(meanings) if meanings is not None else 2.0) + sizes * 0.05

    def __str__(self) -> str:
        sizes = [name if power == 1 else f"{name}^{power}" for name, power in self.powers]
        return " · ".join([f"{self.constant:.6g}"] * (self.constant != 1 or not sizes) + sizes)

    def at(self, sizes: Mapping[str, int]) -> float:
        """Its value for a problem of these sizes."""
        return self.constant * math.prod(float(sizes[name]) ** power for name, power in self.powers)


def fit(pairs: Sequence[Pair]) -> Factor | None:
    """The simplest factor for which every answer is factor × guess to rounding, or None.

    Example:
        >>> pair = lambda n: Pair(np.array([3.0 * n]), np.array([3.0]), np.array([1e-12]), {"N": n})
        >>> fit([pair(4), pair(7), pair(100)])
        Factor(constant=1.0, powers=(('N', 1),))
    """
    ratios = []
    for pair in pairs:
        found = pair.ratio
        if found is None:
            return None
        if found[0] != 0.0:
            ratios.append((pair, *found))
    if not ratios or len({math.copysign(1, value) for _, value, _ in ratios}) > 1:
        return None
    names = tuple(ratios[0][0].sizes)
    powers = _powers(names)
    logs = np.log([[float(pair.sizes[name]) for name in names] for pair, _, _ in ratios])
    constants = np.log([abs(value) for _, value, _ in ratios])[:, None] - logs @ powers.T  # (calls, rules)
    slack = np.array([slack for _, _, slack in ratios])
    surest = int(slack.argmin())
    if slack[surest] > SUREST:
        return None
    fits = (abs(constants - constants[surest]) <= (slack + slack[surest] + 1e-13)[:, None]).all(0)
    sign = math.copysign(1.0, ratios[0][1])
    factors = [_factor(sign * math.exp(constants[surest, rule]), names, powers[rule]) for rule in np.flatnonzero(fits)]
    different = len({tuple(pair.sizes.values()) for pair, _, _ in ratios})
    told = [factor for factor in factors if factor.known or different > factor.parameters]
    return min(told, key=lambda factor: factor.cost, default=None)


def may_share_a_factor(first: Pair, second: Pair) -> bool:
    """A quick test: whether one factor of the sizes could explain both."""
    one, other = first.ratio, second.ratio
    if one is None or other is None:
        return False
    if first.sizes != second.sizes:
        return True
    slack = one[1] + other[1] + 1e-13
    return abs(one[0] - other[0]) <= slack * max(abs(one[0]), abs(other[0]))


def ratio(pair: Pair) -> tuple[float, float] | None:
    """Answer ÷ guess with its relative uncertainty; (0, 0) where both are nothing; None where they are not parallel."""
    answer, guess = pair.answer.ravel(), pair.guess.ravel()
    norm = float(guess @ guess)
    if not math.isfinite(norm):
        return None
    if norm == 0.0:
        return (0.0, 0.0) if not answer.any() else None
    value = float(answer @ guess) / norm
    if not math.isfinite(value) and not np.isfinite(answer).all():
        return None
    allowed = pair.rounding.ravel()
    if value == 0.0 or (abs(answer - value * guess) > abs(value) * 2 * allowed).any():
        return None
    return value, math.sqrt(float(allowed @ allowed)) / math.sqrt(norm)


def may_be_of_sizes(one: Array, other: Array, sizes: Mapping[str, int], other_sizes: Mapping[str, int]) -> Array:
    """A quick test of many: where two values (K,), from two problems of these sizes, could be those of one factor."""
    with np.errstate(all="ignore"):
        logs = [np.log(np.array(list(each.values()), dtype=np.float64)) for each in (sizes, other_sizes)]
        possible = np.unique(_powers(tuple(sizes)) @ (logs[1] - logs[0]))
        apart = abs(np.log(abs(other / one))[:, None] - possible).min(1)
    return np.asarray((one == 0) | (other == 0) | ~(apart > ROUGHLY))


@cache
def _powers(names: tuple[str, ...]) -> Array:
    spans = [(0, -1) if name.startswith(("N−", "N+")) else range(-LARGEST_POWER, LARGEST_POWER + 1) for name in names]
    rules = [rule for rule in itertools.product(*spans) if sum(map(abs, rule)) <= MOST_POWERS]
    return np.array(rules, dtype=np.float64)


def _factor(constant: float, names: Sequence[str], powers: Array) -> Factor:
    for plain in PLAIN:
        if abs(constant / plain - 1) < SNAP:
            constant = plain
    used = tuple((name, int(power)) for name, power in zip(names, powers, strict=True) if power)
    return Factor(constant, used)

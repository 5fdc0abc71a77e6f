"""A factor that is the same number, times powers of the sizes, in every problem; half powers such as √d included."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, product

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.sentences import INSIDE, UNNAMED
from bpcompare.marker.phrases import Phrase, Words, phrase

PLAIN = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 4.0, -4.0, 0.25, -0.25, 3.0, -3.0, 1 / 3, -1 / 3)
ALONE = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
TOGETHER = (-1.0, -0.5, 0.5, 1.0)
LESS_ONE = " − 1"
TERMS = "number of terms of "  # and the step; what else is counted is written as code
SAME = 1e-7  # relative difference of two values of one constant


@dataclass(frozen=True)
class SizeFactor:
    """``constant`` × Π sizeᵖ."""

    constant: float = 1.0
    powers: tuple[tuple[str, float], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the constant is a small number, not one from elsewhere."""
        return self.constant in PLAIN

    @property
    def cost(self) -> float:
        """How much has to go wrong; 0 for the factor 1."""
        constant = 0.0 if self.constant == 1 else 0.8 if self.plain else 2.5
        if any(name.endswith(LESS_ONE) for name, _ in self.powers):
            return constant + 0.6
        return constant + sum(0.7 + (power % 1 != 0) * 0.1 + (abs(power) > 1) * 0.2 for _, power in self.powers)

    def value(self, sizes: Mapping[str, int]) -> float:
        """The number that it is in a problem of these sizes."""
        return self.constant * math.prod(math.pow(_length(sizes, name), power) for name, power in self.powers)

    @property
    def said(self) -> Phrase:
        """The factor as a formula."""
        factors = [_power(name, power) for name, power in self.powers]
        if self.constant != 1 or not factors:
            factors.insert(0, phrase("{constant:.6g}", constant=self.constant))
        return reduce(lambda one, other: phrase("{one} · {other}", one=one, other=other), factors)

    def __str__(self) -> str:
        return str(self.said)


def in_words(name: str) -> Words:
    """A size as it is said."""
    if not name.startswith(TERMS):
        return name
    step = name.removeprefix(TERMS)
    inside = re.fullmatch(r"(.*) \(in (.*)\)", step)
    named = phrase(INSIDE, inside=inside[1], whole=inside[2]) if inside else UNNAMED.get(step, step)
    return phrase(N_("number of terms of {step}"), step=named)


def _power(name: str, power: float) -> Phrase:
    size, less = in_words(name.removesuffix(LESS_ONE)), LESS_ONE if name.endswith(LESS_ONE) else ""
    written = ROOTS.get(power, "({size}{less})^{power:g}")
    return phrase("({size}{less})" if power == 1 and less else written, size=size, less=less, power=power)


ROOTS = {1.0: "{size}", 0.5: "√({size}{less})", -0.5: "1/√({size}{less})", -1.0: "1/({size}{less})"}


def fit(values: Sequence[float], sizes: Sequence[Mapping[str, int]]) -> SizeFactor | None:
    """The cheapest factor that gives every value; None where there is none with fewer parameters than problems.

    Example:
        >>> str(fit([2.0, 3.0, 4.0], [{"d": 4}, {"d": 9}, {"d": 16}]))
        '√(d)'
    """
    signs = {math.copysign(1, value) for value in values}
    if len(signs) != 1 or not all(value and math.isfinite(value) for value in values):
        return None
    logs = [math.log(abs(value)) for value in values]
    columns, found = _columns(sizes), []
    lengths = {
        name: [math.log(_length(size, name)) for size in sizes]
        for column in columns
        for name in (column, column + LESS_ONE)
    }
    for powers in _powers(columns):
        rest = [log - sum(power * lengths[name][k] for name, power in powers) for k, log in enumerate(logs)]
        if not max(rest) - min(rest) <= SAME:
            continue
        factor = SizeFactor(_snapped(signs.copy().pop() * math.exp(sum(rest) / len(rest))), powers)
        different = len({tuple(size[name] for name in columns) for size in sizes})
        if not powers or different > len(powers) + (not factor.plain):
            found.append(factor)
    return min(found, key=lambda factor: factor.cost, default=None)


def _length(sizes: Mapping[str, int], name: str) -> float:
    less = name.endswith(LESS_ONE)
    length = sizes[name.removesuffix(LESS_ONE)] - less
    return float(length) if length > 0 else math.nan


def _columns(sizes: Sequence[Mapping[str, int]]) -> list[str]:
    common = [name for name in sizes[0] if all(name in size for size in sizes)]
    return [name for name in common if len({size[name] for size in sizes}) > 1 and min(s[name] for s in sizes) > 0]


def _powers(names: Sequence[str]) -> Iterator[tuple[tuple[str, float], ...]]:
    yield ()
    for name in names:
        for power in ALONE:
            yield ((name, power),)
    for name in names:
        yield ((name, 1.0), (name + LESS_ONE, -1.0))
        yield ((name, -1.0), (name + LESS_ONE, 1.0))
    for first, second in combinations(names, 2):
        for one, other in product(TOGETHER, repeat=2):
            yield ((first, one), (second, other))


def _snapped(value: float) -> float:
    return next((plain for plain in PLAIN if abs(value / plain - 1) < SAME), value)

"""A factor that is the same number, times powers of the sizes, in every problem; half powers such as √d included."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

PLAIN = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 4.0, -4.0, 0.25, -0.25, 3.0, -3.0, 1 / 3, -1 / 3)
ALONE = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
TOGETHER = (-1.0, -0.5, 0.5, 1.0)
LESS_ONE = " − 1"
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

    def __str__(self) -> str:
        sizes = [_power(name, power) for name, power in self.powers]
        return " · ".join([f"{self.constant:.6g}"] * (self.constant != 1 or not sizes) + sizes)


def _power(name: str, power: float) -> str:
    once = f"({name})" if name.endswith(LESS_ONE) else name
    roots = {1.0: once, 0.5: f"√({name})", -0.5: f"1/√({name})", -1.0: f"1/({name})"}
    return roots.get(power, f"({name})^{power:g}")


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
    found = []
    for powers in _powers(_columns(sizes)):
        rest = [
            log - sum(power * math.log(_length(size, name)) for name, power in powers)
            for log, size in zip(logs, sizes, strict=True)
        ]
        if not max(rest) - min(rest) <= SAME:
            continue
        factor = SizeFactor(_snapped(signs.copy().pop() * math.exp(sum(rest) / len(rest))), powers)
        different = len({tuple(size[name] for name in _columns(sizes)) for size in sizes})
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

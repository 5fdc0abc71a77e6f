"""The race: which of two update rules on the same gradient gets nearer to the lowest loss in fewer epochs."""

import itertools
from collections.abc import Mapping
from typing import Protocol

from bpcompare.training.run import Run

FRACTIONS = (0.1, 0.01, 0.001)  # of the starting gap, at which the race is timed


class Racer(Protocol):
    """What a race asks of a result."""

    @property
    def run(self) -> Run:
        """How it was trained, and by which method."""

    def epochs_to(self, fraction: float) -> int | None:
        """The first epoch at which the gap is at most ``fraction`` of the one at the start, or None."""


def race(results: Mapping[str, Racer]) -> dict[str, dict[float, dict[str, int | None]]]:
    """Per pair "a~b" with the same source and different rules: the epochs each took to `FRACTIONS` of the gap."""
    return {
        f"{a}~{b}": {f: {a: first.epochs_to(f), b: second.epochs_to(f)} for f in FRACTIONS}
        for (a, first), (b, second) in itertools.combinations(results.items(), 2)
        if first.run.method.gradient == second.run.method.gradient
        and first.run.method.canonical_update != second.run.method.canonical_update
    }

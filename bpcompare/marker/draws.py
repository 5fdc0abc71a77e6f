"""Problems that were drawn, for all functions that are called on them."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bpcompare.marker.calls import Problem
from bpcompare.marker.exercises import Exercise
from bpcompare.marker.sandbox_wire import encode


@dataclass(frozen=True, eq=False)
class Drawn:
    """The problems of one exercise by one seed.

    Attributes:
        seed: Makes them again.
        problems: In the order of the calls.
        worked_out: What the markings so far have worked out of the problems alone.
    """

    seed: int
    problems: tuple[Problem, ...]
    worked_out: dict[Hashable, Any] = field(default_factory=dict)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The arguments of each call, as the runner reads them."""
        return tuple(encode(problem.inputs) for problem in self.problems)


class Draws:
    """Keeps what was drawn for several markings with one seed, such as those of a class.

    Example:
        >>> from bpcompare.marker.exercises import find
        >>> draws, exercise = Draws(), find("sigmoid-neuron")
        >>> draws.of(exercise, 3) is draws.of(exercise, 3)
        True
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Drawn] = {}

    def of(self, exercise: Exercise, seed: int) -> Drawn:
        """The problems of this exercise by this seed, drawn the first time that they are asked for."""
        key = (exercise.name, seed)
        if key not in self._kept:
            self._kept[key] = Drawn(seed, tuple(exercise.draw(np.random.default_rng(seed))))
        return self._kept[key]

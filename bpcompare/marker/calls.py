"""What one call of a learner's function leaves behind: what went in, what came back, what was right."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23}  # the distance from 1 to the next number


@dataclass(frozen=True, eq=False)
class Problem:
    """One set of numbers to call a function on, with its right answers.

    Attributes:
        sizes: The dimensions by name, such as ``{"N": 7, "in": 3, "out": 2}``.
        dtype: ``float64`` or ``float32``, the type of ``inputs``.
        inputs: The arguments by name, in their order; arrays, or plain numbers.
        expected: The right answers by name, in extended precision.
        terms: For each number of ``expected``, the sum of the absolute values of the terms that it is a sum of.
        operations: How many rounded operations lead to one number, at most.
        kinks: The least and the largest right value, for an answer that has more than one somewhere.
        edge: The mistake of failing here and nowhere else, for a problem at the edge of what may come; else empty.
    """

    sizes: Mapping[str, int]
    dtype: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Array]
    terms: Mapping[str, Array]
    operations: int
    kinks: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    edge: str = ""

    def for_answers(self, answers: Mapping[str, Array]) -> "Problem":
        """The problem with the right answers nearest to ``answers``: at a kink there is more than one."""
        nearest = {
            name: np.clip(answers[name].astype(np.longdouble), lower, upper)
            for name, (lower, upper) in self.kinks.items()
            if name in answers and answers[name].shape == lower.shape and np.isfinite(answers[name]).all()
        }
        return replace(self, expected={**self.expected, **nearest}, kinks={}) if nearest else self

    @cached_property
    def in_float64(self) -> Mapping[str, Array]:
        """The right answers in float64."""
        return {answer: np.asarray(right, dtype=np.float64) for answer, right in self.expected.items()}

    @cached_property
    def sizes_and_neighbours(self) -> Mapping[str, int]:
        """The sizes by name, and the neighbours of N."""
        sizes = dict(self.sizes)
        return sizes | ({"N−1": sizes["N"] - 1, "N−2": sizes["N"] - 2, "N+1": sizes["N"] + 1} if "N" in sizes else {})

    def rounding(self, answer: str) -> Array:
        """How far a right answer may be from the expected one: operations · ε · Σ|terms|, in any order of summation."""
        return np.asarray(self.operations * EPSILON[self.dtype] * self.terms[answer], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Call:
    """One call: its problem and what came of it.

    Attributes:
        problem: What the function was called on.
        answers: The arrays that came back, by name; empty where the call raised.
        dtypes: The type of each array as it came back.
        raised: The error with its line, or the empty text.
        changed: The inputs that the call changed in place.
    """

    problem: Problem
    answers: Mapping[str, Array] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)
    raised: str = ""
    changed: tuple[str, ...] = ()

    def rounding(self, answer: str) -> Array:
        """The rounding allowed: that of the inputs, or of float32 where the answer itself is a float32 array."""
        return self._roundings[answer]

    @cached_property
    def right(self) -> Mapping[str, bool]:
        """By answer, whether it came, in its shape and within rounding; one number may come in any nesting."""
        with np.errstate(invalid="ignore"):
            return {answer: self._is_right(answer) for answer in self.problem.expected}

    def _is_right(self, answer: str) -> bool:
        array, right = self.answers.get(answer), self.problem.expected[answer]
        if array is None or (array.shape != right.shape and not array.size == right.size == 1):
            return False
        return bool((abs(array.reshape(right.shape) - right) <= self.rounding(answer)).all())

    @cached_property
    def _roundings(self) -> Mapping[str, Array]:
        """By answer; every hypothesis asks for them."""
        coarser = EPSILON["float32"] / EPSILON[self.problem.dtype]
        single = {answer for answer, dtype in self.dtypes.items() if dtype == "float32"}
        terms = self.problem.terms
        return {answer: self.problem.rounding(answer) * (coarser if answer in single else 1.0) for answer in terms}

"""How a step comes to another value: each of these gives a function of the derivation's values."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.marker.hypotheses.derivation_changes.along_axis import Transform
from bpcompare.marker.hypotheses.derivation_changes.operations import OPERATIONS
from bpcompare.marker.hypotheses.derivation_changes.program import Make, Step, Values


def operated(step: Step, operation: Callable[..., Any]) -> Make:
    """Another operation on the step's own operands."""
    return lambda values: operation(*(values[name] for name in step.operands))


def replaced(step: Step, place: int, other: str) -> Make:
    """The step with another value in the place of an operand."""
    names = (*step.operands[:place], other, *step.operands[place + 1 :])
    operation = OPERATIONS[step.operation]
    return lambda values: operation(*(values[name] for name in names))


def with_value(step: Step, place: int, change: Callable[[Any], Any]) -> Make:
    """The step with one of its operands changed."""
    operation = OPERATIONS[step.operation]

    def make(values: Values) -> Any:
        given = [values[name] for name in step.operands]
        given[place] = change(given[place])
        return operation(*given)

    return make


def with_number(step: Step, place: int, number: float) -> Make:
    """The step with a number in the place of an operand."""
    return with_value(step, place, lambda value: np.asarray(number))


def with_ones(step: Step, place: int) -> Make:
    """The step with ones in the place of an operand."""
    return with_value(step, place, np.ones_like)


def transformed(step: Step, transform: Transform) -> Make:
    """What the step gives, changed."""
    return lambda values: transform(step.value(values))


def known_transformed(name: str, transform: Transform) -> Make:
    """A value that is known, changed."""
    return lambda values: transform(values[name])


def together(step: Step, other: str, combine: Callable[[Any, Any], Any]) -> Make:
    """What the step gives, together with another value."""
    return lambda values: combine(step.value(values), values[other])


def known_together(step: Step, other: str, combine: Callable[[Any, Any], Any]) -> Make:
    """The same where the step's value is known."""
    return lambda values: combine(values[step.name], values[other])

"""Changes with a number to solve for: to a value of the derivation, a number times another value is added."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.hypotheses.derivation_changes.changes import COST, VALUE, Change, known_before, told
from bpcompare.marker.hypotheses.derivation_changes.program import Program, Step, Values

INCREASED, REDUCED = N_("{value} is increased by {amount}"), N_("{value} is reduced by {amount}")


class Along(NamedTuple):
    """What is added times a number: how it is made of a value, and what it is called, without and with a scale."""

    direction: Callable[[Any], Any]
    amount: str
    scaled: str


ONES = Along(np.ones_like, "{number:.6g}", "{number:.6g}")
TIMES = N_("{number:.6g} times {other}")
DIRECTIONS = (
    Along(lambda value: value, TIMES, N_("{number:.6g} times {scale} times {other}")),
    Along(
        np.sign,
        N_("{number:.6g} times the sign of {other}"),
        N_("{number:.6g} times {scale} times the sign of {other}"),
    ),
)


def additions(
    program: Program, wanted: frozenset[str], typical: Values
) -> Iterator[tuple[Callable[[float], Change], str]]:
    """To each value, a number times another value of its shape, its sign, or ones: the change for each number."""
    for step in program.steps:
        if step.name not in wanted or not np.ndim(typical[step.name]):
            continue
        for other in known_before(program, step.name):
            if np.shape(typical[other]) == np.shape(typical[step.name]) and other in wanted:
                scales = (None, "lr") if "lr" in wanted else (None,)
                for along, scale in product(DIRECTIONS, scales):
                    yield _addition(step, other, along, scale), step.name
        yield _addition(step, step.name, ONES, None), step.name
    yield from _input_additions(program, wanted, typical)


def _input_additions(
    program: Program, wanted: frozenset[str], typical: Values
) -> Iterator[tuple[Callable[[float], Change], str]]:
    inputs = [shown for shown in program.inputs.values() if np.ndim(typical[shown])]
    for shown, other in product(inputs, repeat=2):
        if shown in wanted and other != shown and np.shape(typical[other]) == np.shape(typical[shown]):
            yield _input_addition(program, shown, other), shown


def _addition(step: Step, other: str, along: Along, scale: str | None) -> Callable[[float], Change]:
    def change(number: float) -> Change:
        def make(values: Values) -> Any:
            right = step.value(values)
            added = along.direction(right if other == step.name else values[other])
            return right + number * (values[scale] if scale else 1.0) * added

        words = along.scaled if scale else along.amount
        amount = told(words, number=abs(number), scale=scale, other=other)
        says = told(INCREASED if number > 0 else REDUCED, value=step.name, amount=amount)
        return Change(VALUE, step.name, make, says, step.line, COST[VALUE] + 0.2 + 0.05 * bool(scale))

    return change


def _input_addition(program: Program, shown: str, other: str) -> Callable[[float], Change]:
    line = program.users[shown][0].line

    def change(number: float) -> Change:
        amount = told(TIMES, number=abs(number), other=other)
        says = told(INCREASED if number > 0 else REDUCED, value=shown, amount=amount)
        return Change(
            VALUE, shown, lambda values: values[shown] + number * values[other], says, line, COST[VALUE] + 0.2
        )

    return change

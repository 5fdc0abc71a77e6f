"""What can go wrong in a derivation: every change of one step, with what is said of it and how much has to go wrong."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bpcompare.language import N_
from bpcompare.marker.hypotheses.derivation_changes import makes, transforms
from bpcompare.marker.hypotheses.derivation_changes.along_axis import Transform
from bpcompare.marker.hypotheses.derivation_changes.operations import INSTEAD, sigmoid
from bpcompare.marker.hypotheses.derivation_changes.program import Make, Program, Step, Values, written
from bpcompare.marker.phrases import Phrase, phrase

LEFT_OUT, OPERATION, OPERAND, VALUE = "step-left-out", "operation-replaced", "operand-replaced", "value-changed"
COST = {LEFT_OUT: 1.0, OPERATION: 1.3, OPERAND: 1.6, VALUE: 2.0}
NUMBERS = (0.0, 0.5, 1.0, 2.0)
SETTINGS = (0.9, 0.99, 0.999, 0.1, 0.001, 1e-8, 1e-7, 1e-6, 1e-5)  # that people write where an argument is meant
COMBINED: dict[str, Callable[[Any, Any], Any]] = {
    N_("{value} is multiplied by {other}"): lambda a, b: a * b,
    N_("{value} is divided by {other}"): lambda a, b: a / b,
    N_("{value} is multiplied by the square of {other}"): lambda a, b: a * b * b,
    N_("{value} is multiplied by the sign of {other}"): lambda a, b: a * np.sign(b),
    N_("{value} is multiplied by σ of {other}"): lambda a, b: a * sigmoid(b),
    N_("{value} is multiplied by σ′ = σ(1 − σ) of {other}"): lambda a, b: a * sigmoid(b) * (1 - sigmoid(b)),
    N_("{value} is replaced by σ of {other}"): lambda a, b: sigmoid(b),
    N_("{value} is replaced by σ′ = σ(1 − σ) of {other}"): lambda a, b: sigmoid(b) * (1 - sigmoid(b)),
    N_("{value} is multiplied by v(1 − v) with v = {other}"): lambda a, b: a * b * (1 - b),
    N_("{value} is kept only where positive is {other}"): lambda a, b: a * (b > 0),
    N_("{value} is increased by {other}"): lambda a, b: a + b,
    N_("{value} is reduced by {other}"): lambda a, b: a - b,
    N_("{value} is replaced by the larger of it and {other}"): np.maximum,
    N_("{value} is replaced by the smaller of it and {other}"): np.minimum,
    N_("{value} is averaged with {other}"): lambda a, b: (a + b) / 2,
}
IS_CHANGED = N_("{value} is {change}")
IN_STEP = N_("in the step to {step}, {what}")
IN_STEP_CHANGED = N_("in the step to {step}, {value} is {change}")
STANDS = N_("in the step to {step}, {other} stands where {operand} belongs")
NUMBER_STANDS = N_("in the step to {step}, the number {number:g} stands where {operand} belongs")
ONES_STAND = N_("in the step to {step}, ones stand where {operand} belongs")
Shapes = Mapping[str, tuple[int, ...]]  # of the values, by name
ONE_USE = 0.1  # more than where every use of a value is concerned


@dataclass(frozen=True, eq=False)
class Change:
    """One value of the derivation that becomes another.

    Attributes:
        kind: step-left-out, operation-replaced, operand-replaced or value-changed.
        step: The name of the value that changes.
        make: What it becomes.
        says: What is said of it.
        line: The line of the derivation.
        cost: How much has to go wrong.
        operand: Where one use of an operand changes: which operand of the step, and how.
        of_own: The same as ``make`` of values that hold the step's own, where that need not be worked out again.
    """

    kind: str
    step: str
    make: Make
    says: Phrase
    line: int
    cost: float
    operand: tuple[int, Transform] | None = None
    of_own: Make | None = None

    def made(self, values: Values) -> Any:
        """What it becomes where ``values`` holds every value of the derivation, unchanged from this step on."""
        return (self.of_own or self.make)(values)


def all_changes(
    program: Program, wanted: frozenset[str], typical: Values, given: frozenset[str] = frozenset()
) -> tuple[Change, ...]:
    """Every change of one of the wanted values, cheapest first.

    Args:
        program: The derivation.
        wanted: The values that the answer depends on.
        typical: Values of one problem, which say what each value is.
        given: Values that are the learner's own: they can only be changed where a step uses them.
    """
    lengths: dict[int, int] = {}
    shapes = tuple(
        (name, tuple(lengths.setdefault(length, len(lengths)) for length in np.shape(typical[name])))
        for name in program.users
    )
    return _changes_of(program, wanted, shapes, given)


@lru_cache(maxsize=32)
def _changes_of(
    program: Program,
    wanted: frozenset[str],
    equal_shapes: tuple[tuple[str, tuple[int, ...]], ...],
    given: frozenset[str],
) -> tuple[Change, ...]:
    """The same for all problems whose values have equal shapes where these have, whatever their lengths."""
    typical, found = dict(equal_shapes), list[Change]()
    for shown in program.inputs.values():
        used = [step for step in program.users[shown] if step.name in wanted]
        if shown in wanted and used:
            found += _values_of_input(program, shown, used[0], typical)
            if len(used) > 1:
                found += [change for step in used for change in _one_use(program, step, shown, typical)]
    for step in program.steps:
        if step.name in wanted:
            used = [user for user in program.users[step.name] if user.name in wanted]
            if step.name not in given:
                found += _of_step(program, step, typical)
            if len(used) > 1 or step.name in given:
                found += [change for user in used for change in _one_use(program, user, step.name, typical)]
    return tuple(sorted(found, key=lambda change: change.cost))


def _values_of_input(program: Program, shown: str, user: Step, typical: Shapes) -> Iterator[Change]:
    for words, transform, more in transforms.of(len(typical[shown]), program.axes_of(shown)):
        says = told(IS_CHANGED, value=shown, change=words)
        yield Change(VALUE, shown, makes.known_transformed(shown, transform), says, user.line, COST[VALUE] + more)


def _of_step(program: Program, step: Step, typical: Shapes) -> Iterator[Change]:
    for words, operation in INSTEAD[step.operation].items():
        operands = dict(zip("ab", map(_bracketed, step.operands), strict=False))
        says = told(IN_STEP, step=step.name, what=told(words, **operands))
        yield Change(OPERATION, step.name, makes.operated(step, operation), says, step.line, COST[OPERATION])
    for place, name in enumerate(step.operands):
        yield from _left_out(step, place, typical)
        for other in _others(program, step, place, typical):
            says = told(STANDS, step=step.name, other=other, operand=name)
            yield Change(OPERAND, step.name, makes.replaced(step, place, other), says, step.line, COST[OPERAND])
        if not typical[name]:
            for number in (*NUMBERS, *SETTINGS):
                says = told(NUMBER_STANDS, step=step.name, number=number, operand=name)
                make = makes.with_number(step, place, number)
                yield Change(OPERAND, step.name, make, says, step.line, COST[OPERAND] + 0.1)
        elif step.operation in ("multiply", "divide", "matmul"):
            says = told(ONES_STAND, step=step.name, operand=name)
            yield Change(LEFT_OUT, step.name, makes.with_ones(step, place), says, step.line, COST[LEFT_OUT] + 0.1)
    yield from _combined(program, step, typical)
    for change, transform, more in transforms.of(len(typical[step.name]), program.axes_of(step.name)):
        says = told(IS_CHANGED, value=step.name, change=change)
        make, of_own = makes.transformed(step, transform), makes.known_transformed(step.name, transform)
        yield Change(VALUE, step.name, make, says, step.line, COST[VALUE] + more, of_own=of_own)


def _combined(program: Program, step: Step, typical: Shapes) -> Iterator[Change]:
    """The right value together with another one: multiplied, divided, added, the larger of the two."""
    for other in known_before(program, step.name):
        if typical[other] and typical[other] != typical[step.name]:
            continue
        for words, combine in COMBINED.items():
            says = told(words, value=step.name, other=other)
            make, of_own = makes.together(step, other, combine), makes.known_together(step, other, combine)
            yield Change(VALUE, step.name, make, says, step.line, COST[VALUE] + 0.1, of_own=of_own)


def known_before(program: Program, name: str) -> Iterator[str]:
    """The values that are known before a step, the arguments first."""
    yield from program.inputs.values()
    for earlier in program.steps:
        if earlier.name == name:
            return
        yield earlier.name


def _bracketed(name: str) -> str:
    """A name that is itself an expression, so that √ and − apply to all of it."""
    return f"({name})" if " " in name and not name.startswith("(") and "(old)" not in name else name


def _left_out(step: Step, place: int, typical: Shapes) -> Iterator[Change]:
    """The step does nothing to one of its operands: its other operand, or the whole operation, is left out."""
    name, rest = step.operands[place], [other for k, other in enumerate(step.operands) if k != place]
    if step.operation == "copy" or (step.operation == "power" and place == 1):
        return
    lacking = told(N_("the operation ({operation}) is left out"), operation=Phrase(step.operation))
    if rest:
        lacking = told(N_("{other} is left out"), other=rest[0])
    if step.operation == "subtract" and place == 1:
        lacking = told(N_("{other} is left out: −{operand} remains"), other=rest[0], operand=name)
    says = told(IN_STEP, step=step.name, what=lacking)
    if step.operation == "subtract" and place == 1:

        def minus(values: Values) -> Any:
            return -values[name]

        yield Change(LEFT_OUT, step.name, minus, says, step.line, COST[LEFT_OUT])
        return
    if step.operation == "divide" and place == 1:

        def under(values: Values) -> Any:
            return 1 / values[name]

        yield Change(LEFT_OUT, step.name, under, says, step.line, COST[LEFT_OUT])
        return
    yield Change(LEFT_OUT, step.name, lambda values: values[name], says, step.line, COST[LEFT_OUT])


def _others(program: Program, step: Step, place: int, typical: Shapes) -> Iterator[str]:
    """Other values of the same kind, worked out before the step."""
    name = step.operands[place]
    for other in known_before(program, step.name):
        if other == name:
            continue
        fits = typical[other] in (typical[name], ())
        if fits or (len(typical[name]) == len(typical[other]) and step.operation == "matmul"):
            yield other


def _one_use(program: Program, step: Step, name: str, typical: Shapes) -> Iterator[Change]:
    """A value that is changed where one step uses it, and right where others do."""
    for place, operand in enumerate(step.operands):
        if operand != name:
            continue
        for words, transform, more in transforms.of(len(typical[name]), program.axes_of(name)):
            says = told(IN_STEP_CHANGED, step=step.name, value=name, change=words)
            make = makes.with_value(step, place, transform)
            cost = COST[VALUE] + ONE_USE + more
            yield Change(VALUE, step.name, make, says, step.line, cost, (place, transform))


def told(message: str, **values: Any) -> Phrase:
    """A phrase in which the derivation's values stand as they are written."""
    return phrase(message, **{name: written(v) if isinstance(v, str) else v for name, v in values.items()})

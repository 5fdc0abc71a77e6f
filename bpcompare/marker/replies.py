"""What a learner's function takes and gives: is it what the exercise asks for?"""

from collections.abc import Mapping
from pathlib import Path

from bpcompare.errors import MarkingError
from bpcompare.language import N_, _
from bpcompare.marker.calls import Array, Call, Problem
from bpcompare.marker.exercises import Exercise
from bpcompare.marker.sandbox_wire import Reply


def answers_of(exercise: Exercise, reply: Reply) -> Mapping[str, Array]:
    """The arrays of one reply by name; none where it raised or gave something else."""
    arrays = [array for __, array in reply.parts] if reply.kind not in ("raised", "single") else []
    names = exercise.known.answers
    if len(arrays) != len(names):
        return {}
    return {name: array for name, array in zip(names, arrays, strict=True) if not isinstance(array, str)}


def call_of(file: Path, exercise: Exercise, problem: Problem, reply: Reply) -> Call:
    """One call of the function: the problem, and what came back.

    Raises:
        MarkingError: What came back is not the arrays that the exercise asks for.
    """
    names = exercise.known.answers
    changed = tuple(exercise.parameters[index] for index in reply.changed)
    if reply.kind == "raised":
        return Call(problem, raised=reply.text, changed=changed)
    told = {"function": exercise.function, "file": file, "names": ", ".join(names)}
    if reply.kind == "single":
        alone = N_("{function} in {file} returned {what}; it must return {names}")
        missing = N_("{function} in {file} returned {what}; it must return {names}; is a return missing?")
        message = missing if reply.text == "None" else alone
        raise MarkingError(_(message, what=reply.text, **told))
    if len(reply.parts) != len(names):
        wrong = N_("{function} in {file} returned {count} results; it must return {names}")
        raise MarkingError(_(wrong, count=len(reply.parts), **told))
    answers: dict[str, Array] = {}
    for name, (__, array) in zip(names, reply.parts, strict=True):
        if isinstance(array, str):
            wrong = N_(
                "{function} in {file} returned {what} as {name}; "
                "it must be a tensor, a NumPy array or a nested list of real numbers"
            )
            raise MarkingError(_(wrong, what=array, name=name, **told))
        answers[name] = array
    types = {name: dtype for name, (dtype, _) in zip(names, reply.parts, strict=True)}
    return Call(problem, answers, types, changed=changed)


def check_signature(file: Path, exercise: Exercise, parameters: str) -> None:
    """Says whether the function takes what it will be given.

    Args:
        file: For the message.
        exercise: What the function must be.
        parameters: ``KIND:name:has_default`` for each, ``?`` where unknown, ``!`` where it cannot be called.

    Raises:
        MarkingError: It takes other arguments, or the same in another order.
    """
    wanted = f"{exercise.function}({', '.join(exercise.parameters)})"
    if parameters == "!":
        problem = N_("{function} in {file} is not a function; define {wanted}")
        raise MarkingError(_(problem, function=exercise.function, file=file, wanted=wanted))
    if parameters == "?":
        return
    listed = [tuple(word.split(":")) for word in parameters.split()]
    any_number = any(kind == "VAR_POSITIONAL" for kind, *__ in listed)
    by_position = [
        (name, default) for kind, name, default in listed if kind in ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")
    ]
    fixed, required = [name for name, __ in by_position], sum(default == "0" for __, default in by_position)
    keyword_only = any(kind == "KEYWORD_ONLY" and default == "0" for kind, __, default in listed)
    got = f"{exercise.function}({', '.join(name for __, name, ___ in listed)})"
    count = len(exercise.parameters)
    if keyword_only or required > count or (len(fixed) < count and not any_number):
        raise MarkingError(_("{file} defines {got}; it must take {wanted}", file=file, got=got, wanted=wanted))
    names = [name.lower() for name in fixed[:count]]
    if sorted(names) == sorted(exercise.parameters) and names != list(exercise.parameters):
        problem = N_("{file} defines {got}; the arguments come in the order of {wanted}")
        raise MarkingError(_(problem, file=file, got=got, wanted=wanted))

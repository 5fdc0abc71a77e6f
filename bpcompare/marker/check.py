"""Marks a learner's file: runs it apart, compares its answers with the right ones, and diagnoses what differs."""

import json
import runpy
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bpcompare.errors import InputError, MarkingError
from bpcompare.language import N_, _, listed
from bpcompare.marker import sandbox_child
from bpcompare.marker.calls import Array
from bpcompare.marker.check_gradients import check_gradients
from bpcompare.marker.diagnosis import diagnose
from bpcompare.marker.draws import Drawn, Draws
from bpcompare.marker.exercises import EXERCISES, Exercise, find
from bpcompare.marker.marking import Marking
from bpcompare.marker.memo import Memo
from bpcompare.marker.phrases import said
from bpcompare.marker.placement import on_device
from bpcompare.marker.properties import with_properties
from bpcompare.marker.replies import answers_of, call_of, check_signature
from bpcompare.marker.sandbox import TIME_LIMIT, Sandbox
from bpcompare.marker.sandbox_start import Server, server
from bpcompare.marker.sandbox_wire import Reply, decode, encode
from bpcompare.problem import devices

FUNCTIONS = {exercise.function: exercise for exercise in EXERCISES.values()}


def check_file(
    file: str | Path,
    seed: int | None = None,
    time_limit: float = TIME_LIMIT,
    process: Server | None = None,
    *,
    device: str | torch.device = "cpu",
    draws: Draws | None = None,
) -> Marking:
    """Marks the function that ``file`` defines.

    An answer is *exact* where every number is the right one, rounded; *within rounding* where it differs by at most
    operations · ε · Σ|terms|, which bounds what any order of summation can do; *wrong* otherwise. ε is that of
    the inputs' type, or of float32 where the answer is a float32 array; the file is called with both types.

    Args:
        file: Python source that defines one of the exercises' functions.
        seed: Makes the problems; a fresh one where it is None.
        time_limit: Seconds of processor time that its calls may take; imports are not counted.
        process: Runs the file, and others before and after; one of its own where it is None.
        device: Where the function is called. On another than the CPU the file runs in this process, as any module
            that is imported: a sandbox cannot reach a GPU. Mark only a file that you trust there.
        draws: Keeps the problems for the next files with the same seed, which are marked faster.

    Returns:
        The marking, with a diagnosis of what is wrong.

    Raises:
        MarkingError: The file cannot be marked: it is not there, does not run, or returns no arrays.
        InputError: The device is not here.

    Example:
        >>> check_file("nowhere.py")
        Traceback (most recent call last):
        bpcompare.errors.MarkingError: there is no file nowhere.py to mark; ...
    """
    file = Path(file)
    if not file.is_file():
        raise MarkingError(
            _("there is no file {file} to mark; check --exercise NAME writes one to start with", file=file)
        )
    seed = secrets.randbits(32) if seed is None else seed
    if (where := devices.chosen(device, float64=True)).type != "cpu":
        return _in_this_process(file, seed, where)
    if process is None:
        with server() as own:
            return check_file(file, seed, time_limit, own, draws=draws)
    with Sandbox(file, tuple(FUNCTIONS), time_limit, process) as sandbox:
        function, parameters = sandbox.load()
        if parameters == "own loss":
            return _own_loss(file, function, sandbox)
        exercise = FUNCTIONS[function]
        check_signature(file, exercise, parameters)
        drawn = (draws or Draws()).of(exercise, seed)
        replies = list(sandbox.call(drawn.lines))
        return mark(file, exercise, drawn, replies, lambda lines: list(sandbox.call(lines)))


def _in_this_process(file: Path, seed: int, device: torch.device) -> Marking:
    """The marking of a file that is trusted."""
    try:
        defined = runpy.run_path(str(file))
    except Exception as error:  # whatever the file raises
        problem = N_("{file} cannot be marked: it raises {kind}: {error}")
        raise MarkingError(_(problem, file=file, kind=type(error).__name__, error=error)) from error
    if all(callable(defined.get(name)) for name in sandbox_child.OWN_LOSS):
        return check_gradients(*(defined[name] for name in sandbox_child.OWN_LOSS), device=device)
    found = [exercise for name, exercise in FUNCTIONS.items() if callable(defined.get(name))]
    if not found:
        wanted = listed([f"{name}(…)" for name in FUNCTIONS], N_(" or "))
        problem = N_("{file} defines no function to mark; it must define {wanted}, see check --exercise")
        raise MarkingError(_(problem, file=file, wanted=wanted))
    return check_function(defined[found[0].function], found[0].name, seed, device=device)


def _own_loss(file: Path, function: str, sandbox: Sandbox) -> Marking:
    from bpcompare.marker.own_loss import judge_told

    try:
        return judge_told(function, json.loads(sandbox.told()))
    except MarkingError:
        raise
    except InputError as error:
        raise MarkingError(_("{file} cannot be marked: {error}", file=file, error=said(error.args[0]))) from error
    except ValueError as error:
        problem = N_("{file} disturbed the marker's own channel; it must only define its functions")
        raise MarkingError(_(problem, file=file)) from error


def check_function(
    function: Callable[..., Any],
    exercise: str = "linear-regression",
    seed: int | None = None,
    *,
    device: str | torch.device = "cpu",
    draws: Draws | None = None,
) -> Marking:
    """Marks a function in this process, as a notebook needs it: without a time limit, and trusting what it does.

    Args:
        function: What the exercise asks for.
        exercise: The exercise's name.
        seed: Makes the problems; a fresh one where it is None.
        device: Where the function is called: "cpu", "cuda", "cuda:N" or "auto".
        draws: Keeps the problems for the next functions with the same seed, which are marked faster.

    Returns:
        The marking, with a diagnosis of what is wrong.

    Raises:
        InputError: There is no such exercise, or the device is not here.
        MarkingError: The function cannot be marked.

    Example:
        >>> def gradients(x, y, w, b):
        ...     delta = 2 * (x @ w.T + b - y)
        ...     return delta.T @ x, delta.sum(0) / y.numel()
        >>> check_function(gradients).mistakes
        {'grad_w': ('summed-not-averaged',), 'grad_b': ()}
    """
    chosen = find(exercise)
    seed = secrets.randbits(32) if seed is None else seed
    source = Path(getattr(getattr(function, "__code__", None), "co_filename", "this session"))
    function = on_device(function, devices.chosen(device, float64=True))
    drawn, tools = (draws or Draws()).of(chosen, seed), sandbox_child.take_tools()

    def call(lines: Sequence[str]) -> list[Reply]:
        fields = [sandbox_child.answer(function, line, str(source), tools) for line in lines]
        return [decode(changed, kind, rest) for changed, kind, *rest in fields]

    return mark(source, chosen, drawn, call(drawn.lines), call)


def mark(
    file: Path,
    exercise: Exercise,
    drawn: Drawn,
    replies: Iterable[Reply],
    call: Callable[[Sequence[str]], Sequence[Reply]] | None = None,
) -> Marking:
    """The marking of these replies to these problems; ``call`` asks further questions where nothing is named.

    Raises:
        MarkingError: A reply holds no arrays, or every call raised.
    """
    asked = zip(drawn.problems, replies, strict=True)
    calls = tuple(call_of(file, exercise, problem, reply) for problem, reply in asked)
    if all(call.raised for call in calls):
        problem = N_("{function} in {file} raises in every call: {error}; correct that first")
        raise MarkingError(_(problem, function=exercise.function, file=file, error=calls[0].raised))

    def ask(inputs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Array]]:
        assert call is not None
        try:
            return [answers_of(exercise, reply) for reply in call([encode(each) for each in inputs])]
        except MarkingError:  # the time is over, or the process has ended
            return [{} for __ in inputs]

    verdicts = diagnose(calls, exercise.known, Memo(drawn.worked_out))
    told = with_properties(calls, verdicts, exercise.known, ask if call is not None else None)
    return Marking(exercise, told, calls, drawn.seed)

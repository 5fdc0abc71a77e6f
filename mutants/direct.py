"""Calls the tests of a room without pytest, whose start costs more than most tests do: cheapest first, to a failure.

What needs a fixture, is skipped here or there, or is a folder is left to pytest, which runs after this.
"""

import importlib.util
import inspect
import itertools
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 10  # times what a call took with the unchanged code, and ...
CHEAP = 0.1  # seconds; a dearer test waits until all cheap ones have passed
AT_LEAST = 5.0  # ... so many seconds of the processor more; one that takes longer runs for ever


@dataclass(frozen=True)
class Call:
    """A test with its arguments; ``test`` is its name as pytest writes it, without them."""

    test: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    seconds: float


def first_failure(root: Path, files: list[str], seconds: dict[str, float], module: str) -> tuple[str, set[str]]:
    """The first test that fails, or an empty text; and which were called and need not be any more.

    Args:
        root: Where the files are.
        files: The tests of the room; the file that is called like the module comes first.
        seconds: What each test took with the unchanged code.
        module: The file with the mutant.
    """
    likely = f"test_{Path(module).name}"
    slow, called = [], set[str]()
    signal.signal(signal.SIGVTALRM, _too_long)
    try:
        for name in sorted(files, key=lambda name: not name.endswith(likely)):
            for call in sorted(_calls(root, name, seconds), key=lambda call: call.seconds):
                called.add(call.test)
                if call.seconds > CHEAP:
                    slow.append(call)
                elif failed := _failure(call):
                    return failed, called
        failed = next(filter(None, map(_failure, sorted(slow, key=lambda call: call.seconds))), "")
    except BaseException as error:
        return f"ERROR {type(error).__name__}: {error}".split("\n")[0], called
    return failed, called


def _failure(call: Call) -> str:
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE * call.seconds + AT_LEAST)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call.function(**call.arguments)
    except BaseException as error:
        return f"FAILED {call.test} - {type(error).__name__}: {error}".split("\n")[0]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return ""


def _too_long(*_: object) -> None:
    raise TimeoutError("processor time")


def _calls(root: Path, name: str, seconds: dict[str, float]) -> Iterator[Call]:
    if not name.endswith(".py") or not name.startswith("tests") or not (root / name).exists():
        return
    module = _imported(root / name)
    for key, function in vars(module).items():
        if key.startswith("test_") and callable(function) and function.__module__ == module.__name__:
            test = f"{name}::{key}"
            given = list(_given(function))
            took = [spent for node, spent in seconds.items() if node.partition("[")[0] == test]
            each = sum(took) / len(took) if took else 0.0
            yield from (Call(test, function, arguments, each) for arguments in given)


def _imported(path: Path) -> Any:
    sys.path[:0] = [folder for folder in (str(path.parent), str(path.parents[1])) if folder not in sys.path]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _given(function: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Each set of arguments of a test; none where pytest has to give some."""
    tables = []
    for mark in getattr(function, "pytestmark", []):
        if mark.name != "parametrize" or set(mark.kwargs) - {"ids"} or len(mark.args) != 2:
            return
        names, rows = mark.args
        names = [part.strip() for part in names.split(",")] if isinstance(names, str) else list(names)
        rows = [(row,) if len(names) == 1 else row for row in rows]
        if any(type(row).__name__ == "ParameterSet" for row in rows):
            return
        tables.append([dict(zip(names, row, strict=True)) for row in rows])
    sets = [{name: one for row in rows for name, one in row.items()} for rows in itertools.product(*tables)]
    if all(set(inspect.signature(function).parameters) <= set(arguments) for arguments in sets):
        yield from sets

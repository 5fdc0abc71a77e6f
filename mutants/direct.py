"""Calls tests without pytest, whose start costs more than most tests do: the likeliest and cheapest first.

What needs a fixture, or fails or is skipped when it is called like this, is left to pytest, which runs after this.
"""

import importlib.util
import inspect
import itertools
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHEAP = 0.1  # seconds; a dearer test waits until all cheap ones have passed
PATIENCE = 10  # times what a call took with the unchanged code, and ...
AT_LEAST = 5.0  # ... so many seconds of the processor more; one that takes longer runs for ever


@dataclass(frozen=True)
class Call:
    """A test with its arguments; ``test`` is its name as pytest writes it, without them."""

    test: str
    function: Callable[..., Any]
    arguments: dict[str, Any]


def measured(root: Path, files: list[str]) -> dict[str, float]:
    """The tests that pass when they are called, with the seconds that a call takes."""
    found = {}
    for name in files:
        try:
            calls = list(_calls(root, name))
        except BaseException as error:
            print(f"{name} is left to pytest: {error!r}")
            continue
        for test, group in itertools.groupby(calls, key=lambda call: call.test):
            begun = time.process_time()
            failures = [_failure(call, 0.0) for call in group]
            if not any(failures):
                found[test] = (time.process_time() - begun) / len(failures)
    return found


def first_failure(root: Path, files: list[str], seconds: dict[str, float], module: str) -> str:
    """The first test that fails, or an empty text.

    Args:
        root: Where the files are.
        files: The tests of the room; those that are called like the module come first, their dear tests, too.
        seconds: What `measured` found with the unchanged code.
        module: The file with the mutant.
    """
    likely, dear = f"test_{Path(module).stem}", list[Call]()
    known = [name for name in files if any(test.startswith(f"{name}::") for test in seconds)]
    for name in sorted(known, key=lambda name: not Path(name).stem.startswith(likely)):
        try:
            calls = [call for call in _calls(root, name) if call.test in seconds]
        except BaseException as error:
            return f"ERROR {name} - {type(error).__name__}: {error}".split("\n")[0]
        for call in sorted(calls, key=lambda call: seconds[call.test]):
            if seconds[call.test] > CHEAP and not Path(name).stem.startswith(likely):
                dear.append(call)
            elif failed := _failure(call, seconds[call.test]):
                return failed
    in_order = sorted(dear, key=lambda call: seconds[call.test])
    return next((failed for call in in_order if (failed := _failure(call, seconds[call.test]))), "")


def _failure(call: Call, seconds: float) -> str:
    signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE * seconds + AT_LEAST)
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


def _calls(root: Path, name: str) -> Iterator[Call]:
    if not name.endswith(".py") or not name.startswith("tests") or not (root / name).exists():
        return
    module = _imported(root, root / name)
    for key, function in vars(module).items():
        if key.startswith("test_") and callable(function) and function.__module__ == module.__name__:
            yield from (Call(f"{name}::{key}", function, arguments) for arguments in _given(function))


def _imported(root: Path, path: Path) -> Any:
    folders = (str(path.parent), str(path.parents[1]), str(root / "tests"))
    sys.path[:0] = [folder for folder in folders if folder not in sys.path]
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
        if any(type(one).__name__ == "ParameterSet" for row in rows for one in (row, *row)):
            return
        tables.append([dict(zip(names, row, strict=True)) for row in rows])
    sets = [{name: one for row in rows for name, one in row.items()} for rows in itertools.product(*tables)]
    if all(set(inspect.signature(function).parameters) <= set(arguments) for arguments in sets):
        yield from sets

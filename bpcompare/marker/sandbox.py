"""Runs a learner's file in a process of its own, and believes nothing that it says beyond arrays of numbers."""

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.errors import MarkingError
from bpcompare.marker.calls import Array

RUNNER = Path(__file__).with_name("sandbox_child.py")
START_LIMIT = 60.0  # seconds for Python and PyTorch to start: not the learner's time
TIME_LIMIT = 5.0  # seconds for the learner's own file
LARGEST_CONVERSATION = 64 << 20  # bytes


@dataclass(frozen=True)
class Reply:
    """What came of one call: ``kind`` is returned, raised, single (not a tuple) – with what it holds."""

    kind: str
    text: str = ""
    parts: tuple[tuple[str, Array | str], ...] = ()  # (dtype, array) or ("unusable", what it was)
    changed: tuple[int, ...] = ()


class Sandbox:
    """The running process; use it in a ``with`` statement, which ends it whatever happened.

    Args:
        file: The learner's file.
        functions: The names of which it must define one.
        time_limit: Seconds that the file may take, from its import to its last answer.
    """

    def __init__(self, file: Path, functions: Sequence[str], time_limit: float = TIME_LIMIT) -> None:
        self._file, self._functions, self._limit = file, functions, time_limit
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._deadline = time.monotonic() + START_LIMIT

    def __enter__(self) -> "Sandbox":
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(RUNNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        words = [str(self._file.resolve()), *self._functions]
        self._send([" ".join(word.encode().hex() for word in words)])
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._reader.join(1.0)
        if not self._reader.is_alive():  # a process that the file left behind may still hold the pipe
            self._process.stdout.close()

    def load(self) -> tuple[str, str]:
        """The name of the function that the file defines, and its parameters as the runner writes them."""
        word, *rest = self._next("while it was starting")
        if word != "ready":
            raise MarkingError(f"{self._file} could not be started: PyTorch cannot be imported by {sys.executable}")
        self._deadline = time.monotonic() + self._limit
        word, *rest = self._next("while it was imported")
        if word == "raised" and len(rest) == 1:
            raise MarkingError(_import_trouble(self._file, _text(rest[0])))
        if word == "missing":
            wanted = " or ".join(f"{name}(…)" for name in self._functions)
            raise MarkingError(
                f"{self._file} defines no function to mark; it must define {wanted}, see check --exercise"
            )
        if word != "defines" or len(rest) != 2 or _text(rest[0]) not in self._functions:
            raise self._garbled()
        return _text(rest[0]), _text(rest[1])

    def call(self, arguments: Sequence[Mapping[str, Any]]) -> Iterator[Reply]:
        """Calls the function once for each set of arguments, in order."""
        self._send(encode(values) for values in arguments)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        for number in range(len(arguments)):
            word, *rest = self._next(f"in call {number + 1} of {len(arguments)}")
            try:
                if word != "call" or rest[0] != str(number):
                    raise ValueError
                yield decode(rest[1], rest[2], rest[3:])
            except (ValueError, IndexError) as error:
                raise self._garbled() from error

    def _send(self, lines: Iterable[str]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it ended early; the next read says so
            self._process.stdin.write("".join(line + "\n" for line in lines).encode())
            self._process.stdin.flush()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        size = 0
        while size < LARGEST_CONVERSATION and (line := self._process.stdout.readline(LARGEST_CONVERSATION)):
            size += len(line)
            self._lines.put(line)
        self._lines.put(b"")

    def _next(self, when: str) -> list[str]:
        try:
            line = self._lines.get(timeout=max(self._deadline - time.monotonic(), 0.001))
        except queue.Empty:
            raise MarkingError(
                f"{self._file} took longer than {self._limit:g} seconds and was stopped {when}; "
                "look for an endless loop, or allow more with --time-limit"
            ) from None
        if not line:
            raise MarkingError(
                f"{self._file} ended its own process {when}; "
                "remove os._exit, a crash or the closing of files that are not its own"
            )
        return line.decode("ascii", "replace").rstrip("\n").split("\t")

    def _garbled(self) -> MarkingError:
        return MarkingError(f"{self._file} disturbed the marker's own channel; it must only define its function")


def _import_trouble(file: Path, trouble: str) -> str:
    if "SystemExit" in trouble:
        return f"{file} ends the program while it is imported ({trouble}); move that under if __name__ == '__main__':"
    if "SyntaxError" in trouble or "IndentationError" in trouble or "TabError" in trouble:
        return f"{file} is not Python: {trouble}; correct that line first"
    if "ModuleNotFoundError" in trouble or "ImportError" in trouble:
        return f"{file} cannot import what it asks for: {trouble}; install it, or do without"
    return f"{file} fails while it is imported: {trouble}; correct that first"


def encode(values: Mapping[str, Any]) -> str:
    """The arguments of one call, as the runner reads them: arrays as raw bytes, plain numbers as text."""
    return "\t".join(_encode(value) for value in values.values())


def _encode(value: Any) -> str:
    if isinstance(value, int):
        return f"int::{value}"
    if isinstance(value, float):
        return f"float::{value.hex()}"
    return f"{value.dtype.name}:{','.join(map(str, value.shape))}:{value.tobytes().hex()}"


def decode(changed: str, kind: str, rest: list[str]) -> Reply:
    """What the runner wrote about one call; anything else than numbers and short texts is refused.

    Raises:
        ValueError: It is not what the runner writes.
    """
    indices = tuple(int(index) for index in changed.split(",") if index)
    if kind in ("raised", "single"):
        return Reply(kind, text=_text(rest[0]), changed=indices)
    if kind != "returned":
        raise ValueError(kind)
    return Reply(kind, parts=tuple(_decode_part(part) for part in rest), changed=indices)


def _decode_part(part: str) -> tuple[str, Array | str]:
    dtype, shape, content = part.split(":")
    if dtype == "unusable":
        return dtype, _text(content)
    if not re.fullmatch(r"\w+", dtype):
        raise ValueError(dtype)
    values = np.array([float.fromhex(word) for word in content.split()], dtype=np.float64)
    return dtype, values.reshape([int(length) for length in shape.split(",") if length])


def _text(word: str) -> str:
    try:
        text = bytes.fromhex(word).decode("utf-8", "replace")
    except ValueError:
        return ""
    return "".join(character if character.isprintable() else " " for character in text).strip()

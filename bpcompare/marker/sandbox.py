"""Runs a learner's file in a process of its own, and believes nothing that it says beyond arrays of numbers.

**Who is who.** The *marker* (this process) draws the problems, holds the right answers and decides. The *server*
(``sandbox_server``) imports PyTorch once and forks one *child* (``sandbox_child``) for each file. The file runs in the
child alone.

**What is said.** Marker and server share a socket; the marker sends ``mark`` with the two ends of a pair of pipes, and
``stop``; the server answers ``ready``, ``pid N`` and ``ended REASON``. Marker and child share the pipes. Each line is
a list of fields with tabs between them; texts are in hexadecimal::

    marker → child   PATH NAME NAME …             the file, and the functions that it may define
    child → marker   ready VERSION                Landlock's version, 0 for none
                     importing                    a sign of life: a module is being imported
                     answers                      the file asked for bpcompare, which knows the answers
                     raised TEXT | missing        the file cannot be used; nothing follows
                     defines NAME PARAMETERS      or, of a file with loss, gradients and sample: own loss, then
                     told JSON                    problems and answers, in numbers
    marker → child   TYPE:SHAPE:BYTES …           the arguments of one call; a line for each call, then the end;
                                                  TYPE.T is transposed after it is read, so not contiguous
    child → marker   call K CHANGED returned TYPE:SHAPE:NUMBERS …   (or: raised TEXT, single TEXT)
                     done

**What is promised, on Linux with Landlock (5.13 or later; signals and sockets: 6.12).**

- The file cannot decide, print or change the verdict: it sees numbers, and numbers are all that is read from it. It
  cannot open the marker's output by way of /proc or a terminal's device, since it can write nowhere but in a scratch
  folder, its working directory, which is deleted afterwards. Standard input, output and error lead nowhere.
- Nothing outlives the marking. When the child ends, is too slow, or the marker ends – by whatever signal – the server
  kills everything that descends from the child, daemons included, and deletes the scratch folder.
- Limits: the processor time of ``--time-limit``, which begins anew with each module that is imported and after the
  first call, and a minute on the clock next to it; 4 GiB of memory, 64 processes, 256 open files, 64 MiB in a file;
  no TCP, no signal to a process outside.

Without Landlock (an older kernel, macOS) the file can write and signal as its user can; the rest holds, as long as the
file does not kill the server. Where the system cannot fork (Windows) there is a time limit, and no more.

**What is not promised.** This is no wall against an attacker. The file reads whatever its user can read; it can solve
the exercise with ``torch.autograd``; it can use UDP, and fill the scratch folder file by file; a fault in the kernel
is a way out. Mark files of strangers in a container or a virtual machine without network, as a user without rights,
with the container's limits on memory and disk.
"""

import contextlib
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from bpcompare.errors import MarkingError
from bpcompare.marker import sandbox_limits
from bpcompare.marker.calls import Array

SERVER, CHILD = Path(__file__).with_name("sandbox_server.py"), Path(__file__).with_name("sandbox_child.py")
START_LIMIT = 60.0  # seconds for Python and PyTorch to start: not the learner's time
TIME_LIMIT = 5.0  # seconds of processor time for the learner's calls
PATIENCE = 60.0  # seconds on the clock on top of it, since a busy machine must not decide
LOOK_EVERY = 0.1  # seconds
LARGEST_CONVERSATION = 64 << 20  # bytes
ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1",
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")},
}


@dataclass(frozen=True)
class Reply:
    """What came of one call: ``kind`` is returned, raised, single (not a tuple) – with what it holds."""

    kind: str
    text: str = ""
    parts: tuple[tuple[str, Array | str], ...] = ()  # (dtype, array) or ("unusable", what it was)
    changed: tuple[int, ...] = ()


class Server:
    """The process that runs files, one after another; use it in a ``with`` statement, which ends all of it."""

    def __init__(self) -> None:
        self.pid = 0
        self._started = False

    def __enter__(self) -> "Server":
        self._control, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(SERVER), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,
        )
        theirs.close()
        self._answers = self._control.makefile("rb")
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._control.close()  # the server sees the end of the channel, clears up and leaves
        try:
            self._process.wait(START_LIMIT if self._started else 0.01)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def begin(self) -> tuple[IO[bytes], IO[bytes]]:
        """Starts a child; what is written to the first file reaches it, and what it says comes from the second."""
        if not self._started and self._answer() != ["ready"]:
            raise MarkingError(f"the marker's own process could not start: {sys.executable} cannot import PyTorch")
        self._started = True
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
        try:
            socket.send_fds(self._control, [b"mark\n"], [theirs_in, theirs_out])
        except OSError as error:
            raise MarkingError("the marker's own process is lost; run check again") from error
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        word, *rest = self._answer() or [""]
        self.pid = int(rest[0]) if word == "pid" else 0
        return os.fdopen(ours_out, "wb"), os.fdopen(ours_in, "rb")

    def end(self) -> str:
        """Ends the child and all that it started, and says why the server would have: processes, memory, or nothing."""
        with contextlib.suppress(OSError):
            self._control.sendall(b"stop\n")
        _, *reason = self._answer() or [""]
        self.pid = 0
        return reason[0] if reason else ""

    def _answer(self) -> list[str]:
        self._control.settimeout(None)
        try:
            return self._answers.readline().decode().split()
        except OSError:
            return []


class PlainServer(Server):
    """For systems that cannot fork: a process of its own for each file."""

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to end."""

    def begin(self) -> tuple[IO[bytes], IO[bytes]]:
        """Starts a child, and Python and PyTorch with it."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | ENVIRONMENT,
        )
        self.pid = self._process.pid
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def end(self) -> str:
        """Ends the child."""
        self._process.kill()
        self._process.wait()
        return ""


def server() -> Server:
    """The server that this system can have."""
    return Server() if hasattr(os, "fork") and hasattr(socket, "send_fds") else PlainServer()


class Sandbox:
    """One file in its child; use it in a ``with`` statement, which ends the child whatever happened.

    Args:
        file: The learner's file.
        functions: The names of which it must define one.
        time_limit: Seconds of processor time that the calls may take.
        server: Runs the file; it must have been entered.
    """

    def __init__(self, file: Path, functions: Sequence[str], time_limit: float, server: Server) -> None:
        self._file, self._functions, self._limit, self._server = file, functions, time_limit, server
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._ended: str | None = None
        self.confined = 0

    def __enter__(self) -> "Sandbox":
        self._commands, self._replies = self._server.begin()
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        self._clock = _Clock(self._server.pid, self._limit, START_LIMIT)
        words = [str(self._file.resolve()), *self._functions]
        self._send([" ".join(word.encode().hex() for word in words)])
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        with contextlib.suppress(OSError):
            self._commands.close()
        self._reader.join(1.0)
        if not self._reader.is_alive():  # where nothing could kill what the file left behind, that holds the pipe
            self._replies.close()

    def _end(self) -> str:
        if self._ended is None:
            self._ended = self._server.end()
        return self._ended

    def load(self) -> tuple[str, str]:
        """The name of the function that the file defines, and its parameters as the child writes them."""
        word, *rest = self._next("while it was starting")
        if word != "ready":
            raise MarkingError(f"{self._file} could not be started: PyTorch cannot be imported by {sys.executable}")
        self.confined = int(rest[0]) if rest and rest[0].isdecimal() else 0
        self._clock = _Clock(self._server.pid, self._limit, self._limit + PATIENCE)
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

    def told(self) -> str:
        """What the child tells of a file with a loss of its own, as JSON."""
        self._clock.restart()
        word, *rest = self._next("while its gradients were called")
        if word != "told" or len(rest) != 1:
            raise self._garbled()
        return _text(rest[0])

    def call(self, arguments: Sequence[Mapping[str, Any]]) -> Iterator[Reply]:
        """Calls the function once for each set of arguments, in order."""
        self._clock.restart()
        sender = threading.Thread(target=self._send_all, args=(arguments,), daemon=True)
        sender.start()
        for number in range(len(arguments)):
            word, *rest = self._next(f"in call {number + 1} of {len(arguments)}")
            if number == 0:
                self._clock.restart()  # the first call may import, compile and fill caches
            try:
                if word != "call" or rest[0] != str(number):
                    raise ValueError
                yield decode(rest[1], rest[2], rest[3:])
            except (ValueError, IndexError) as error:
                raise self._garbled() from error

    def _send_all(self, arguments: Sequence[Mapping[str, Any]]) -> None:
        self._send(encode(values) for values in arguments)
        with contextlib.suppress(OSError):
            self._commands.close()

    def _send(self, lines: Iterable[str]) -> None:
        with contextlib.suppress(OSError, ValueError):  # it ended early; the next read says so
            self._commands.write("".join(line + "\n" for line in lines).encode())
            self._commands.flush()

    def _collect(self) -> None:
        size = 0
        with contextlib.suppress(OSError, ValueError):
            while size < LARGEST_CONVERSATION and (line := self._replies.readline(LARGEST_CONVERSATION)):
                size += len(line)
                self._lines.put(line)
        self._lines.put(b"")

    def _next(self, when: str) -> list[str]:
        """The next line that the child wrote, signs of life apart."""
        while True:
            try:
                line = self._lines.get(timeout=LOOK_EVERY)
            except queue.Empty:
                over = self._clock.over()
                if over:
                    self._end()
                    raise MarkingError(
                        f"{self._file} {over} and was stopped {when}; {_ADVICE[over.split()[0]]}"
                    ) from None
                continue
            if not line:
                raise self._gone(when)
            fields = line.decode("ascii", "replace").rstrip("\n").split("\t")
            if fields == ["importing"]:
                self._clock.restart()
            elif fields == ["answers"]:
                raise MarkingError(
                    f"{self._file} imports bpcompare, which knows the answers; write the derivation yourself, with "
                    "PyTorch, NumPy or plain Python"
                )
            else:
                return fields

    def _gone(self, when: str) -> MarkingError:
        reason = self._end()
        if reason == "processes":
            return MarkingError(f"{self._file} started more than {sandbox_limits.MOST_PROCESSES} processes {when}")
        if reason == "memory":
            return MarkingError(f"{self._file} took more memory than the marker allows {when}")
        return MarkingError(
            f"{self._file} ended its own process {when}; "
            "remove os._exit, a crash or the closing of files that are not its own"
        )

    def _garbled(self) -> MarkingError:
        return MarkingError(f"{self._file} disturbed the marker's own channel; it must only define its function")


_ADVICE = {
    "took": "look for an endless loop, or allow more with --time-limit",
    "waited": "look for sleep, for input or for a lock",
}


class _Clock:
    """Processor time since the last restart, and time on the wall since the beginning.

    Args:
        pid: Of the process.
        limit: Seconds of processor time between two restarts, and of sleep.
        whole: Seconds on the wall, restarts or not.
    """

    def __init__(self, pid: int, limit: float, whole: float) -> None:
        self._pid, self._limit = pid, limit
        self._end = time.monotonic() + whole
        self.restart()

    def restart(self) -> None:
        """What was spent until now does not count."""
        spent = sandbox_limits.cpu_seconds(self._pid)
        self._spent = spent[0] if spent else 0.0
        self._awake = (self._spent, time.monotonic())

    def over(self) -> str:
        """What is over, as the predicate of a sentence; empty as long as there is time."""
        now, spent = time.monotonic(), sandbox_limits.cpu_seconds(self._pid)
        if spent is not None:
            if spent[0] - self._spent > self._limit:
                return f"took longer than {self._limit:g} seconds"
            if spent[0] > self._awake[0] or not spent[1]:
                self._awake = (spent[0], now)
            if now - self._awake[1] > self._limit:
                return f"waited for {self._limit:g} seconds, doing nothing,"
        return f"took longer than {self._limit:g} seconds" if now > self._end else ""


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
    if value.flags.f_contiguous and not value.flags.c_contiguous:
        return f"{value.dtype.name}.T:{','.join(map(str, value.T.shape))}:{value.T.tobytes().hex()}"
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

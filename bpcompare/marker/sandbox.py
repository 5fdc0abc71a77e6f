"""Runs a learner's file in a process of its own, and believes nothing that it says beyond arrays of numbers.

**Who is who.** The *marker* (this process) draws the problems, holds the right answers and decides. The *server*
(``sandbox_server``) imports PyTorch once and forks one *child* (``sandbox_child``) for each file. The file runs in the
child alone. What they say to each other is in ``sandbox_wire``.

**What is promised, on Linux with Landlock (5.13 or later; signals and sockets: 6.12).**

- The file cannot decide, print or change the verdict: it sees numbers, and numbers are all that is read from it. It
  cannot open the marker's output by way of /proc or a terminal's device, since it can write nowhere but in a scratch
  folder, its working directory, which is deleted afterwards. Standard input, output and error lead nowhere.
- Nothing outlives the marking. When the child ends, is too slow, or the marker ends – by whatever signal – the server
  kills everything that descends from the child, daemons included, and deletes the scratch folder.
- Limits: the processor time of ``--time-limit``, which begins anew with each module that is imported, after the first
  call and with further questions, and a minute on the clock next to it; 4 GiB of memory, 64 processes, 256 open files,
  64 MiB in a file; no TCP, no signal to a process outside.

Without Landlock (an older kernel, macOS) the file can write and signal as its user can; the rest holds, as long as the
file does not kill the server. Where the system cannot fork (Windows) there is a time limit, and no more.

**What is not promised.** This is no wall against an attacker. The file reads whatever its user can read; it can solve
the exercise with ``torch.autograd``; it can use UDP, and fill the scratch folder file by file; a fault in the kernel
is a way out. Mark files of strangers in a container or a virtual machine without network, as a user without rights,
with the container's limits on memory and disk.
"""

import contextlib
import queue
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bpcompare.errors import MarkingError
from bpcompare.language import N_, _, listed
from bpcompare.marker import sandbox_limits
from bpcompare.marker.sandbox_clock import Clock
from bpcompare.marker.sandbox_start import START_LIMIT, Server
from bpcompare.marker.sandbox_wire import Reply, decode, decode_text, trouble

TIME_LIMIT = 5.0  # seconds of processor time for the learner's calls
PATIENCE = 60.0  # seconds on the clock on top of it, since a busy machine must not decide
LOOK_EVERY = 0.1  # seconds
LARGEST_CONVERSATION = 64 << 20  # bytes


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
        self._called = 0
        self.confined = 0

    def __enter__(self) -> "Sandbox":
        self._commands, self._replies = self._server.begin()
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        self._clock = Clock(self._server.pid, self._limit, START_LIMIT)
        words = [str(self._file.resolve()), *self._functions]
        self._send([" ".join(word.encode().hex() for word in words)])
        return self

    def __exit__(self, *__: object) -> None:
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
        word, *rest = self._next(N_("while it was starting"))
        if word != "ready":
            problem = N_("{file} could not be started: PyTorch cannot be imported by {python}")
            raise MarkingError(_(problem, file=self._file, python=sys.executable))
        self.confined = int(rest[0]) if rest and rest[0].isdecimal() else 0
        self._clock = Clock(self._server.pid, self._limit, self._limit + PATIENCE)
        word, *rest = self._next(N_("while it was imported"))
        if word == "raised" and len(rest) == 3:
            raise MarkingError(_import_trouble(self._file, self._told(rest)))
        if word == "missing":
            wanted = listed([f"{name}(…)" for name in self._functions], N_(" or "))
            problem = N_("{file} defines no function to mark; it must define {wanted}, see check --exercise")
            raise MarkingError(_(problem, file=self._file, wanted=wanted))
        if word != "defines" or len(rest) != 2 or decode_text(rest[0]) not in self._functions:
            raise self._garbled()
        return decode_text(rest[0]), decode_text(rest[1])

    def _told(self, fields: Sequence[str]) -> str:
        try:
            return trouble(fields)
        except ValueError as error:
            raise self._garbled() from error

    def told(self) -> str:
        """What the child tells of a file with a loss of its own, as JSON."""
        self._clock.restart()
        word, *rest = self._next(N_("while its gradients were called"))
        if word != "told" or len(rest) != 1:
            raise self._garbled()
        return decode_text(rest[0])

    def call(self, lines: Sequence[str]) -> Iterator[Reply]:
        """Calls the function once for each line of arguments, as ``sandbox_wire.encode`` writes them, in order.

        It may be used again, for further questions.
        """
        self._clock.restart()
        sender = threading.Thread(target=self._send, args=(lines,), daemon=True)
        sender.start()
        for number in range(len(lines)):
            word, *rest = self._next(N_("in call {number} of {count}"), number=number + 1, count=len(lines))
            if self._called == 0:
                self._clock.restart()  # the first call may import, compile and fill caches
            try:
                if word != "call" or rest[0] != str(self._called):
                    raise ValueError
                self._called += 1
                yield decode(rest[1], rest[2], rest[3:])
            except (ValueError, IndexError) as error:
                raise self._garbled() from error

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

    def _next(self, message: str, **values: int) -> list[str]:
        """The next line that the child wrote, signs of life apart; the message says when, where there is none."""
        while True:
            try:
                line = self._lines.get(timeout=LOOK_EVERY)
            except queue.Empty:
                over = self._clock.over()
                if over:
                    self._end()
                    when = _(message, **values)
                    raise MarkingError(_(_OVER[over], file=self._file, seconds=self._limit, when=when)) from None
                continue
            if not line:
                self._lines.put(line)  # the end, for whoever asks again
                raise self._gone(_(message, **values))
            fields = line.decode("ascii", "replace").rstrip("\n").split("\t")
            if fields == ["importing"]:
                self._clock.restart()
            elif fields == ["answers"]:
                problem = N_(
                    "{file} imports bpcompare, which knows the answers; write the derivation yourself, with "
                    "PyTorch, NumPy or plain Python"
                )
                raise MarkingError(_(problem, file=self._file))
            else:
                return fields

    def _gone(self, when: str) -> MarkingError:
        reason = self._end()
        told = {"file": self._file, "when": when}
        if reason == "processes":
            most = sandbox_limits.MOST_PROCESSES
            return MarkingError(_("{file} started more than {most} processes {when}", most=most, **told))
        if reason == "memory":
            return MarkingError(_("{file} took more memory than the marker allows {when}", **told))
        problem = N_(
            "{file} ended its own process {when}; remove os._exit, a crash or the closing of files that are not its own"
        )
        return MarkingError(_(problem, **told))

    def _garbled(self) -> MarkingError:
        problem = N_("{file} disturbed the marker's own channel; it must only define its function")
        return MarkingError(_(problem, file=self._file))


_OVER = {
    "took": N_(
        "{file} took longer than {seconds:g} seconds and was stopped {when}; "
        "look for an endless loop, or allow more with --time-limit"
    ),
    "waited": N_(
        "{file} waited for {seconds:g} seconds, doing nothing, and was stopped {when}; "
        "look for sleep, for input or for a lock"
    ),
}


def _import_trouble(file: Path, error: str) -> str:
    message = N_("{file} fails while it is imported: {error}; correct that first")
    if "SystemExit" in error:
        message = N_(
            "{file} ends the program while it is imported ({error}); move that under if __name__ == '__main__':"
        )
    elif "SyntaxError" in error or "IndentationError" in error or "TabError" in error:
        message = N_("{file} is not Python: {error}; correct that line first")
    elif "ModuleNotFoundError" in error or "ImportError" in error:
        message = N_("{file} cannot import what it asks for: {error}; install it, or do without")
    return _(message, file=file, error=error)

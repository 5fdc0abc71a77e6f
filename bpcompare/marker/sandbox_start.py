"""Starts the process that runs a learner's file, and ends all of it: by a server that forks, or each time anew."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

from bpcompare.errors import MarkingError
from bpcompare.language import N_, _

SERVER, CHILD = Path(__file__).with_name("sandbox_server.py"), Path(__file__).with_name("sandbox_child.py")
START_LIMIT = 60.0  # seconds for Python and PyTorch to start: not the learner's time
ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1",
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")},
}


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

    def __exit__(self, *__: object) -> None:
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
            problem = N_("the marker's own process could not start: {python} cannot import PyTorch")
            raise MarkingError(_(problem, python=sys.executable))
        self._started = True
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
        try:
            socket.send_fds(self._control, [b"mark\n"], [theirs_in, theirs_out])
        except OSError as error:
            raise MarkingError(_("the marker's own process is lost; run check again")) from error
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

    def __exit__(self, *__: object) -> None:
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

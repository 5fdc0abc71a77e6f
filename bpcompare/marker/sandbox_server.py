"""The process between the marker and learners' files: it starts one child for each file and outlives none of them.

The marker runs it as a script. It imports PyTorch once, forks a child for each file, and watches: when the child is
done, or the marker says stop, or is gone, or there are too many processes or too much memory, everything that
descends from it is killed. Orphans come to it, not to init, since it is a subreaper.
"""

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence

if __name__ == "__main__":  # run by its path, with no folder of anybody's on sys.path
    sys.path.insert(0, __file__.rpartition(f"{os.sep}bpcompare{os.sep}")[0])

from bpcompare.marker import sandbox_child, sandbox_limits
from bpcompare.marker.sandbox_limits import EXTRA_MEMORY, MOST_PROCESSES

LOOK_EVERY = 0.05  # seconds


def main() -> None:
    """Serves one file after another, until the marker closes the channel or is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sandbox_limits.prctl(sandbox_limits.SET_SUBREAPER, 1)
    sandbox_limits.prctl(sandbox_limits.SET_DUMPABLE, 0)
    gc.disable()
    tools = sandbox_child.take_tools()
    _forget_bpcompare()
    gc.freeze()  # no child looks for garbage in PyTorch, nor copies the pages in which it would look
    gc.enable()
    control.sendall(b"ready\n")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 64, 2)
        if not message:
            return
        if descriptors:  # else: stop, for a child that had ended by itself
            _serve(control, descriptors, tools)


def _forget_bpcompare() -> None:
    """A file that imports bpcompare meets the gate of ``sandbox_child``, not what was imported here."""
    del sys.path[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == "bpcompare"]:
        del sys.modules[name]


def _serve(control: socket.socket, descriptors: Sequence[int], tools: "sandbox_child.Tools") -> None:
    scratch, server, others = tempfile.mkdtemp(prefix="bpcompare-check-"), os.getpid(), sandbox_limits.tasks_of_user()
    reason = ""
    try:
        child = os.fork()
        if child == 0:
            control.close()
            _become_child(server, scratch, others, descriptors, tools)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(f"pid {child}\n".encode())
        reason = _watch(child, control)
    finally:
        _end_all(child)
        shutil.rmtree(scratch, ignore_errors=True)
    control.sendall(f"ended {reason}\n".encode())


def _become_child(
    server: int, scratch: str, others: int, descriptors: Sequence[int], tools: "sandbox_child.Tools"
) -> None:
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        sandbox_limits.prctl(sandbox_limits.SET_DUMPABLE, 1)
        sandbox_limits.die_with(server)
        os.environ["TMPDIR"] = scratch
        tempfile.tempdir = None
        os.chdir(scratch)
        sandbox_limits.limit_resources(others)
        confined = sandbox_limits.confine(scratch)
        commands, replies = os.fdopen(descriptors[0], "rb"), os.fdopen(descriptors[1], "wb")
        sandbox_child.serve(commands, replies, tools, confined)
    finally:
        os._exit(1)


def _watch(child: int, control: socket.socket) -> str:
    """Waits until the child ends or is to end, and says why it must."""
    own = sandbox_limits.memory_of(os.getpid())
    try:
        ended: list[int] = [os.pidfd_open(child)]
    except (AttributeError, OSError):
        ended = []
    try:
        while True:
            if select.select([control.fileno(), *ended], [], [], LOOK_EVERY)[0]:
                return ""
            if not ended and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return ""
            family = sandbox_limits.descendants(os.getpid())
            if len(family) > MOST_PROCESSES:
                return "processes"
            if sum(max(sandbox_limits.memory_of(pid) - own, 0) for pid in family) > EXTRA_MEMORY:
                return "memory"
    finally:
        for descriptor in ended:
            os.close(descriptor)


def _end_all(child: int) -> None:
    """Kills the child's session and every descendant, again and again until none is left."""
    while True:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        for pid in {child, *sandbox_limits.descendants(os.getpid())}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)  # nothing is left to do, and PyTorch takes its time to leave

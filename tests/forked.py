"""Real processes without the seconds in which PyTorch loads: a warm process forks one for each command.

    from forked import CLOSED, Popen, run

    done = run([sys.executable, "-m", "bpcompare", "--epochs", "1"], capture_output=True, text=True, cwd=tmp_path)

`run` and `Popen` take what `subprocess.run` and `subprocess.Popen` take, as far as a test needs it, and give back the
same. The child is a process: it has the file descriptors, the environment, the folder and the arguments that it was
given, ``CLOSED`` descriptors are closed, signals reach it by its ``pid``, it ends as an interpreter ends, and its exit
code is the one of the system. Only the loading is not done again: PyTorch, matplotlib and bpcompare are there.

Use it where a test is about exit codes, streams, signals, files or two processes at once. Where a test is about what is
printed, `bpcompare.cli.main` in the test's own process is cheaper still (10 ms for the fork, some more for the end).

Do not use it, and start a process with `subprocess`, where the start itself is what is tested: what is imported and
when, a signal while PyTorch loads, variables that are read while an interpreter or a library loads (``PYTHON…`` other
than ``PYTHONIOENCODING``, ``MPLBACKEND``, ``OMP_NUM_THREADS``), memory and time of a whole process, options of the
interpreter.

The warm process is started by the first call and ends with the process of pytest; the workers of pytest-xdist have one
in common (`share`), which loads what it needs when the first of them calls. A forked process that forks others in this
way makes a warm process of itself with its first call, which should come before it has threads.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import os
import pickle
import pkgutil
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
import weakref
from pathlib import Path

CLOSED = object()
"""In place of a stream: the child begins without it, as after ``>&-``."""
DOOR = "WARM_PROCESS"  # the variable that says where the warm process is that several have in common
TOLD = struct.Struct("i")  # a process id, later its exit code


# In the process of the tests


@functools.cache
def _server():
    """The socket on which the warm process takes requests."""
    if __name__ == "__main__":  # in a forked process, which has loaded everything
        ours, its = socket.socketpair()
        if not os.fork():
            ours.close()
            serve(its)
        its.close()
        return ours
    if DOOR in os.environ:
        shared = socket.socket(socket.AF_UNIX)
        shared.connect(os.environ[DOOR])
        atexit.register(shared.close)
        return shared
    return _started()


def _started(*door):
    """The socket of a warm process that is started now, and ends when this process does."""
    ours, its = socket.socketpair()
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "FATAL"}  # as `main` sets for a process
    large_pages = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # a fork goes through a list of all pages
    given = [end.fileno() for end in (its, *door)]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **one_thread, **large_pages, "PYTHONPATH": paths}
    command = [sys.executable, __file__, *map(str, given)]
    process = subprocess.Popen(command, pass_fds=given, env=environment, stdin=subprocess.DEVNULL)
    its.close()

    @atexit.register
    def end():
        ours.close()
        process.wait()

    return ours


def share():
    """From now on, all processes that this one starts have one warm process in common."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(Path(folder.name, "door")))
        door.listen()
        _started(door)
    os.environ[DOOR] = str(Path(folder.name, "door"))


class Popen:
    """A forked process, used as one of `subprocess.Popen`; its pipes give text.

    Args:
        command: ``[sys.executable, "-m", module, …]``, ``[sys.executable, "-c", code, …]`` or
            ``[sys.executable, script, …]``.
        stdin: As for `subprocess.Popen`, or ``CLOSED``; so are ``stdout`` and ``stderr``.
        stdout: A descriptor, a file, ``PIPE``, ``DEVNULL``, None for that of the tests, or ``CLOSED``.
        stderr: Likewise, or ``STDOUT``.
        cwd: The folder in which it runs.
        env: All of its environment; None for that of the tests.
        process_group: 0 for one of its own.
    """

    def __init__(self, command, *, stdin=None, stdout=None, stderr=None, cwd=None, env=None, process_group=None):
        self.args, self.returncode = command, None
        assert command[0] == sys.executable
        assert command[1] in ("-m", "-c") or not command[1].startswith("-"), "an option needs a process of its own"
        self._told, telling = os.pipe()
        with contextlib.ExitStack() as ours, tempfile.TemporaryFile() as request:
            ours.callback(os.close, telling)
            self.stdin, read = self._pipe(stdin, 0, ours)
            self.stdout, out = self._pipe(stdout, 1, ours)
            self.stderr, err = (None, out) if stderr is subprocess.STDOUT else self._pipe(stderr, 2, ours)
            streams = [read, out, err]
            given = [stream for stream in streams if stream is not CLOSED]
            place = os.fspath(cwd or Path.cwd())
            closed = [number for number, stream in enumerate(streams) if stream is CLOSED]
            wanted = (list(map(str, command[1:])), place, dict(os.environ if env is None else env), closed)
            pickle.dump(wanted, request)
            request.flush()
            socket.send_fds(_server(), [b"." if process_group is None else b"g"], [request.fileno(), telling, *given])
        self.pid = self._next()

    def _pipe(self, wanted, number, ours):
        """The test's end of a stream, if it has one, and the child's."""
        if wanted is not subprocess.PIPE:
            return None, self._end(wanted, number, ours)
        read, write = os.pipe()
        kept, given = (read, write) if number else (write, read)
        ours.callback(os.close, given)
        return os.fdopen(kept, "r" if number else "w", encoding="utf-8"), given

    @staticmethod
    def _end(wanted, number, ours):
        if wanted is subprocess.DEVNULL:
            return ours.enter_context(Path(os.devnull).open("r+")).fileno()
        if wanted is None:
            return number
        return wanted if wanted is CLOSED or isinstance(wanted, int) else wanted.fileno()

    def _next(self):
        told = os.read(self._told, TOLD.size)
        assert told, "the warm process has ended"
        return TOLD.unpack(told)[0]

    def wait(self, timeout=None):
        """Its exit code; minus the signal that ended it."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = self._next()
            os.close(self._told)
        return self.returncode

    def poll(self):
        """Its exit code; None as long as it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number):
        """Nothing once it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout=None):
        """What it still prints into its pipes, read to their ends."""
        until = None if timeout is None else time.monotonic() + timeout
        found = {}
        readers = []
        for name in ("stdout", "stderr"):
            if pipe := getattr(self, name):
                reader = threading.Thread(target=lambda name=name, pipe=pipe: found.update({name: pipe.read()}))
                reader.start()
                readers.append(reader)
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            for reader in readers:
                reader.join(None if until is None else max(until - time.monotonic(), 1))
        return found.get("stdout"), found.get("stderr")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for pipe in filter(None, (self.stdin, self.stdout, self.stderr)):
            pipe.close()
        self.wait()


def run(command, *, capture_output=False, text=False, encoding=None, timeout=None, check=False, **options):
    """Waits for a forked process; `subprocess.CompletedProcess`, as `subprocess.run` gives it."""
    files = {}
    with contextlib.ExitStack() as stack:
        for name in ("stdout", "stderr"):
            if capture_output or options.get(name) is subprocess.PIPE:
                files[name] = options[name] = stack.enter_context(tempfile.TemporaryFile())  # and so no pipe fills up
        process = Popen(command, **options)
        try:
            process.wait(timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        found = {}
        for name, file in files.items():
            file.seek(0)
            found[name] = file.read().decode(encoding or "utf-8") if text or encoding else file.read()
    done = subprocess.CompletedProcess(command, process.returncode, **found)
    if check:
        done.check_returncode()
    return done


# In the warm process


def load():
    """What a command may need."""
    gc.disable()  # nothing of it is garbage
    import bpcompare

    for module in pkgutil.walk_packages(bpcompare.__path__, "bpcompare."):
        if not module.name.endswith((".__main__", "_worker", "_child", "_server")):  # they run
            importlib.import_module(module.name)
    for backend in ("agg", "pdf", "svg"):
        importlib.import_module(f"matplotlib.backends.backend_{backend}")
    importlib.import_module("ipykernel.kernelapp")
    import torch

    from bpcompare.cli import compiler

    compiler.postpone(torch)  # as a command does after loading PyTorch
    for libraries in list(weakref.finalize._registry):
        libraries.atexit = False  # PyTorch would take back each of its operators: that is freeing memory, too
    gc.freeze()
    gc.enable()


def requested(owner, door):
    """Forks a process for each request and tells of its end; comes back in each of them, and at the end with None.

    Args:
        owner: Takes requests, and its other end is closed when all of this is to end.
        door: Where others come in who have requests; or None.
    """
    signal.signal(signal.SIGCHLD, lambda *_: None)  # or it would not wake
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    telling, places, doors = {}, [owner], [door] if door else []
    while True:
        ready, _, _ = select.select([ended, *places, *doors], [], [])
        if ended in ready:
            os.read(ended, 1000)
            tell_of_the_ended(telling)
        if door in ready:
            places.append(door.accept()[0])
        for place in [place for place in places if place in ready]:
            sign, descriptors, _, _ = socket.recv_fds(place, 1, 5)
            if not sign and place is owner:
                return None
            if not sign:
                places.remove(place)
            elif child := os.fork():
                telling[child] = tell_of_the_begun(child, sign, descriptors)
            else:
                signal.set_wakeup_fd(-1)
                for descriptor in (ended, wake, descriptors[1], *telling.values()):
                    os.close(descriptor)
                for other in (*places, *doors):
                    other.close()
                return descriptors[0], descriptors[2:]


def tell_of_the_begun(child, sign, descriptors):
    """Writes the process id to whoever waits for it; where the exit code is to be written."""
    request, told, *streams = descriptors
    if sign == b"g":
        os.setpgid(child, child)
    os.write(told, TOLD.pack(child))
    for descriptor in (request, *streams):
        os.close(descriptor)
    return told


def tell_of_the_ended(telling):
    """Writes the exit code of every process that has ended to whoever waits for it."""
    while telling:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        with contextlib.suppress(BrokenPipeError), os.fdopen(telling.pop(child), "wb") as told:
            told.write(TOLD.pack(os.waitstatus_to_exitcode(status)))


def become(request, given):
    """Takes the streams, folder, environment and arguments of a request; what is to be run."""
    with os.fdopen(request, "rb") as file:
        file.seek(0)
        words, folder, environment, closed = pickle.load(file)
    streams, encoding = iter(given), environment.get("PYTHONIOENCODING", "utf-8")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, None)
        setattr(sys, f"__{name}__", None)
        if number in closed:
            os.close(number)
            continue
        os.dup2(next(streams), number)
        how = (
            {"mode": "r"} if number == 0 else {"mode": "w", "buffering": 1 if number == 2 or os.isatty(number) else -1}
        )
        errors = "backslashreplace" if number == 2 else "strict"
        stream = open(number, encoding=encoding, errors=errors, closefd=False, **how)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    for descriptor in given:
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):  # nohup would have the last one ignored
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return words


def work(words):
    """Does what the interpreter does with these arguments."""
    if words[0] == "-m":
        sys.path[0], sys.argv = str(Path.cwd()), words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.path[0], sys.argv = "", ["-c", *words[2:]]
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(words[1], "<string>", "exec"), vars(sys.modules["__main__"]))
    else:
        sys.path[0], sys.argv = str(Path(words[0]).parent), words
        runpy.run_path(words[0], run_name="__main__")


def to_the_end(words):
    """Does the work and ends as an interpreter does, all but freeing the memory, which takes half a second."""
    try:
        code = ended_by(lambda: work(words))
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in filter(None, (sys.stdout, sys.stderr)):
            code = flushed(stream, code)
    finally:
        os._exit(code)


def ended_by(action):
    """The exit code to which an action comes."""
    try:
        action()
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return (stop.code or 0) & 0xFF
        sys.stderr.write(f"{stop.code}\n")
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def flushed(stream, code):
    """The exit code after a last flush, which is 120 where that fails, as in an interpreter."""
    try:
        stream.flush()
    except OSError:
        traceback.print_exc()
        return 120
    return code


def serve(owner, door=None):
    """Forks what is requested there; does not come back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is meant for the tests, whose end is the end of this
    given = requested(owner, door)
    if given:
        to_the_end(become(*given))
    os._exit(0)


if __name__ == "__main__":
    sys.modules["forked"] = sys.modules["__main__"]
    sockets = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    if len(sockets) == 1 or sockets[1] in select.select(sockets, [], [])[0]:
        load()
    serve(*sockets)

"""The worker of `check` as tests of numbers and words want it: without a process of its own, which loads PyTorch.

That `check` starts processes, hands them file after file and loses none is what tests/cli/test_check.py is about.
"""

import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import forked

ONE_AT_A_TIME = threading.Lock()  # for there is one sandbox


class Worker:
    """Marks what is written into it in the process of the tests; used as the process would be.

    Args:
        options: The seed, or nothing, and the time limit, as the process gets them.
        sandbox: Runs the files.
    """

    def __init__(self, options, sandbox):
        from kept_draws import DRAWS

        seed, limit = options
        self._how = int(seed) if seed else None, float(limit), sandbox, DRAWS if seed else None
        self.stdin = self.stdout = self

    def write(self, line):
        self._file = Path(json.loads(line))

    def flush(self):
        """It is there already."""

    def readline(self):
        from bpcompare.cli.check_worker import mark_one

        with ONE_AT_A_TIME:
            return json.dumps(mark_one(self._file, *self._how), allow_nan=False)

    def poll(self):
        """None: it goes on."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Nothing is left to end."""


def forked_worker(options):
    """The worker as a process of its own, which need not load PyTorch."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return forked.Popen([sys.executable, __file__, *options], **pipes)


COMMAND = """
import runpy
from unittest import mock
from bpcompare.marker.sandbox_start import server
from workers import Worker, fork_sandboxes
fork_sandboxes()
with server() as sandbox, mock.patch("bpcompare.cli.check_many._start", lambda options: Worker(options, sandbox)):
    runpy.run_module("bpcompare", run_name="__main__", alter_sys=True)
"""


def fork_commands():
    """From now on, in this forked process, our command is a process that is forked, too, and marks files by itself."""
    forked._server()  # while there is one thread
    start = subprocess.run

    def run(command, *given, **options):
        if command[:3] != [sys.executable, "-m", "bpcompare"]:
            return start(command, *given, **options)
        return forked.run([sys.executable, "-c", COMMAND, *command[3:]], *given, **options)

    mock.patch("subprocess.run", run).start()


def forking_sandboxes():
    """What makes the process that runs files a forked one, too, with PyTorch loaded: within it, or once started."""
    from bpcompare.marker import sandbox_start

    def popen(command, *, pass_fds, env, start_new_session, **streams):
        assert command[:3] == [sys.executable, "-P", str(sandbox_start.SERVER)]
        assert start_new_session
        return forked.Popen(
            [sys.executable, command[2], "0"], env=env, process_group=0, **streams | {"stdin": pass_fds[0]}
        )

    return mock.patch.object(sandbox_start, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": popen}))


def fork_sandboxes():
    """From now on, in this forked process, the process that runs files is forked, too."""
    forked._server()
    forking_sandboxes().start()


if __name__ == "__main__":
    from bpcompare.cli.check_worker import main

    fork_sandboxes()
    main()

"""The forked processes of the tests are processes like others."""

import os
import signal
import subprocess
import sys

import pytest
from forked import CLOSED, Popen, run

COMMANDS = {
    "done": "print('a ü')",
    "a number": "import sys; sys.exit(3)",
    "a text": "import sys; sys.exit('no')",
    "an error": "import sys; sys.tracebacklimit = 0; 1 / 0",
    "a signal": "import os; os.kill(os.getpid(), 15)",
    "at once": "import os; print('lost'); os._exit(7)",
    "arguments": "import sys; print(sys.argv)",
    "at the end": "import atexit; atexit.register(print, 'last'); print('first')",
    "a place": "import os; print(os.getcwd(), os.environ['HERE'], len(os.environ))",
    "descriptors": "import os; print(sorted(os.listdir('/dev/fd')))",
    "a full disk": "import sys; sys.stdout = open('/dev/full', 'w'); print(1)",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_forked_process_does_what_a_started_one_does(name, tmp_path):
    command = [sys.executable, "-c", COMMANDS[name], "one", "two"]
    options = {"cwd": tmp_path, "env": {"HERE": "there", "LC_ALL": "C.UTF-8"}, "stdin": subprocess.DEVNULL}
    forked, started = (of(command, capture_output=True, text=True, **options) for of in (run, subprocess.run))
    assert (forked.returncode, forked.stdout) == (started.returncode, started.stdout)
    assert forked.stderr.splitlines()[-1:] == started.stderr.splitlines()[-1:]


def test_it_is_ended_by_a_signal_and_told_from_another():
    waiting = [sys.executable, "-c", "import sys, time; print('here', flush=True); time.sleep(600)"]
    with (
        Popen(waiting, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one,
        Popen(waiting, stdout=subprocess.PIPE) as two,
    ):
        assert one.stdout.readline() == two.stdout.readline() == "here\n"
        one.send_signal(signal.SIGINT)
        assert one.communicate(timeout=60)[1].endswith("KeyboardInterrupt\n")
        assert (one.returncode, two.poll()) == (-signal.SIGINT, None)
        two.kill()
    assert two.returncode == -signal.SIGKILL


def test_descriptors_may_be_closed_and_pipes_left():
    look = "import os; [os.fstat(number) for number in {}]"
    assert run([sys.executable, "-c", look.format([0, 1, 2])], stderr=subprocess.DEVNULL).returncode == 0
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        closed = {"stderr": subprocess.DEVNULL, name: CLOSED}
        assert run([sys.executable, "-c", look.format([number])], **closed).returncode == 1
    read, write = os.pipe()
    os.close(read)
    assert run([sys.executable, "-c", "print(1)"], stdout=write, stderr=subprocess.DEVNULL).returncode == 120
    os.close(write)


def test_pytorch_is_loaded_and_nothing_of_a_process_before_is_left():
    set_it = "import bpcompare, sys; assert 'torch' in sys.modules; bpcompare.left = 1"
    assert run([sys.executable, "-c", set_it]).returncode == 0
    assert run([sys.executable, "-c", "import bpcompare; assert not hasattr(bpcompare, 'left')"]).returncode == 0


def test_one_that_takes_too_long_is_ended():
    with pytest.raises(subprocess.TimeoutExpired):
        run([sys.executable, "-c", "import time; time.sleep(600)"], timeout=0.1)

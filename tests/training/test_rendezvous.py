"""Processes that do not find each other: whoever answers or not, one sentence in a bounded time."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from forked import Popen

from bpcompare.errors import WorkerError
from bpcompare.training import processes, rendezvous
from bpcompare.training.process_environment import CONNECT

ROOT = Path(__file__).parents[2]
WITHIN = 1.0  # seconds, as the tests ask for
SLACK = 8.0  # seconds more on a busy machine; PyTorch alone takes a multiple, or all the time there is
GREETING = b"HTTP/1.1 400 Bad Request\r\n\r\n"


def silent(_):
    threading.Event().wait()


def nonsense(connection):
    connection.recv(1)
    connection.sendall(100 * GREETING)


def hangs_up(connection):
    connection.close()


@pytest.fixture(scope="module")
def listener():
    """Opens listening sockets; what each does with a connection is up to the test."""
    servers, kept = [], []

    def serve(answer):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # closed
                    return
                kept.append(connection)
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return server.getsockname()[1]

    yield serve
    for opened in (*servers, *kept):
        opened.close()


JOINING = f"""
import time
from bpcompare.errors import WorkerError
from bpcompare.training import processes
began = time.monotonic()
try:
    with processes.process_group({WITHIN}):
        print("met")
except WorkerError as error:
    print(time.monotonic() - began, processes.dist.is_initialized(), error)
"""
LOADED = """
import runpy
from bpcompare.training import processes
processes.AFTER_LOADING = 0.0  # else three seconds are always left
runpy.run_module("bpcompare", run_name="__main__", alter_sys=True)
"""
COMMANDS = {
    "compare": ["-c", LOADED, "--epochs", "2", "--timeout", "1"],
    "sweep": ["-c", LOADED, "sweep", "--seeds", "2", "--timeout", "1"],
}
# Of each meeting: what this process is told, its rank, and the place.
ALONE = {
    "nobody": (r"nobody answers at localhost:\d+: Connection refused\); see MASTER_ADDR", 1, "localhost"),
    "no machine": (r"answers? (at|from) no-such-machine.invalid:\d+", 1, "no-such-machine.invalid"),
    "first": ("only 1 of 2 came", 0, "localhost"),
}


@pytest.fixture(scope="module", autouse=True)
def jobs(listener, tmp_path_factory):
    """Processes that meet somebody else, or nobody who answers: all wait side by side."""
    cases = {name: (["-c", JOINING], rank, host, free_port()) for name, (_, rank, host) in ALONE.items()}
    for answer in (silent, nonsense, hangs_up):
        cases[answer.__name__] = ["-c", JOINING], 1, "localhost", listener(answer)
    for name, words in COMMANDS.items():
        cases[name] = words, 1, "localhost", listener(silent)
    started = {}
    for name, (words, rank, host, port) in cases.items():
        meeting = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": host, "MASTER_PORT": str(port)}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **meeting}
        folder = tmp_path_factory.mktemp(name)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started[name] = Popen([sys.executable, *words], env=environment, cwd=folder, **pipes), folder
    yield started
    for process, _ in started.values():
        with process:
            process.kill()


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


def place(monkeypatch, rank, port):
    given = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))


def told(process):
    """What a process says that was to meet others; it says so in time, and leaves no group behind."""
    printed, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints) == (0, "")
    seconds, initialized, said = printed.split(maxsplit=2)
    assert float(seconds) < WITHIN + SLACK
    assert initialized == "False"
    return said


def test_the_first_process_does_not_say_of_itself_that_it_does_not_answer(monkeypatch):
    place(monkeypatch, 0, free_port())
    monkeypatch.setattr(rendezvous, "GRACE", 0.0)
    monkeypatch.setattr(rendezvous.dist, "init_process_group", lambda *_, **__: silent(None))
    with pytest.raises(WorkerError, match=r"\(not all of them came\)"), processes.process_group(0.1):
        pass


def test_what_loading_took_counts_but_some_time_is_always_left(monkeypatch):
    asked = []
    monkeypatch.setattr(
        processes, "start_group", lambda rank, size, seconds, method: asked.append(seconds) or silence()
    )

    def silence():
        raise OSError("nobody")

    place(monkeypatch, 1, 1)
    for gone in (0, 4, 1000):
        with pytest.raises(WorkerError), processes.process_group(CONNECT, since=time.monotonic() - gone):
            pass
    assert asked == pytest.approx([CONNECT, CONNECT - 4, processes.AFTER_LOADING], abs=0.5)


@pytest.mark.parametrize("name", ALONE)
def test_where_nobody_is_or_comes_it_is_told_in_time(name, jobs):
    process, _ = jobs[name]
    assert re.search(rf"2 processes did not find each other within 1 s \(.*{ALONE[name][0]}", told(process))


@pytest.mark.parametrize("answer", [silent, nonsense, hangs_up])
def test_somebody_else_at_the_meeting_place_is_told_in_time(answer, jobs):
    process, _ = jobs[answer.__name__]
    assert re.search(r"2 processes .* 1 s \(", told(process))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_process_whose_master_never_answers_says_so_in_one_sentence_and_ends_with_2(command, jobs):
    process, folder = jobs[command]
    printed, complaints = process.communicate(timeout=120)
    assert (process.returncode, printed) == (2, "")
    assert complaints.count("\n") == 1, complaints
    assert re.search(r"2 processes .* 1 s \(.* localhost:\d+", complaints)
    assert list(folder.iterdir()) == []

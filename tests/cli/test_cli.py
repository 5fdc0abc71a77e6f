import contextlib
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import forked
import pytest
import torch
from forked import CLOSED
from pictures import sketched

from bpcompare import cli
from bpcompare.cli import main, progress, signals, threads
from bpcompare.cli.progress import Progress
from bpcompare.problem.line import line
from bpcompare.problem.networks import with_network

SHORT = ["--epochs", "1", "--methods", "manual"]  # and so without torch.optim.Adam, which takes a second to load
PATIENCE = 600  # seconds: a busy machine must not decide these tests
FILES = ["comparison.json", "comparison.sha256", "fit.png", "history.csv", "loss.png", "parameters.png"]


@pytest.fixture(scope="module")
def main_job(tmp_path_factory):
    """A folder with the main job's files, and what it printed."""
    folder = tmp_path_factory.mktemp("main")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["--out", str(folder)]) == 0
    return folder, printed.getvalue()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_main_job_writes_its_files_and_prints_the_table(main_job):
    folder, printed = main_job
    assert sorted(contents(folder)) == FILES
    assert str(folder / "comparison.json") in printed
    document = json.loads((folder / "comparison.json").read_text())
    assert document["agreement"]["manual~autograd"]["bit_equal"]
    assert document["runs"]["manual"]["weight"] == [[1.3135614395141602]]
    assert document["settings"]["noise"] == 0.1
    for run in document["runs"].values():
        assert f"{run['weight'][0][0]:.5f}" in printed


def test_a_second_run_writes_the_same_bytes(main_job, tmp_path):
    folder, _ = main_job
    assert main(["compare", "--quiet", "--out", str(tmp_path)]) == 0
    assert contents(tmp_path) == contents(folder)


def test_a_second_run_writes_the_same_bytes_in_every_format(tmp_path):
    found = []
    for _ in range(2):
        with sketched():
            assert main([*SHORT, "--quiet", "--format", "png,svg,pdf", "--out", str(tmp_path)]) == 0
        found.append(contents(tmp_path))
    assert found[0] == found[1]
    assert len(found[0]) == 12


@pytest.mark.usefixtures("without_pictures")
def test_quiet_prints_nothing(tmp_path, capsys):
    assert main(["--quiet", "--out", str(tmp_path), "--epochs", "1"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("without_pictures")
def test_a_table_of_ones_own_is_compared_in_its_own_units(tmp_path, capsys):
    table = tmp_path / "cars.csv"
    table.write_text('"speed, mph";dist\n4;2\n7;4\n8;16\n9;10\n')
    options = ["--standardize", "--dtype", "float64", "--lr", "0.4", "--epochs", "100", "--methods", "manual"]
    out = tmp_path / "out"
    columns = ["--x", '"speed, mph"', "--y", "dist"]
    assert main(["--csv", str(table), *columns, *options, "--out", str(out)]) == 0
    document = json.loads((out / "comparison.json").read_text())
    # least squares by hand: x̄ = 7, ȳ = 8, Sxy = 30, Sxx = 14
    assert document["runs"]["manual"]["weight"][0][0] == pytest.approx(30 / 14)
    assert document["runs"]["manual"]["bias"][0] == pytest.approx(8 - 7 * 30 / 14)
    assert document["truth"] is None
    assert document["problem"]["x_names"] == ["speed, mph"]


@pytest.mark.usefixtures("without_pictures")
def test_several_inputs_and_outputs_without_bias(tmp_path, capsys):
    options = ["--weight", "1,2;3,4;5,6", "--bias", "0", "--no-bias", "--batch-size", "10", "--seed", "5"]
    assert main([*options, "--out", str(tmp_path), "--methods", "manual,moments+Adam"]) == 0
    document = json.loads((tmp_path / "comparison.json").read_text())
    assert document["problem"]["out_features"] == 3
    assert document["runs"]["manual"]["bias"] is None


@pytest.mark.parametrize(
    ("problem", "one"),
    [
        (line(), True),
        (line(samples=200_000), False),
        (line(samples=10_000, weight=[[1.0] * 20]), False),
        (with_network(line(), [1, 50, 1]), True),
        (with_network(line(), [1, 500, 500, 1]), False),
        (with_network(line(), [1, 2_000, 1]), False),
    ],
    ids=["default", "many samples", "many features", "narrow", "deep", "wide"],
)
def test_a_small_problem_is_one_threads_work(problem, one, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    threads.settle(problem)
    assert asked == [1] * one


@pytest.mark.usefixtures("without_pictures")
def test_the_number_of_threads_is_settled_and_recorded(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert main([*SHORT, "--quiet", "--out", str(tmp_path)]) == 0
    finally:
        torch.set_num_threads(before)
    assert json.loads((tmp_path / "comparison.json").read_text())["versions"]["threads"] == 1


@pytest.mark.usefixtures("without_pictures")
def test_where_more_threads_pay_their_number_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "settle", lambda problem: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert main([*SHORT, "--quiet", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "comparison.json").read_text())["versions"]["threads"] == 2


def test_an_unusable_folder_is_reported_before_training(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr("bpcompare.comparison.linear.compare", lambda *a, **k: pytest.fail("trained all the same"))
    assert main(["--out", str(tmp_path / "file")]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err


@pytest.mark.usefixtures("without_pictures")
def test_an_interrupted_run_gives_130_and_keeps_earlier_results(tmp_path, capsys, monkeypatch):
    assert main(["--out", str(tmp_path), "--epochs", "1", "--quiet"]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("bpcompare.comparison.linear.compare", interrupted)
    assert main(["--out", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


LOADING = [(signal.SIGINT, "bpcompare.cli.signals"), (signal.SIGINT, "torch.types"), (signal.SIGTERM, "torch.types")]


def heed():
    """As a process started from a terminal: a job in the background would ignore Ctrl-C, one under nohup SIGHUP."""
    for number in signals.ENDING:
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "module"), LOADING)
def test_a_signal_ends_the_program_in_order_while_pytorch_loads(number, module, tmp_path):
    job = [sys.executable, "-X", "importtime", "-m", "bpcompare", "--epochs", "1000000", "--out", str(tmp_path / "out")]
    with subprocess.Popen(job, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
        try:
            next(row for row in process.stderr if row.split("|")[-1].strip() == module)
            process.send_signal(number)
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 128 + number
    rest = "".join(row for row in said.splitlines(True) if row.strip() and not row.startswith("import time:"))
    assert rest == f"{signals.sentence()}\n"
    assert not list(tmp_path.iterdir())


TRAINING = """
import os, runpy
from bpcompare.training import train

loop = train._follow
train._follow = lambda *given: (os.write(2, b"training\\n"), loop(*given))[1]
runpy.run_module("bpcompare", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_program_in_order_while_it_trains(number, tmp_path):
    job = [sys.executable, "-c", TRAINING, "--epochs", "1000000", "--out", str(tmp_path / "out")]
    with forked.Popen(job, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr.readline() == "training\n"
            process.send_signal(number)
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, said.lstrip()) == (128 + number, f"{signals.sentence()}\n")
    assert not list(tmp_path.iterdir())


ENDING = """
import atexit, gc, runpy
atexit.register(lambda: print(gc.get_freeze_count() > 1_000))
runpy.run_module("bpcompare", run_name="__main__", alter_sys=True)
"""


def test_no_garbage_is_looked_for_among_all_that_was_loaded_when_a_process_ends():
    job = [sys.executable, "-c", ENDING, "--version"]
    assert subprocess.run(job, capture_output=True, text=True, check=True).stdout.split()[-1] == "True"


LOADING = """
import gc, sys
from bpcompare.cli.progress import load_torch
load_torch(quiet=True)
print(sys.modules["torch"].looked_for_garbage, gc.isenabled(), gc.get_freeze_count() > 1_000)
"""


def test_no_garbage_is_looked_for_while_pytorch_loads(tmp_path):
    (tmp_path / "torch.py").write_text("import gc\nlooked_for_garbage = gc.isenabled()\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    job = [sys.executable, "-c", LOADING]
    done = subprocess.run(job, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["False", "True", "True"]


def test_a_closed_pipe_is_quiet(tmp_path):
    command = f"{sys.executable} -m bpcompare --help | head -n 1"
    finished = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert finished.stderr == ""
    assert finished.stdout.startswith("usage: python -m bpcompare")


START = ["check", "--exercise", "linear-regression"]  # writes a file and says so
STARTED = ["linear_regression.py"]
COMPARE = [*SHORT, "--out", "."]
SKETCHED = f"""
import runpy, sys
sys.path.append({str(Path(__file__).parents[1])!r})
import pictures
with pictures.sketched():
    runpy.run_module("bpcompare", run_name="__main__", alter_sys=True)
"""


def left():
    """The end of a pipe whose reader has gone."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize(
    ("job", "streams", "files"),
    [
        (START, {"stdout": CLOSED}, STARTED),
        (START, {"stderr": CLOSED}, STARTED),
        (START, {"stdout": CLOSED, "stderr": CLOSED}, STARTED),
        (START, {"stdout": left}, STARTED),
        (COMPARE, {"stdin": CLOSED, "stdout": CLOSED, "stderr": CLOSED}, FILES),
        (COMPARE, {"stdout": left, "stderr": subprocess.STDOUT}, FILES),
    ],
    ids=[">&-", "2>&-", ">&- 2>&-", "| true", "<&- >&- 2>&-", "2>&1 | true"],
)
def test_closed_streams_and_readers_who_left_change_nothing_about_the_files(job, streams, files, tmp_path):
    given = {"stderr": subprocess.PIPE} | {name: to() if to is left else to for name, to in streams.items()}
    finished = forked.run([sys.executable, "-c", SKETCHED, *job], timeout=PATIENCE, cwd=tmp_path, **given)
    assert (finished.returncode, finished.stderr or b"") == (0, b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    if left in streams.values():
        os.close(given["stdout"])


def test_a_shell_may_close_the_streams_of_a_started_process(tmp_path):
    command = f"{sys.executable} -m bpcompare {' '.join(START)} >&- 2>&-"
    assert subprocess.run(["bash", "-c", command], timeout=PATIENCE, cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == STARTED


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [START, ["sweep", "--help"], ["--version"]], ids=["check", "help", "version"])
def test_a_full_disk_behind_stdout_is_one_sentence(words, tmp_path):
    with Path("/dev/full").open("w") as full:
        finished = forked.run(
            [sys.executable, "-m", "bpcompare", *words],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, cwd=tmp_path,
        )  # fmt: skip
    assert finished.returncode == 2
    assert re.fullmatch(r"bpcompare: .*No space left on device\n", finished.stderr)


def test_an_error_of_our_own_making_is_not_hidden(monkeypatch, tmp_path):
    def broken(*_, **__):
        raise RuntimeError("a mistake in the code")

    monkeypatch.setattr("bpcompare.comparison.linear.compare", broken)
    with pytest.raises(RuntimeError, match="a mistake in the code"):
        main(["--out", str(tmp_path)])


WITHOUT_MATPLOTLIB = """
import runpy, sys
for name in [*sys.modules]:
    if name.partition(".")[0] in ("bpcompare", "matplotlib"):
        del sys.modules[name]
runpy.run_module("bpcompare", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def in_an_odd_environment(tmp_path_factory):
    """The main job where stdout has no Greek letters, and matplotlib will load with a backend that there is not."""
    odd = {"PYTHONIOENCODING": "ascii", "MPLBACKEND": "nonsense"}
    folder = tmp_path_factory.mktemp("odd")
    job = [sys.executable, "-c", WITHOUT_MATPLOTLIB, *SHORT, "--dpi", "30", "--out", str(folder)]
    return forked.run(job, capture_output=True, text=True, timeout=PATIENCE, env=os.environ | odd), folder


def test_a_terminal_without_greek_still_gets_its_numbers(in_an_odd_environment):
    finished, _ = in_an_odd_environment
    assert finished.returncode == 0
    assert "| manual" in finished.stdout


def test_an_unknown_backend_of_matplotlib_does_not_matter(in_an_odd_environment):
    finished, folder = in_an_odd_environment
    assert (finished.returncode, finished.stderr) == (0, "")
    assert (folder / "loss.png").exists()


@pytest.mark.parametrize("command", [[], ["compare"]])
def test_help_names_every_option_and_command_and_loads_nothing(command):
    code = (
        "import sys; from bpcompare.cli import main\n"
        f"try: main({[*command, '--help']!r})\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert finished.returncode == 0, finished.stderr
    for option in ("--csv", "--standardize", "--methods", "--batch-size", "--out", "--format"):
        assert option in finished.stdout
    for name in cli.COMMANDS:
        assert name in finished.stdout


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("bpcompare ")


@contextlib.contextmanager
def a_terminal(monkeypatch):
    """Within it stderr is a terminal; gives a function that reads what it shows."""
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield lambda: os.read(leader, 10_000).decode()
    os.close(leader)


def test_a_progress_bar_appears_though_no_step_has_ended(monkeypatch):
    monkeypatch.setattr(progress, "WAIT", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with a_terminal(monkeypatch) as terminal, Progress("training", 3) as bar:
        bar.timer.join()
        assert "training" in terminal()
        for _ in range(3):
            bar.advance()
    assert bar.done == 3


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_where_escape_codes_are_not_wanted_progress_is_plain_text(name, value, monkeypatch):
    monkeypatch.setattr(progress, "WAIT", 0.0)
    monkeypatch.setenv(name, value)
    with a_terminal(monkeypatch) as terminal:
        with Progress("training", 2) as bar:
            bar.timer.join()
            bar.advance()
        shown = terminal()
    assert "training …" in shown
    assert "\x1b" not in shown


def test_what_is_loaded_is_said_at_once_and_gone_when_it_is_there(monkeypatch):
    with a_terminal(monkeypatch) as terminal:
        with progress.Notice("loading PyTorch"):
            assert terminal() == "loading PyTorch …\r"
        assert terminal().strip(" ") == "\r"


def test_no_progress_bar_where_nobody_can_see_it(capsys, monkeypatch):
    monkeypatch.setattr(progress, "WAIT", 0.0)
    with Progress("training", 2) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""

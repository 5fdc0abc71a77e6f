import functools
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bpcompare import cli
from bpcompare.cli import main, progress
from bpcompare.cli.progress import Progress

FILES = ["comparison.json", "fit.png", "history.csv", "loss.png", "parameters.png"]


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "bpcompare", *arguments], capture_output=True, text=True, timeout=120, **options
    )


def test_the_main_job_writes_its_files_and_prints_the_table(tmp_path, capsys):
    assert main(["--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    printed = capsys.readouterr().out
    assert "agreement  manual ~ autograd: bit-equal" in printed
    assert str(tmp_path / "comparison.json") in printed
    document = json.loads((tmp_path / "comparison.json").read_text())
    assert document["runs"]["manual"]["weight"] == [[1.3135614395141602]]
    assert document["settings"]["noise"] == 0.1


def test_a_second_run_writes_the_same_bytes(tmp_path, capsys):
    contents = []
    for _ in range(2):
        assert main(["compare", "--out", str(tmp_path), "--format", "png,svg,pdf", "--epochs", "3"]) == 0
        contents.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 11


def test_quiet_prints_nothing(tmp_path, capsys):
    assert main(["--quiet", "--out", str(tmp_path), "--epochs", "1"]) == 0
    assert capsys.readouterr() == ("", "")


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


def test_several_inputs_and_outputs_without_bias(tmp_path, capsys):
    options = ["--weight", "1,2;3,4;5,6", "--bias", "0", "--no-bias", "--batch-size", "10", "--seed", "5"]
    assert main([*options, "--out", str(tmp_path), "--methods", "manual,moments+Adam"]) == 0
    document = json.loads((tmp_path / "comparison.json").read_text())
    assert document["problem"]["out_features"] == 3
    assert document["runs"]["manual"]["bias"] is None


@pytest.mark.parametrize(
    ("arguments", "one"),
    [
        ([], True),
        (["--samples", "200000"], False),
        (["--samples", "10000", "--weight", ",".join(["1"] * 20)], False),
        (["--layers", "1,50,1"], True),
        (["--layers", "1,500,500,1"], False),
        (["--layers", "1,2000,1"], False),
    ],
)
def test_a_small_problem_is_one_threads_work(arguments, one, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    assert main([*arguments, "--epochs", "1", "--methods", "manual", "--quiet", "--out", str(tmp_path)]) == 0
    assert asked == [1] * one


def test_the_number_of_threads_is_recorded(tmp_path):
    for samples, threads in (("50", 1), ("200000", 2)):
        options = ["--samples", samples, "--epochs", "1", "--quiet", "--out", str(tmp_path)]
        assert run(*options, env=os.environ | {"OMP_NUM_THREADS": "2"}).returncode == 0
        assert json.loads((tmp_path / "comparison.json").read_text())["versions"]["threads"] == threads


WRONG = {
    "an unknown command": (["derrive"], "there is no command 'derrive'"),
    "a near command": (["compere"], "did you mean compare?"),
    "an unknown option": (["--frobnicate"], "has no option --frobnicate; --help lists its options"),
    "an abbreviated option": (["--epoch", "3"], "has no option --epoch; did you mean --epochs?"),
    "an option of another command": (["graph", "--landscape"], "python -m bpcompare graph has no option --landscape"),
    "a mistyped option with its value": (["--learning-bias=3"], "has no option --learning-bias; --help lists"),
    "an option that derive lacks": (["derive", "x", "x=1", "--wert"], "has no option --wert; did you mean --wrt?"),
    "nothing to derive": (["derive"], "EXPR, NAME=VALUE; --help shows examples"),
    "a short option": (["-q"], "has no option -q; --help lists its options"),
    "a word too many": (["graph", "line"], "python -m bpcompare graph has no place for 'line'; --help tells"),
    "a rate of zero": (["--lr", "0"], "argument --lr: must be above 0; got '0'"),
    "a rate that is no number": (["--lr", "fast"], "argument --lr: must be a finite number; got 'fast'"),
    "no epochs": (["--epochs", "0"], "argument --epochs: must be a whole number of at least 1; got '0'"),
    "half an epoch": (["--epochs", "1.5"], "argument --epochs: must be a whole number of at least 1; got '1.5'"),
    "negative noise": (["--noise", "-1"], "argument --noise: must be at least 0; got '-1'"),
    "a negative seed": (["--seed", "-1"], "argument --seed: must be a whole number from 0"),
    "a seed that is no number": (["--seed", "x"], "argument --seed: must be a whole number from 0"),
    "rows of two lengths": (["--weight", "1,2;3"], "argument --weight: must have as many numbers for every output"),
    "an empty method": (["--methods", "manual,,adam"], "argument --methods: must be names separated by commas"),
    "an unknown method": (["--methods", "sgd"], "there is no method 'sgd'"),
    "an unknown format": (["--format", "png,gif"], "argument --format: must be among png, svg, pdf; got 'gif'"),
    "an unknown dtype": (["--dtype", "float16"], "argument --dtype: invalid choice: 'float16'"),
    "a batch too large": (["--batch-size", "101"], "batch_size must be from 1 to the number of samples, 100; got 101"),
    "no folder": (["--out", ""], "argument --out: must name a folder"),
    "a table without columns": (["--csv", "cars"], "--csv needs --x and --y"),
    "columns without a table": (["--x", "a", "--y", "b"], "--x and --y name columns of a table; add --csv FILE"),
    "a table and a line": (["--csv", "cars", "--noise", "1"], "--noise makes data, and --csv reads them"),
    "an empty column": (["--csv", "cars", "--x", "a,,b", "--y", "c"], "--x must be column names"),
    "a missing table": (["--csv", "nowhere.csv", "--x", "a", "--y", "b"], "nowhere.csv cannot be read"),
    "more than memory holds": (["--samples", "1" + "0" * 15], "GB of memory, and"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_bad_input_is_one_sentence_exit_2_and_nothing_written(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.startswith("bpcompare: ")
    assert printed.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_unusable_folder_is_reported_before_training(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr("bpcompare.comparison.linear.compare", lambda *a, **k: pytest.fail("trained all the same"))
    assert main(["--out", str(tmp_path / "file")]) == 2
    assert "choose another --out" in capsys.readouterr().err


def test_an_interrupted_run_gives_130_and_keeps_earlier_results(tmp_path, capsys, monkeypatch):
    assert main(["--out", str(tmp_path), "--epochs", "1", "--quiet"]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("bpcompare.comparison.linear.train", interrupted)
    assert main(["--out", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_ctrl_c_in_the_middle_of_a_real_run(tmp_path):
    arguments = [sys.executable, "-m", "bpcompare", "--epochs", "1000000", "--out", str(tmp_path / "out")]
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background ignores it
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
        try:
            time.sleep(5)
            process.send_signal(signal.SIGINT)
            _, complaint = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert complaint == "bpcompare: interrupted; earlier results are as they were\n"
    assert not (tmp_path / "out").exists()


def test_a_closed_pipe_is_quiet(tmp_path):
    command = f"{sys.executable} -m bpcompare --help | head -n 1"
    finished = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60)
    assert finished.stderr == ""
    assert finished.stdout.startswith("usage: python -m bpcompare")


def test_a_reader_who_left_is_quiet_too(monkeypatch, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    arguments = [sys.executable, "-m", "bpcompare", "--epochs", "1", "--out", str(tmp_path)]
    finished = subprocess.run(arguments, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout_is_one_sentence(tmp_path):
    with Path("/dev/full").open("w") as full:
        arguments = [sys.executable, "-m", "bpcompare", "--epochs", "1", "--out", str(tmp_path)]
        finished = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert finished.returncode == 2
    assert finished.stderr == "bpcompare: the output cannot be printed: No space left on device\n"


def test_an_error_of_our_own_making_is_not_hidden(monkeypatch, tmp_path):
    def broken(*_, **__):
        raise RuntimeError("a mistake in the code")

    monkeypatch.setattr("bpcompare.comparison.linear.compare", broken)
    with pytest.raises(RuntimeError, match="a mistake in the code"):
        main(["--out", str(tmp_path)])


def test_a_terminal_without_greek_still_gets_its_numbers(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    finished = run("--epochs", "1", "--out", str(tmp_path), env=environment)
    assert finished.returncode == 0
    assert "| manual" in finished.stdout


@pytest.mark.parametrize("command", [[], ["compare"]])
def test_help_names_every_option_and_command_and_loads_nothing(command):
    code = (
        "import sys; from bpcompare.cli import main\n"
        f"try: main({[*command, '--help']!r})\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    for option in ("--csv", "--standardize", "--methods", "--batch-size", "--out", "--format"):
        assert option in finished.stdout
    for name in cli.COMMANDS:
        assert name in finished.stdout


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("bpcompare ")


def test_a_progress_bar_appears_on_a_terminal_after_a_second(monkeypatch):
    """stderr is a real terminal here; only the patience is shortened."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        patch.setenv("TERM", "xterm")
        with Progress("training", 3) as bar:
            for _ in range(3):
                bar.advance()
    shown = os.read(leader, 10_000).decode()
    os.close(leader)
    assert "training" in shown
    assert bar.done == 3


def test_no_progress_bar_where_nobody_can_see_it(capsys, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with Progress("training", 2) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""

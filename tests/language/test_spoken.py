"""Sixty commands in Chinese: no English sentence in what they say, the same numbers, the same files of data."""

import os
import re
import shlex
import sys

import forked
import pytest
from english import english, numbers, of_graph, of_page, strange_words
from pictures import in_words, unpictured

from bpcompare import cli
from bpcompare.cli import main
from bpcompare.lessons.pitfalls.learning_rate import PITFALLS

DATA = (".json", ".csv")
READERS = {".html": of_page, ".svg": of_page, ".gv": of_graph}
CSV = "--csv table.csv --x a --y b"
SMALL = "--samples 8 --epochs 3"
DERIVE = 'derive "z = x*w; r = z - y; loss = r**2" x=2 w=1 y=4'

COMMANDS = [
    "--help",
    *(f"{name} --help" for name in cli.COMMANDS if name != "compare"),
    # compare
    f"{SMALL} --explain",
    f"{SMALL} --weight 1,2 --bias 0,1 --explain",
    f"{SMALL} --lr 1e30 --quiet",
    "--epochs 20 --lr 1.5",
    f"{SMALL} --batch-size 4 --methods manual,autograd+SGD,formula+Adam",
    f"{SMALL} --no-bias --dtype float64 --methods manual,autograd",
    f"{CSV} --epochs 3 --standardize --format svg",
    f"{CSV} --epochs 3 --lr 10",
    f"{SMALL} --layers 1,3,1 --explain",
    f"{SMALL} --problem quadratic --layers 2,3,1 --activation tanh --order shuffled --lr 1e6",
    f"{SMALL} --ledger adam --landscape --format svg",
    # sweep
    "sweep --samples 8 --epochs 5 --lr 1e-2:10:log:4 --seeds 2 --explain --format svg",
    "sweep --samples 8 --epochs 5 --lr 10,20 --seeds 2 --methods manual",
    "sweep --csv table.csv --x a --y b --epochs 5 --lr 0.1:1:lin:3 --seeds 2 --standardize",
    # derive
    DERIVE,
    f"{DERIVE} --format markdown",
    f"{DERIVE} --format latex",
    f"{DERIVE} --format json",
    f"{DERIVE} --format text,markdown,latex,json,svg --out outputs",
    f"{DERIVE} --answer w=-8,x=-4",
    f"{DERIVE} --answer w=8,x=2 --hint",
    'derive "mean((X @ w - y)**2)" X=1,2;3,4 w=1,-1 y=1,2 --answer w=1,1',
    'derive "w*x + b" w=1 x=2 b=3 --wrt w --format markdown',
    'derive "relu(x) + abs(x)" x=0',
    'derive "log(x)*tanh(x) + sigmoid(x)/sqrt(x) + max(x, y)" x=0.5 y=1 --wrt x',
    # graph, equations, collapse
    "graph --samples 8 --format svg",
    "graph --csv table.csv --x a --y b --format svg",
    "equations --samples 8 --epochs 3 --shape 2,1 --shape 1,2 --digits 3",
    "equations --csv table.csv --x a --y b --epochs 3",
    "collapse",
    "collapse --layers 2,5,3 --seed 4",
    "collapse --layers 1,1,1",
    # reproduce
    "reproduce --out outputs",
    "reproduce --format markdown",
    "reproduce --format json",
    # check
    "check wrong.py --seed 7",
    "check adam.py --seed 7 --hint",
    "check wrong.py broken.py --seed 7 --jobs 1 --csv marks.csv --gradescope results.json",
    *(f"check --exercise {name}" for name in ("linear-regression", "adam-step", "sigmoid-neuron", "delta-recursion")),
    # pitfalls, report
    "pitfalls sum-for-mean",
    "pitfalls zero-grad",
    "pitfalls two-backwards",
    f"report {SMALL}",
    f"report {SMALL} --layers 1,3,1",
    # errors
    "derive x*(w x=1",
    "derive x/y x=1 y=0",
    "compare --lr 0",
    "compare --csv broken.csv --x a --y b",
    "compare --csv table.csv --x a --y nothing",
    "compare --epochs 100000000000",
    "compare --out table.csv/outputs",
    "sweep --lr 2:1:log:5",
    "frobnicate",
]
SLOW = ("report", "check wrong.py --seed 7", "check adam.py")  # their Chinese only
NAMES_OF_PITFALLS = {*PITFALLS}
FILES = {
    "table.csv": "a,b\n1,2\n2,3\n3,5.5\n4,6\n",
    "broken.csv": "a,b\n1,2\n2,three\n",
    "wrong.py": """
def gradients(x, y, w, b):
    delta = 2 * (y - x @ w.T - b) / len(y)
    return delta.T @ x, delta.sum(0)
""",
    "broken.py": "def gradients(x, y, w, b):\n    return 2 r\n",
    "adam.py": """
def adam_step(p, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    exp_avg = beta1 * exp_avg + (1 - beta1) * grad
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad**2
    return p - lr * exp_avg / (exp_avg_sq**0.5 + eps), exp_avg, exp_avg_sq
""",
}


def test_there_are_sixty():
    assert len(COMMANDS) >= 60
    for name in cli.COMMANDS:
        assert sum(command.split()[0] == name for command in COMMANDS) >= 2 or name == "compare"


def data_of(text):
    """Data without the seconds that marking took."""
    return re.sub(r",[\d.]+$", "", text, flags=re.MULTILINE) if text.startswith("file,exercise,right") else text


def run(command, spoken, folder, capsys, monkeypatch):
    """What a command prints, and the files that it leaves in a folder; English pictures are not looked at."""
    folder.mkdir()
    for name, text in FILES.items():
        if name in command:
            (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")  # no table is divided
    monkeypatch.setattr("bpcompare.problem.estimates.available_memory", lambda: 16e9)  # other tests use it, too
    with in_words() if spoken == "zh" else unpictured():
        try:
            code = main([*shlex.split(command), "--lang", spoken])
        except SystemExit as stop:
            code = stop.code
    printed = capsys.readouterr()
    made = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return code, printed.out, printed.err, {name: path for name, path in made.items() if name not in FILES}


@pytest.mark.usefixtures("one_worker", "computed_once")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_chinese(command, tmp_path, capsys, monkeypatch):
    code, out, err, files = run(command, "zh", tmp_path / "zh", capsys, monkeypatch)
    data = command.endswith(("--json", " json"))
    out = out.replace("SyntaxError: invalid syntax", "")  # Python's own words
    assert data or english(out) == []
    assert data or strange_words(out) <= NAMES_OF_PITFALLS
    err = err.replace("SyntaxError: invalid syntax", "")
    assert english(err) == []
    assert strange_words(err) <= NAMES_OF_PITFALLS
    for name, path in files.items():
        if not name.endswith((*DATA, ".sha256")):
            text = READERS.get(path.suffix, str)(path.read_text())
            assert (english(text), strange_words(text)) == ([], set()), name
    if not command.startswith(SLOW):
        english_code, english_out, english_err, english_files = run(command, "en", tmp_path / "en", capsys, monkeypatch)
        assert code == english_code
        assert files.keys() == english_files.keys()
        if data:
            assert data_of(out) == data_of(english_out)
        elif "--layers" in command:  # its widest table is divided in English, with its first columns twice
            assert set(numbers(out)) == set(numbers(english_out))
        else:
            assert numbers(out) == numbers(english_out)
        assert numbers(err) == numbers(english_err)
        for name, path in files.items():
            assert path.suffix not in DATA or data_of(path.read_text()) == data_of(english_files[name].read_text()), (
                name
            )


def speaks(arguments, **environment):
    """What a process of its own prints, in an environment that asks for a language."""
    asked = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    kept = {name: value for name, value in os.environ.items() if name not in asked}
    command = [sys.executable, "-m", "bpcompare", *arguments]
    done = forked.run(command, capture_output=True, text=True, env={**kept, **environment})
    return "zh" if re.search(r"[\u4e00-\u9fff]", done.stdout) else "en"


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ([], {}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ([], {"LC_ALL": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8", "LANG": "C"}, "zh"),
        ([], {"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ([], {"LANGUAGE": "zh_CN:en", "LC_ALL": "en_US.UTF-8"}, "zh"),
        (["--lang", "zh"], {"LC_ALL": "en_US.UTF-8"}, "zh"),
        (["--lang=en"], {"LANG": "zh_CN.UTF-8"}, "en"),
    ],
)
def test_the_option_and_the_environment_in_gettext_s_order(arguments, environment, language):
    assert speaks(["--help", *arguments], **environment) == language

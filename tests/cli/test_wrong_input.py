"""The wrong thing typed into every command: one sentence, exit code 2, nothing written; in Chinese as well."""

import re

import pytest
from english import english, numbers

from bpcompare.cli import main
from bpcompare.errors import WorkerError

LONG = "x" * 10_000
HUGE = "1" + "0" * 30
DIGITS = "9" * 10_000  # more than Python reads as a number
TABLE = ["--csv", "table.csv", "--x", "a", "--y", "b"]
WHOLE = ["0", "-1", "1.5", "x", "", "nan", "1e3", HUGE, DIGITS]
NUMBERS = ["x", "", "nan", "inf", "1,2", "1e999", DIGITS, "1\x1b[2J"]

# Command line → a part of the message: the thing that it names.
WRONG = {
    **{("compare", "--epochs", text): "--epochs" for text in WHOLE},
    **{("compare", "--samples", text): "--samples" for text in WHOLE},
    **{("compare", "--batch-size", text): "--batch-size" for text in WHOLE},
    **{("compare", "--seed", text): "--seed" for text in WHOLE[1:]},
    **{("compare", "--lr", text): "--lr" for text in [*NUMBERS, "0", "-1", "1e308", "1e-400"]},
    **{("compare", "--noise", text): "--noise" for text in [*(n for n in NUMBERS if n), "-1"]},
    **{("compare", "--bias", text): "--bias" for text in NUMBERS if text != "1,2"},
    **{("compare", "--weight", text): "--weight" for text in ["1,2;3", "1,,2", ";", "x", DIGITS]},
    **{("compare", "--layers", text): "--layers" for text in ["1", "", "1,0", "a,b", "1,-2,1", f"1,{HUGE},1"]},
    **{("compare", "--timeout", text): "--timeout" for text in ["0", "-1", "x", "1e308", "inf"]},
    **{("compare", "--format", text): "--format" for text in ["gif", "", "png,,svg", LONG]},
    **{("compare", "--methods", text): "--methods" for text in ["", "manual,,adam", ","]},
    **{("compare", "--methods", text): "there is no" for text in ["sgd", "autograd+", "autograd+No", "no+Adam", LONG]},
    **{("compare", "--x", text, "--csv", "table.csv", "--y", "b"): "--x" for text in ["", "a,,b"]},
    **{("compare", "--x", text, "--csv", "table.csv", "--y", "b"): "no column" for text in ["a\nb", '"a']},
    **{("compare", "--csv", path, "--x", "a", "--y", "b"): "cannot be read" for path in ["nowhere.csv", "", ".", LONG]},
    ("compare", "--csv", "a\x1b[2Jb", "--x", "a", "--y", "b"): "a\\x1b[2Jb",
    ("compare", "--csv", "a\nb", "--x", "a", "--y", "b"): "cannot be read",
    ("compare", *TABLE[:4], "--y", "no column"): "no column",
    ("compare", *TABLE[:4], "--y", LONG): "there is no column",
    ("compare", "--csv", "table.csv"): "--x",
    ("compare", "--csv", "table.csv", "--x", "a"): "--y",
    ("compare", "--x", "a", "--y", "b"): "--csv",
    ("compare", *TABLE, "--noise", "1"): "--noise",
    ("compare", *TABLE, "--samples", "5"): "--samples",
    ("compare", *TABLE, "--problem", "line"): "--problem",
    ("compare", *TABLE, "--problem", "quadratic"): "--layers",
    ("compare", *TABLE, "--batch-size", "9"): "batch_size",
    ("compare", "--problem", "cubic"): "--problem",
    ("compare", "--problem", "quadratic", "--noise", "1"): "--noise",
    ("compare", "--activation", "tanh"): "--activation",
    ("compare", "--layers", "1,2,1", "--activation", "swish"): "--activation",
    ("compare", "--init", "normal"): "--init",
    ("compare", "--layers", "2,3,1"): "layers",
    ("compare", "--layers", "1,2,1", "--landscape"): "--landscape",
    ("compare", "--layers", "1,2,1", "--animate"): "--animate",
    ("compare", "--ledger", "Adam"): "--ledger",
    ("compare", "--ledger", "adam", "--batch-size", "5"): "--batch-size",
    ("compare", "--ledger", "manual"): "manual",
    ("compare", "--order", "sorted"): "--order",
    ("compare", "--dtype", "float16"): "--dtype",
    ("compare", "--out", ""): "--out",
    ("compare", "--out", "a\0b"): "--out",
    ("compare", "--out", "table.csv"): "table.csv",
    ("compare", "--out", "table.csv/below"): "table.csv",
    ("compare", "--out"): "--out",
    ("compare", "--batch-size", "101"): "batch_size",
    ("compare", "--verify", ".", "--epochs", "3"): "--epochs",
    ("compare", "--verify", ".", "--no-bias"): "--no-bias",
    ("compare", "--samples", "1" + "0" * 15): "memory",
    ("compare", "--weight", "1,2", "--bias", "1,2,3"): "bias",
    ("compare", "--methods", "manual,manual"): "manual",
    ("derrive",): "did you mean derive?",
    ("compere",): "did you mean compare?",
    ("frobnicate",): "frobnicate",
    ("a\x1b[2J",): "a\\x1b[2J",
    (LONG,): "there is no command",
    ("--frobnicate",): "--frobnicate",
    ("--epoch", "3"): "did you mean --epochs?",
    ("--Epochs", "3"): "did you mean --epochs?",
    ("--learning-bias=3",): "--learning-bias",
    ("-q",): "-q",
    ("compare", "line"): "unexpected argument 'line'; see python -m bpcompare --help",
    ("compare", LONG): "unexpected argument",
    ("--quiet=1",): "--quiet",
    ("graph", "line"): "unexpected argument 'line'; see python -m bpcompare graph --help",
    ("graph", "--landscape"): "--landscape",
    ("graph", "--samples", HUGE): "--samples",
    ("graph", *TABLE[:5], "c"): "'c'",
    ("graph", "--csv", "nowhere.csv", "--x", "a", "--y", "b"): "nowhere.csv",
    **{("equations", "--shape", text): "--shape" for text in ["1", "1,2,3", "0,1", "x", "", f"1,{HUGE}"]},
    **{("equations", "--digits", text): "--digits" for text in ["0", "-1", "x", "18", HUGE, DIGITS]},
    ("equations", "--shape", "1,2", "--weight", "3"): "--shape",
    ("equations", "--shape", "1,2", "--bias", "3"): "--shape",
    ("equations", "--shape", "1,2", *TABLE): "--shape",
    ("equations", "--lr", "1e308"): "--lr",
    ("equations", "--csv", "nowhere.csv", "--x", "a", "--y", "b"): "nowhere.csv",
    ("equations", "--layers", "1,2,1"): "--layers",
    ("equations", "two"): "'two'",
    **{("collapse", "--layers", text): "--layers" for text in ["1,2", "1,2,3,4", "0,1,2", "x", "", f"{HUGE},1,1"]},
    ("collapse", "--seed", "-1"): "--seed",
    ("collapse", "--seed", HUGE): "--seed",
    ("collapse", "x"): "'x'",
    ("reproduce", "--format", "yaml"): "--format",
    ("reproduce", "--out", ""): "--out",
    ("reproduce", "--out", "table.csv"): "table.csv",
    ("reproduce", "all"): "'all'",
    **{
        ("sweep", "--lr", text): "--lr"
        for text in ["1e308", "0", "1:2", "1:2:log:1", "2:1:log:5", "1:1:lin:5", "0:1:log:5", "1:2:exp:5", "1:2:log:x",
                     f"1:2:log:{HUGE}", "1e-300:1e38:log:5", ","]
    },
    **{("sweep", "--seeds", text): "--seeds" for text in WHOLE},
    ("sweep", "--csv", "nowhere.csv", "--x", "a", "--y", "b"): "nowhere.csv",
    ("sweep", "--batch-size", "3"): "--batch-size",
    ("derive",): "EXPR",
    ("derive", "x", "x=1", "--wert"): "did you mean --wrt?",
    ("derive", "x", "x=1", "--format", "gif"): "--format",
    ("derive", "x", "x=1", "--out", ""): "--out",
    ("derive", "x", "x"): "NAME=VALUE",
    ("derive", "x", "x=1", "x=2"): "x",
    ("derive", "x", "x=a"): "x",
    ("derive", "x*w", "x=1"): "w",
    ("check",): "check",
    ("check", "nowhere.py"): "nowhere.py",
    ("check", "--seed", "-1"): "--seed",
    ("check", "table.csv", "--time-limit", "1e308"): "--time-limit",
    ("check", "table.csv", "--time-limit", "0"): "--time-limit",
    ("check", "table.csv", "--hint", "--json"): "--json",
    ("check", "--exercise", "nothing"): "nothing",
    ("check", "a.py", "b.py"): "a.py",
    ("pitfalls", "nothing"): "nothing",
    ("pitfalls", "sum-for-mean", "two"): "'two'",
    ("pitfalls", "--format", "gif"): "--format",
}  # fmt: skip


def test_there_are_many_of_them():
    assert len(WRONG) >= 200


def refused(arguments, capsys):
    """What a command says that ends with exit code 2: one sentence."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err.startswith("bpcompare: ")
    assert printed.err.endswith("\n")
    sentence, *place = printed.err.splitlines()
    assert sentence.isprintable()
    assert not place or re.fullmatch(r" +\^", place[-1])  # under the expression
    assert len(printed.err) < 1_100
    return printed.err


@pytest.mark.parametrize("arguments", WRONG, ids=lambda arguments: ascii(" ".join(arguments))[1:60])
def test_what_is_wrong_is_one_sentence_in_either_language_and_nothing_is_written(
    arguments, tmp_path, capsys, monkeypatch
):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n2,3\n3,5\n")
    monkeypatch.chdir(tmp_path)
    said, chinese = refused([*arguments], capsys), refused([*arguments, "--lang", "zh"], capsys)
    assert WRONG[arguments] in said
    assert english(chinese) == []
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert numbers(chinese) == numbers(said)
    assert list(tmp_path.iterdir()) == [table]


def test_a_lost_process_is_one_sentence_with_exit_code_2_and_nothing_is_written(tmp_path, capsys, monkeypatch):
    def lose(*_, **__):
        raise WorkerError("a process is lost")

    monkeypatch.setattr("bpcompare.comparison.linear.train_all", lose)
    assert main(["--out", str(tmp_path / "new")]) == 2
    assert capsys.readouterr() == ("", "bpcompare: a process is lost\n")
    assert list(tmp_path.iterdir()) == []

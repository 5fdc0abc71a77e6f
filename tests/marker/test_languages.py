"""What the marker says in Chinese: the same mistakes, and the same files of data."""

import ast
import csv
import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
import torch
from kept_draws import SEED
from workers import Worker

from bpcompare.cli import check_many, main
from bpcompare.cli.check_worker import mark_one
from bpcompare.errors import MarkingError
from bpcompare.language import english, spoken
from bpcompare.marker.check import check_file, check_function
from bpcompare.marker.check_gradients import check_gradients
from bpcompare.marker.exercises import EXERCISES, starter
from bpcompare.marker.gradcheck import gradcheck
from bpcompare.marker.mistake_names import NAMES, called
from bpcompare.marker.mistakes import MISTAKES
from bpcompare.marker.phrases import Phrase, as_data, from_data, phrase
from bpcompare.show import marker_data
from bpcompare.show import marker_report as show

RIGHT = """
def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)
"""
OWN_LOSS = """
import torch


def loss(x, w):
    return torch.tanh(x @ w).sum()


def gradients(x, w):
    return torch.ones(len(x), dtype=x.dtype) @ x


def sample(k):
    generator = torch.Generator().manual_seed(k)
    x = torch.randn(4 + k, 3 + k, dtype=torch.float64, generator=generator)
    return x, torch.randn(3 + k, dtype=torch.float64, generator=generator).requires_grad_()
"""
UNNAMED = OWN_LOSS.replace("torch.ones(len(x), dtype=x.dtype) @ x", "torch.sin(1000 * w) + 2")
CLASS = {
    "right.py": RIGHT,
    "two.py": RIGHT.replace("delta.T @ x", "-delta.T @ x * len(x)"),
    "one_output.py": RIGHT.replace("delta.sum(0)", "delta.sum(0) if y.shape[1] == 1 else delta.mean(0)"),
    "raises.py": RIGHT.replace("delta =", "assert len(x) < 30, len(x)\n    delta ="),
    "changes.py": RIGHT.replace("delta =", "x *= 1.0 + 1e-3\n    delta ="),
    "broken.py": "1 / 0",
    "other.py": RIGHT.replace("delta.T @ x, delta.sum(0)", "delta.T @ x, ['a']"),
    "own_loss.py": OWN_LOSS,
    "unnamed.py": UNNAMED,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("class")
    for name, source in CLASS.items():
        (made / name).write_text(source)
    return made


@pytest.fixture(scope="module")
def in_english(folder, process, draws):
    return [mark_one(folder / name, SEED, 60.0, process, draws) | {"seconds": 0} for name in CLASS]


@pytest.fixture(scope="module")
def in_chinese(folder, process):
    """What the command writes and prints in Chinese, and what its worker hands it."""
    files, targets = [str(folder / name) for name in CLASS], [folder / "marks.csv", folder / "marks.json"]
    options = ["--seed", str(SEED), "--jobs", "1", "--csv", str(targets[0]), "--gradescope", str(targets[1])]
    handed = []

    def marked(*given):
        handed.append(mark_one(*given) | {"seconds": 0})
        return handed[-1]

    here = mock.patch("bpcompare.cli.check_many._start", lambda options: Worker(options, process))
    with redirect_stdout(StringIO()) as printed, here, mock.patch("bpcompare.cli.check_worker.mark_one", marked):
        main(["check", *files, *options, "--lang", "zh"])
    return printed.getvalue().splitlines(), targets[0].read_text(), targets[1].read_text(), handed


def without_seconds(table):
    return [row | {"seconds": 0} for row in csv.DictReader(table.splitlines())]


def test_files_of_data_are_the_same_in_both_languages(in_english, in_chinese):
    __, marks, gradescope, __ = in_chinese
    assert without_seconds(marks) == without_seconds(check_many.as_csv(in_english).decode())
    assert gradescope == check_many.as_gradescope(in_english).decode()


def test_the_marking_as_data_is_the_same_in_both_languages(in_english, in_chinese):
    data = in_chinese[-1]
    told_in_chinese = [one.pop("error_shown") for one in data if "error" in one]
    assert data == in_english
    assert {"error", "report"} <= set().union(*data)
    assert all(map(chinese, told_in_chinese))


def chinese(text):
    return any("一" <= letter <= "鿿" for letter in text)


def test_the_table_on_the_screen_is_in_chinese(in_chinese):
    lines, summary = in_chinese[0], in_chinese[0][-3]  # two lines on the files that were written follow
    assert lines[0].startswith("✓")
    for line in lines[1 : len(CLASS)]:
        mark, _, *said = line.split()
        assert mark == "✗"
        assert chinese("".join(said))
    assert re.findall(r"\d+", summary) == ["9", "1", "2"]
    assert chinese(summary)


@pytest.mark.parametrize("name", ["two_mistakes", "bias_added_twice", "nan", "median_for_mean", "rounded"])
def test_a_diagnosis_in_chinese_names_the_same_mistakes(name, process, draws):
    file = Path(__file__).parents[1] / "marker_files" / "wrong" / f"{name}.py"
    plain = check_file(file, SEED, process=process, draws=draws)
    with spoken("zh"):
        chinese = check_file(file, SEED, process=process, draws=draws)
        said = show.report(chinese, file)
        data = marker_data.as_data(chinese, file)
    assert chinese.mistakes == plain.mistakes
    assert data == marker_data.as_data(plain, file)
    assert english(said) == show.report(plain, file)
    assert said != english(said)


def test_a_loss_of_its_own_is_diagnosed_by_phrases_that_cross_the_pipe(folder, process, in_english):
    file = folder / "own_loss.py"
    plain = in_english[list(CLASS).index(file.name)]["report"]
    with spoken("zh"):
        chinese = show.report(check_file(file, process=process), file)
    assert "1 − t² is left out" in plain
    assert "漏掉了 1 − t²" in chinese
    assert english(chinese) == plain


def test_what_a_childs_file_raises_is_told_with_its_line(folder, process):
    with spoken("zh"), pytest.raises(MarkingError, match="第 1 行：ZeroDivisionError: division by zero"):
        check_file(folder / "broken.py", process=process)


def test_gradcheck_names_the_mistake_in_chinese():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.exp()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    def found():
        return gradcheck(Square.apply, (torch.randn(3, 4),), raise_exception=False, reference=lambda x: x.exp())

    plain = found()
    with spoken("zh"):
        chinese = found()
        assert "x 的梯度错误" in str(chinese)
        assert "写成了 x，应为 eˣ" in chinese.mistakes["x"].says
    assert chinese.mistakes["x"].says == plain.mistakes["x"].says
    assert [kind for kind, _ in chinese.findings] == [kind for kind, _ in plain.findings]


def test_a_marking_in_a_notebook_speaks_chinese():
    with spoken("zh"):
        marking = check_function(lambda x, y, w, b: (x.T @ (x @ w.T + b - y), b), seed=1)
        assert "错误" in str(marking)
        assert "<th>答案</th>" in marking._repr_html_()


def test_refusals_of_a_loss_are_phrases():
    with spoken("zh"), pytest.raises(ValueError, match="必须是只含一个数的张量") as caught:
        check_gradients(lambda x: x, lambda x: x, lambda k: (torch.ones(3 + k).requires_grad_(),))
    assert "must be a tensor of one number" in str(caught.value)  # in English again: a phrase is in no language


@pytest.mark.parametrize("name", EXERCISES)
def test_the_file_to_start_from_has_the_same_code_in_both_languages(name):
    plain = starter(name)
    with spoken("zh"):
        chinese = starter(name)
    assert chinese != plain
    trees = [ast.parse(source) for source in (plain, chinese)]
    for tree in trees:
        for node in (tree, *tree.body):
            if ast.get_docstring(node) if isinstance(node, ast.Module | ast.FunctionDef) else None:
                node.body[0].value.value = ""
    assert ast.dump(trees[0]) == ast.dump(trees[1])
    assert max(len(line) + sum("一" <= c <= "鿿" for c in line) for line in chinese.splitlines()) <= 120


def test_every_mistake_of_a_table_has_a_name_for_readers():
    known = set(MISTAKES).union(*(exercise.mistakes for exercise in EXERCISES.values()))
    assert known <= set(NAMES)
    assert called("sign") == "sign"
    with spoken("zh"):
        assert [english(called(name)) for name in NAMES] == list(NAMES)
        assert len({called(name) for name in NAMES}) == len(NAMES)
        assert called("path+factor") == f"{called('path')}+{called('factor')}"


def test_phrases_cross_a_pipe_and_stay_what_they_were():
    told = phrase("{one}; and {other}", one=phrase("{n:.6g} times", n=0.5), other="δ")
    assert from_data(json.loads(json.dumps(as_data(told)))) == told
    assert str(told) == "0.5 times; and δ"


@pytest.mark.parametrize(
    "told",
    [
        {"message": "{x.__class__}", "values": {"x": "1"}},
        {"message": "{x:999999999}", "values": {"x": "1"}},
        {"message": "{missing}", "values": {}},
        {"message": "{", "values": {}},
    ],
)
def test_a_phrase_that_nobody_could_have_told_is_refused(told):
    with pytest.raises(ValueError, match=r"."):
        from_data(told)


def test_phrases_may_not_stand_in_one_another_without_end():
    told = as_data(Phrase("end"))
    for _ in range(40):
        told = {"message": "{x}", "values": {"x": told}}
    with pytest.raises(ValueError, match="deep"):
        from_data(told)

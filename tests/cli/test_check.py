import csv
import json
from pathlib import Path

import pytest

from bpcompare.cli import main
from bpcompare.marker import check as checking
from bpcompare.marker.check import check_function
from bpcompare.marker.exercises import EXERCISES
from bpcompare.show import marker_report as show

HERE = Path("mine.py")


def right(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)


def scaled(factor):
    return lambda x, y, w, b: (right(x, y, w, b)[0] * factor(x, y), right(x, y, w, b)[1])


@pytest.fixture(scope="module")
def unexplained():
    """The marking of gradients that are wrong in a way of which the marker knows nothing."""
    return check_function(
        lambda x, y, w, b: (right(x, y, w, b)[0] * w.cos(), right(x, y, w, b)[1].exp() * b[:1]), seed=7
    )


@pytest.fixture
def check(monkeypatch, capsys):
    """The command with the file's function or its marking handed in, so that no process is needed."""

    def run(function, *options, exercise="linear-regression"):
        marking = check_function(function, exercise, seed=7) if callable(function) else function
        monkeypatch.setattr(checking, "check_file", lambda file, seed, limit: marking)
        code = main(["check", str(HERE), *options])
        return code, capsys.readouterr().out

    return run


def test_a_right_gradient_is_told_with_exit_code_0(check):
    code, out = check(right)
    assert code == 0
    assert "✓ grad_w is right" in out
    assert "Right: every answer, in every call." in out


def test_a_sum_is_told_with_its_factor_at_several_n_and_its_line(check):
    code, out = check(scaled(lambda x, y: y.numel()))
    assert code == 1
    assert "summed, not averaged" in out
    assert "grad_w is exactly N·out times the right value: " in out
    assert "so divide it by N·out" in out
    assert " → (3)  L = " in out
    assert "✓ grad_b is right" in out
    assert out.endswith("Not yet: grad_w wrong, grad_b right.\n")


def test_a_constant_in_place_of_n_is_told_with_the_number(check):
    _, out = check(scaled(lambda x, y: y.numel() / 100))
    assert "✗ grad_w is wrong – right for N = 100 only." in out
    assert "as if the number 100 stood where N·out belongs" in out


def test_the_negative_of_the_right_value_is_called_so(check):
    _, out = check(scaled(lambda x, y: -1))
    assert "grad_w is exactly the negative of the right value, at every size" in out
    _, out = check(scaled(lambda x, y: -2))
    assert "2.0 times too large, with the wrong sign" in out


def test_what_no_hypothesis_explains_is_shown_with_its_ratio(check, unexplained):
    _, out = check(unexplained)
    assert "no mistake that the marker knows explains it" in out
    assert all(word in out for word in ("yours", "right", "ratio"))


def test_one_wrong_entry_is_located(check):
    def gradients(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        if len(b) > 1:
            grad_b[1] = grad_b[1].exp()
        return grad_w, grad_b

    _, out = check(gradients)
    assert "they differ at (1,) and agree elsewhere" in out
    assert "right for one output (out = 1) only" in out


def test_a_function_for_one_feature_and_output_is_told_where_it_raises(check):
    def gradients(x, y, w, b):
        assert w.numel() == 1, "one weight only"
        return right(x, y, w, b)

    code, out = check(gradients)
    assert code == 1
    assert "✗ In 53 of 65 calls it raised, beyond in = out = 1" in out
    assert "AssertionError: one weight only" in out
    assert "first where N = " in out


def test_an_input_changed_in_place_is_refused_although_the_numbers_are_right(check):
    def gradients(x, y, w, b):
        answer = right(x, y, w, b)
        w.sub_(answer[0])
        return answer

    code, out = check(gradients)
    assert code == 1
    assert "w is changed in place by the call" in out
    assert "Not yet: the numbers are right, but the function changes its inputs." in out


def test_a_hint_does_not_give_the_answer_away(check):
    code, out = check(scaled(lambda x, y: -y.numel()), "--hint")
    assert code == 1
    assert "grad_w is wrong." in out
    assert "grad_b is right." in out
    assert "Hint: " in out
    assert "summed" not in out
    assert "sign" not in out
    assert check(right, "--hint") == (0, "Right: every answer, in every call.\n")


def test_a_hint_tells_of_errors_and_changed_inputs_too(check):
    def gradients(x, y, w, b):
        assert w.numel() == 1
        b.zero_()
        return w, b

    _, out = check(gradients, "--hint")
    assert "In 53 of 65 calls it raised an error." in out
    assert "Does any line write to an argument?" in out


def test_json_holds_the_whole_marking(check):
    code, out = check(scaled(lambda x, y: -y.numel()), "--json")
    data = json.loads(out)
    (finding,) = data["answers"]["grad_w"]["mistakes"]
    assert code == 1
    assert finding["names"] == ["sign", "summed-not-averaged"]
    assert finding["factor"] == {"constant": -1.0, "powers": {"N": 1, "out": 1}}
    assert finding["lines"] == [2, 3]
    assert (data["right"], data["seed"], data["calls"]) == (False, 7, 65)
    assert data["answers"]["grad_b"]["mistakes"] == []
    assert data["answers"]["grad_b"]["grade"] in ("exact", "within rounding")


def test_json_has_no_nan(check):
    _, out = check(lambda x, y, w, b: (w * float("nan"), b[:0]), "--json")
    assert json.loads(out)["answers"]["grad_w"]["largest_difference_ulp"] is None


def test_a_wrong_shape_is_shown_beside_the_right_one(check):
    _, out = check(lambda x, y, w, b: (right(x, y, w, b)[0], right(x, y, w, b)[1][None]))
    assert "the numbers are right and the shape is wrong" in out
    assert "its shape is (1, 5) and must be (5,)" in out


def test_explanations_that_are_only_likely_or_not_the_only_ones_are_told_so(check):
    def noisy(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        step = 1e-5
        size = 40 * (1e-7 if x.dtype.itemsize == 4 else 2e-16) / step
        return grad_w + size * w.sin(), grad_b

    _, out = check(noisy)
    assert "probably its rounding is magnified" in out


def test_an_exact_answer_is_called_exact():
    class Verdict:
        answer, grade, largest = "grad_w", "exact", 0.0

    assert show._grade(check_function(right, seed=1), Verdict()) == "exact to the last bit"


def test_a_float32_answer_to_float64_inputs_is_told_to_be_one(check):
    code, out = check(lambda *a: tuple(g.float() for g in right(*a)))
    assert code == 0
    assert "within the rounding of float32" in out


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_begins_with_a_file_that_is_never_overwritten(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--exercise", name]) == 0
    (file,) = tmp_path.iterdir()
    assert file.name == name.replace("-", "_") + ".py"
    assert f"check {file.name}" in file.read_text()
    file.write_text("mine")
    assert main(["check", "--exercise", name]) == 2
    assert "exists already and is left as it is" in capsys.readouterr().err
    assert file.read_text() == "mine"


@pytest.mark.usefixtures("one_sandbox")
def test_a_starter_can_be_marked_as_it_is(tmp_path, capsys):
    file = tmp_path / "start.py"
    assert main(["check", "--exercise", "sigmoid-neuron", str(file)]) == 0
    assert main(["check", str(file), "--time-limit", "60", "--seed", "3"]) == 1
    assert "zero everywhere" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check"], "check needs a file to mark"),
        (["check", "--exercise", "adam"], "there is no exercise 'adam'"),
        (["check", "nowhere.py"], "there is no file nowhere.py"),
    ],
)
def test_a_command_that_cannot_work_is_one_sentence(arguments, sentence, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["x.py", "--seed", "-1"], ["x.py", "--time-limit", "0"], ["x.py", "--hint", "--json"]]
)
def test_an_option_that_cannot_be_used_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["check", *arguments])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("bpcompare: ")


RIGHT = """
def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)
"""


@pytest.fixture
def a_class(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("class")
    (folder / "ada").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "right.py").write_text(RIGHT)
    (folder / "ada" / "half.py").write_text(RIGHT.replace("2 * ", ""))
    (folder / "broken.py").write_text("x(")
    (folder / ".hidden" / "no.py").write_text("1 / 0")
    return folder


def test_a_class_is_marked_whole_although_one_file_is_broken(a_class, capsys):
    assert (
        main(["check", str(a_class), "nowhere.py", "--csv", "marks.csv", "--gradescope", "r.json", "--jobs", "2"]) == 1
    )
    rows = list(csv.DictReader(Path("marks.csv").read_text().splitlines()))
    assert [(Path(row["file"]).name, row["right"]) for row in rows] == [
        ("half.py", "no"),
        ("broken.py", "no"),
        ("right.py", "yes"),
        ("nowhere.py", "no"),
    ]
    assert rows[0]["mistakes"] == "grad_w: factor-2-missing; grad_b: factor-2-missing"
    assert {row["exercise"] for row in rows} == {"linear-regression", ""}
    assert all(float(row["seconds"]) >= 0 for row in rows)
    results = json.loads(Path("r.json").read_text())
    assert results["score"] == sum(test["score"] for test in results["tests"]) == 2
    assert [set(test) for test in results["tests"]] == [{"name", "score", "max_score", "output"}] * 6
    assert "1 of 4 right, 2 cannot be marked." in capsys.readouterr().out


def test_json_of_many_files_is_a_list(a_class, capsys):
    assert main(["check", str(a_class), "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert [("error" in one, one["right"]) for one in data] == [(False, False), (True, False), (False, True)]


def test_json_is_written_where_a_file_cannot_be_marked(capsys):
    assert main(["check", "nowhere.py", "--json"]) == 2
    said = capsys.readouterr()
    data = json.loads(said.out)
    assert (data["file"], data["right"]) == ("nowhere.py", False)
    assert data["error"] in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["empty"], "no Python file in the folder"),
        (["a.py", "b.py", "--hint"], "--hint is for one file"),
        (["a.py", "--csv", "nowhere/marks.csv/x"], "cannot be written"),
        (["a.py", "b.py", "--exercise", "adam-step"], "writes one file"),
    ],
)
def test_what_many_files_cannot_be_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("nowhere").mkdir()
    Path("nowhere/marks.csv").write_text("")
    assert main(["check", *arguments]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1


def test_what_is_not_named_is_in_the_json_with_both_arrays(check, unexplained):
    _, out = check(unexplained, "--json")
    contrast = json.loads(out)["answers"]["grad_w"]["mistakes"][-1]["contrast"]
    assert set(contrast) == {"sizes", "dtype", "yours", "right", "ratio"}
    assert contrast["yours"][0][0] == pytest.approx(contrast["right"][0][0] * contrast["ratio"][0][0])

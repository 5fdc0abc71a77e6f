import csv
import json
import re
from itertools import chain, repeat
from pathlib import Path

import pytest
from kept_draws import DRAWS, SEED
from workers import forked_worker

from bpcompare.cli import check_many, main
from bpcompare.marker import check as checking
from bpcompare.marker.exercises import EXERCISES
from bpcompare.marker.mistakes import MISTAKES
from bpcompare.show import marker_report as show
from bpcompare.show.marker_table import table

HERE = Path("mine.py")
CLOSING = {  # the last line of a report
    "right": "Right: every answer, in every call.\n",
    "grad_w": "Not yet: grad_w wrong, grad_b right.\n",
    "changed": "Not yet: the numbers are right, but the function changes its inputs.\n",
}


def check_function(function, exercise="linear-regression", seed=SEED):
    return checking.check_function(function, exercise, seed, draws=DRAWS)


def right(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)


def scaled(factor):
    return lambda x, y, w, b: (right(x, y, w, b)[0] * factor(x, y), right(x, y, w, b)[1])


@pytest.fixture(scope="module")
def unexplained():
    """The marking of gradients that are wrong in a way of which the marker knows nothing."""
    return check_function(lambda x, y, w, b: (right(x, y, w, b)[0] * w.cos(), right(x, y, w, b)[1].exp() * b[:1]))


@pytest.fixture
def check(monkeypatch, capsys):
    """The command with the file's function or its marking handed in, so that no process is needed."""

    def run(function, *options, exercise="linear-regression"):
        marking = check_function(function, exercise) if callable(function) else function
        monkeypatch.setattr(checking, "check_file", lambda file, seed, limit, device=None: marking)
        code = main(["check", str(HERE), *options])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def told(check):
    """The exit code, the report and the data of one marking; every mistake of the data is named in the report."""

    def run(function):
        marking = check_function(function) if callable(function) else function
        (code, report), (same_code, data) = check(marking), check(marking, "--json")
        data = json.loads(data)
        assert code == same_code == (not data["right"])
        for answer, found in data["answers"].items():
            signs = {sign for sign in "✓✗" if f"{sign} {answer} " in report}
            assert signs == {"✗" if found["grade"] == "wrong" else "✓"}
            for mistake in found["mistakes"]:
                assert mistake["names"] == ["unknown"] or all(said in report for said in mistake["says"])
        return code, report, data

    return run


def mistakes(data, answer="grad_w"):
    """The names of what is wrong with an answer."""
    return [name for one in data["answers"][answer]["mistakes"] for name in one["names"]]


def test_a_right_gradient_is_told_with_exit_code_0(told):
    code, report, data = told(right)
    assert code == 0
    assert mistakes(data, "grad_w") == mistakes(data, "grad_b") == []
    assert report.endswith(CLOSING["right"])


def test_a_sum_is_told_with_its_factor_at_several_n_and_its_line(told):
    code, report, data = told(scaled(lambda x, y: y.numel()))
    assert code == 1
    (found,) = data["answers"]["grad_w"]["mistakes"]
    assert found["names"] == ["summed-not-averaged"]
    assert found["factor"] == {"constant": 1.0, "powers": {"N": 1, "out": 1}}
    assert report.count("N·out") >= 2  # what the factor is, and by what to divide
    (line,) = [line for line in report.splitlines() if "N·out" in line and "N = " in line]
    assert len(set(re.findall(r"N = (\d+)", line))) >= 2
    assert re.findall(r"→ \((\d)\)", report) == ["3"]
    assert report.endswith(CLOSING["grad_w"])


def test_a_constant_in_place_of_n_is_told_with_the_number(told):
    _, report, data = told(scaled(lambda x, y: y.numel() / 100))
    assert mistakes(data) == ["hard-coded-N"]
    assert "N = 100" in data["answers"]["grad_w"]["right_where"]
    first, *rest = [line for line in report.splitlines() if "100" in line]
    assert "N = 100" in first
    assert any("N·out" in line for line in rest)


def test_the_sign_is_no_part_of_the_factor(told):
    for factor, names in ((-1, ["sign"]), (-2, ["sign", "factor-2-doubled"])):
        _, report, data = told(scaled(lambda x, y, factor=factor: factor))
        assert mistakes(data) == names
        assert data["answers"]["grad_w"]["mistakes"][0]["factor"]["constant"] == factor
        assert "−" not in report.split(" → (")[0]
        assert ("2.0" in report) == (factor == -2)


def test_what_no_hypothesis_explains_is_shown_with_its_ratio(told, unexplained):
    _, report, data = told(unexplained)
    assert mistakes(data) == ["unknown"]
    for row in ("yours", "right", "ratio"):
        first = data["answers"]["grad_w"]["mistakes"][0]["contrast"][row][0][0]
        (line,) = [line for line in report.splitlines() if line.split()[:1] == [row]][:1]
        assert float(re.search(r"-?\d[\d.e+-]*", line.replace("−", "-"))[0]) == pytest.approx(first, rel=1e-3)


def test_one_wrong_entry_is_located(told):
    def gradients(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        if len(b) > 1:
            grad_b[1] = grad_b[1].exp()
        return grad_w, grad_b

    _, report, data = told(gradients)
    assert mistakes(data, "grad_b") == ["unknown"]
    assert [
        n for n, ratio in enumerate(data["answers"]["grad_b"]["mistakes"][0]["contrast"]["ratio"]) if ratio != 1
    ] == [1]
    assert "(1,)" in report
    assert "out = 1" in data["answers"]["grad_b"]["right_where"]
    assert data["answers"]["grad_b"]["right_where"] in report


def test_a_function_for_one_feature_and_output_is_told_where_it_raises(told):
    def gradients(x, y, w, b):
        assert w.numel() == 1, "one weight only"
        return right(x, y, w, b)

    code, report, data = told(gradients)
    assert (code, data["raised"], data["calls"]) == (1, 53, 65)
    (line,) = [line for line in report.splitlines() if line.startswith("✗") and "53" in line]
    assert "65" in line
    assert "in = out = 1" in line
    for place in (data["raised_first"], report):
        assert "AssertionError: one weight only" in place


def test_an_input_changed_in_place_is_refused_although_the_numbers_are_right(told):
    def gradients(x, y, w, b):
        answer = right(x, y, w, b)
        w.sub_(answer[0])
        return answer

    code, report, data = told(gradients)
    assert (code, data["changed_inputs"]) == (1, ["w"])
    assert mistakes(data, "grad_w") == mistakes(data, "grad_b") == []
    assert any(line.startswith("✗ w ") for line in report.splitlines())
    assert report.endswith(CLOSING["changed"])


def test_a_hint_does_not_give_the_answer_away(check, told):
    marking = check_function(scaled(lambda x, y: -y.numel()))
    _, _, data = told(marking)
    code, hint = check(marking, "--hint")
    assert code == 1
    assert mistakes(data) == ["sign", "summed-not-averaged"]
    assert sum(line.endswith("?") for line in hint.splitlines()) == 2
    assert not any(name.partition("-")[0] in hint for name in mistakes(data))
    assert not any(said in hint for one in data["answers"]["grad_w"]["mistakes"] for said in one["says"])
    assert check(right, "--hint") == (0, CLOSING["right"])


def test_a_hint_tells_of_errors_and_changed_inputs_too(check):
    def gradients(x, y, w, b):
        assert w.numel() == 1
        doubled = [2 * answer for answer in right(x, y, w, b)]
        b.zero_()
        return doubled

    _, hint = check(gradients, "--hint")
    assert re.search(r"\b53\b.*\b65\b", hint)
    for name in ("raises", "changes-its-inputs"):
        assert MISTAKES[name].hint in hint


def test_json_holds_the_whole_marking(check):
    code, out = check(scaled(lambda x, y: -y.numel()), "--json")
    data = json.loads(out)
    (finding,) = data["answers"]["grad_w"]["mistakes"]
    assert code == 1
    assert finding["names"] == ["sign", "summed-not-averaged"]
    assert finding["factor"] == {"constant": -1.0, "powers": {"N": 1, "out": 1}}
    assert finding["lines"] == [2, 3]
    assert (data["right"], data["seed"], data["calls"]) == (False, SEED, 65)
    assert data["answers"]["grad_b"]["mistakes"] == []
    assert data["answers"]["grad_b"]["grade"] in ("exact", "within rounding")


def test_json_has_no_nan(check):
    _, out = check(lambda x, y, w, b: (w * float("nan"), b[:0]), "--json")
    assert json.loads(out)["answers"]["grad_w"]["largest_difference_ulp"] is None


def test_a_wrong_shape_is_shown_beside_the_right_one(told):
    _, report, data = told(lambda x, y, w, b: (right(x, y, w, b)[0], right(x, y, w, b)[1][None]))
    assert mistakes(data, "grad_b") == ["wrong-shape"]
    assert re.search(r"\(1, 5\).*\(5,\)", report)


def test_explanations_that_are_only_likely_or_not_the_only_ones_are_told_so(told):
    def noisy(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        step = 1e-5
        size = 40 * (1e-7 if x.dtype.itemsize == 4 else 2e-16) / step
        return grad_w + size * w.sin(), grad_b

    _, report, data = told(noisy)
    (found,) = data["answers"]["grad_w"]["mistakes"]
    assert (found["names"], found["sure"]) == (["rounding-magnified"], False)
    assert f"probably {found['says'][0]}" in report


def test_an_exact_answer_is_called_exact():
    class Verdict:
        answer, grade, largest = "grad_w", "exact", 0.0

    assert show._grade(check_function(right, seed=1), Verdict()) == "exact to the last bit"


def test_a_float32_answer_to_float64_inputs_is_told_to_be_one(told):
    code, report, data = told(lambda *a: tuple(g.float() for g in right(*a)))
    assert code == 0
    assert {found["grade"] for found in data["answers"].values()} == {"within rounding"}
    assert report.count("float32") == told(right)[1].count("float32") + 2


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_begins_with_a_file_that_is_never_overwritten(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--exercise", name]) == 0
    (file,) = tmp_path.iterdir()
    assert file.name == name.replace("-", "_") + ".py"
    assert f"check {file.name}" in file.read_text()
    file.write_text("mine")
    assert main(["check", "--exercise", name]) == 2
    assert file.name in capsys.readouterr().err
    assert file.read_text() == "mine"


@pytest.mark.usefixtures("one_sandbox")
def test_a_starter_can_be_marked_as_it_is(tmp_path, capsys):
    file = tmp_path / "start.py"
    assert main(["check", "--exercise", "sigmoid-neuron", str(file)]) == 0
    capsys.readouterr()
    assert main(["check", str(file), "--time-limit", "60", "--seed", "3", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert {name for answer in data["answers"] for name in mistakes(data, answer)} == {"always-zero", "consequence"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["check"], "--exercise"), (["check", "--exercise", "adam"], "'adam'"), (["check", "nowhere.py"], "nowhere.py")],
)
def test_a_command_that_cannot_work_is_one_sentence(arguments, named, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert named in err
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


@pytest.fixture
def one_started(monkeypatch):
    """The first process that marks files is started as for everybody; the next ones are forked."""
    starts = chain([check_many._start], repeat(forked_worker))
    monkeypatch.setattr(check_many, "_start", lambda options: next(starts)(options))


@pytest.mark.usefixtures("one_started")
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
    counts = [re.findall(r"\d+", line) for line in capsys.readouterr().out.splitlines()]
    assert ["1", "4", "2"] in counts  # right, of, cannot be marked


@pytest.mark.usefixtures("one_worker")
def test_json_of_many_files_is_a_list(a_class, capsys):
    assert main(["check", str(a_class), "--json", "--jobs", "1"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert [("error" in one, one["right"]) for one in data] == [(False, False), (True, False), (False, True)]


def test_json_is_written_where_a_file_cannot_be_marked(capsys):
    assert main(["check", "nowhere.py", "--json"]) == 2
    said = capsys.readouterr()
    data = json.loads(said.out)
    assert (data["file"], data["right"]) == ("nowhere.py", False)
    assert data["error"] in said.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["empty"], "empty"),
        (["a.py", "b.py", "--hint"], "--hint"),
        (["a.py", "--csv", "nowhere/marks.csv/x"], "nowhere/marks.csv"),
        (["a.py", "b.py", "--exercise", "adam-step"], "--exercise"),
    ],
)
def test_what_many_files_cannot_be_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, named):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("nowhere").mkdir()
    Path("nowhere/marks.csv").write_text("")
    assert main(["check", *arguments]) == 2
    err = capsys.readouterr().err
    assert named in err
    assert err.count("\n") == 1


def test_what_is_not_named_is_in_the_json_with_both_arrays(check, unexplained):
    _, out = check(unexplained, "--json")
    contrast = json.loads(out)["answers"]["grad_w"]["mistakes"][-1]["contrast"]
    assert set(contrast) == {"sizes", "dtype", "yours", "right", "ratio"}
    assert contrast["yours"][0][0] == pytest.approx(contrast["right"][0][0] * contrast["ratio"][0][0])


def test_names_that_could_steer_a_terminal_are_shown_and_the_columns_stay_in_line():
    right = {"right": True, "answers": {}, "changed_inputs": [], "raised": 0}
    wrong = {"answers": {"grad_w": {"mistakes": [{"names": ["sign"]}]}}, "right": False}
    lines = table(
        [{**right, "file": "plain.py"}, {**right, **wrong, "file": "a\x1b[31m.py"}, {**right, **wrong, "file": "b.py"}]
    )
    assert "\x1b" not in lines
    assert len({line.index("grad_w") for line in lines.splitlines() if "grad_w" in line}) == 1

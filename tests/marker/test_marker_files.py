"""Every file of marker_files/: wrong ones refused and named as their first line says, right ones passed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kept_draws import SEED

from bpcompare.marker.check import check_file, check_function

FILES = Path(__file__).parents[1] / "marker_files"
WRONG, RIGHT = sorted((FILES / "wrong").glob("*.py")), sorted((FILES / "right").glob("*.py"))
BY_PROCESS = ("dot_then_mean", "two_mistakes", "w_updated_before_b", "accumulated", "half_precision_inside")
NAMED_AT_LEAST = 0.9  # of the wrong files, the share that must be named in every answer


def expected(path):
    """The diagnosis that a wrong file's first line asks for, as name sets."""
    words = path.read_text().splitlines()[0].removeprefix("# diagnosis:").split()
    wanted = dict(word.split("=") for word in words)
    return {answer: set(names.split(",")) - {"right"} for answer, names in wanted.items()}


def found(marking):
    names = {verdict.answer: set(verdict.mistakes) for verdict in marking.verdicts}
    return names | ({"file": {"changes-its-inputs"}} if marking.changed else {})


def function_of(path):
    spec = importlib.util.spec_from_file_location(f"marked_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.gradients


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what a learner mixes of torch and NumPy warns at times
@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_gradient_is_refused_and_named_as_its_file_says(path, draws):
    marking = check_function(function_of(path), seed=SEED, draws=draws)
    assert not marking.right
    assert found(marking) == expected(path)


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_a_right_gradient_passes_in_whatever_style(path, draws):
    for seed in (SEED, SEED + 1):
        assert check_function(function_of(path), seed=seed, draws=draws).right


def test_the_suite_is_large_and_nine_in_ten_of_it_are_named():
    unnamed = [path for path in WRONG if any("unknown" in names for names in expected(path).values())]
    assert len(WRONG) >= 40
    assert len(unnamed) <= (1 - NAMED_AT_LEAST) * len(WRONG)


@pytest.mark.parametrize("name", BY_PROCESS)
def test_the_process_apart_finds_what_this_process_finds(name, process, draws):
    path = FILES / "wrong" / f"{name}.py"
    assert found(check_file(path, SEED, 60, process, draws=draws)) == expected(path)


@pytest.mark.skipif(not os.environ.get("BPCOMPARE_ALL_FILES"), reason="some minutes; set BPCOMPARE_ALL_FILES=1")
@pytest.mark.parametrize("path", WRONG + RIGHT, ids=lambda path: path.stem)
def test_the_command_line_judges_every_file(path):
    command = [sys.executable, "-m", "bpcompare", "check", str(path), "--time-limit", "60"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == (path in WRONG)

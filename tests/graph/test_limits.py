"""The stated limits hold from both sides, and what is beyond them is refused at once."""

import json
import sys
import tempfile
import time
from pathlib import Path

import forked
import pytest

from bpcompare.errors import ExpressionError
from bpcompare.graph.derivation import derive
from bpcompare.graph.expression import MAX_STEPS, build
from bpcompare.graph.parsing import MAX_CHARACTERS, MAX_DEPTH

REFUSED = {
    "brackets": ("(" * 9_000 + "x" + ")" * 9_000, []),
    "power": ("9**9**9", []),
    "name": ("x" * 20_000, []),
    "minus": ("x" + "-" * 19_000 + "x", []),
    "arrays": ("mean(a*b)", ["a=" + ";".join(["1"] * 9_000), "b=" + ",".join(["1"] * 9_000)]),
}
# Seconds of this process, not of the clock: a busy machine must not decide. PyTorch is loaded before they are counted.
REFUSE = """
import json, sys, time, torch
from pathlib import Path
from bpcompare.cli import main

def peak():  # in kB
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

loaded = peak()
for text, values in json.load(sys.stdin):
    before = time.process_time()
    code = main(["derive", text, *values, "--out", "out"])
    print(code, time.process_time() - before, peak() - loaded)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux's /proc")
def test_a_refusal_takes_less_than_two_seconds_and_100_megabytes_more_than_pytorch(tmp_path):
    # Linux's VmHWM is the process's own peak; ru_maxrss would begin with that of the process which started it.
    with tempfile.TemporaryFile("w+") as asked:
        json.dump([*REFUSED.values()], asked)
        asked.seek(0)
        done = forked.run([sys.executable, "-c", REFUSE], stdin=asked, cwd=tmp_path, capture_output=True, text=True)
    sentences, measured = done.stderr.splitlines(), done.stdout.splitlines()
    assert sum(sentence.startswith("bpcompare: ") for sentence in sentences) == len(measured) == len(REFUSED)
    for name, (code, seconds, more) in zip(REFUSED, map(str.split, measured), strict=True):
        assert code == "2", name
        assert float(seconds) < 2.0, name
        assert 0 <= int(more) < 100_000, name  # in kB; PyTorch alone takes 200 MB, built for CUDA 500
    assert not list(tmp_path.iterdir())


def test_the_stated_limits_hold_from_both_sides():
    assert build("(" * (MAX_DEPTH - 1) + "x" + ")" * (MAX_DEPTH - 1), {"x": 1.0}).output.value == 1.0
    with pytest.raises(ExpressionError, match="nested"):
        build("(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH, {"x": 1.0})
    assert build(" " * (MAX_CHARACTERS - 1) + "x", {"x": 1.0}).output.value == 1.0
    with pytest.raises(ExpressionError, match="characters"):
        build(" " * MAX_CHARACTERS + "x", {"x": 1.0})
    assert build("+".join(["v"] * MAX_STEPS), {"v": 1.0}).output.value == MAX_STEPS  # v itself is a step
    with pytest.raises(ExpressionError, match="20,000 steps"):
        build("+".join(["v"] * (MAX_STEPS + 1)), {"v": 1.0})


def test_a_sum_of_five_thousand_terms_is_derived_within_seconds():
    before = time.process_time()
    one = derive("+".join(["x"] * 5_000), {"x": 2.0})
    assert one.gradients == {"x": 5_000.0}
    text = "+".join(f"x{i}*x{i}" for i in range(2_500))
    many = derive(text, {f"x{i}": 1.0 for i in range(2_500)})
    assert set(many.gradients.values()) == {2.0}
    assert one.check.passed
    assert many.check.passed
    assert one.to_text()
    assert time.process_time() - before < 15

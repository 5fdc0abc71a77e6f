"""Laws of the estimates: they grow with every size, and everyday jobs are far from every limit."""

import subprocess
import sys

import forked
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.errors import LimitError
from bpcompare.problem import estimates, memory
from bpcompare.problem.line import line
from bpcompare.problem.networks import network
from bpcompare.training.train import train

JOBS = {
    "line": (lambda n, i, o: estimates.line(n, i, o), (100, 1, 1)),
    "table": (lambda n, c: estimates.table(n, c), (100, 2)),
    "network": (lambda a, b, c: estimates.network([a, b, c]), (1, 8, 1)),
    "collapse": (lambda a, b, c: estimates.collapse([a, b, c]), (2, 5, 3)),
    "equations": (lambda i, o: estimates.equations(i, o), (2, 3)),
    "training": (
        lambda n, i, o, e, m, g: estimates.training(n, (i, o), e, methods=m, ledgers=g, files=True),
        (100, 1, 1, 50, 3, 1),
    ),
    "training of a network": (
        lambda n, a, b, c, e, m: estimates.training(n, (a, b, c), e, methods=m),
        (30, 2, 100, 1, 200, 4),
    ),
    "sweep": (
        lambda n, i, o, s, r, m, e: estimates.sweep(n, i, o, seeds=s, rates=r, methods=m, epochs=e),
        (100, 1, 1, 50, 200, 2, 50),
    ),
}


@pytest.mark.parametrize("job", JOBS)
@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_more_of_anything_never_takes_less(job, data):
    make, usual = JOBS[job]
    sizes = data.draw(st.tuples(*[st.integers(1, 10**6)] * len(usual)))
    place = data.draw(st.integers(0, len(usual) - 1))
    larger = list(sizes)
    larger[place] += data.draw(st.integers(1, 10**40))
    small, large = make(*sizes), make(*larger)
    assert small.memory <= large.memory
    assert small.seconds <= large.seconds


@pytest.mark.parametrize("job", JOBS)
def test_everyday_jobs_are_far_from_the_limits_and_huge_ones_beyond(job):
    make, usual = JOBS[job]
    assert make(*usual).memory < 1e8
    assert make(*usual).seconds < 600
    for place in range(len(usual)):
        if job.startswith("training") and place == len(usual) - 1:
            continue  # the number of methods or ledgers
        with pytest.raises(LimitError):
            make(*usual[:place], 10**30, *usual[place + 1 :]).check()


@pytest.mark.parametrize(
    "call",
    [
        lambda: line(10**12),
        lambda: line(10**18),
        lambda: network([1, 10**6, 10**6, 1]),
        lambda: train(line(), "manual", epochs=10**18),
    ],
)
def test_a_call_is_refused_before_it_begins(call):
    with pytest.raises(LimitError, match=estimates.OVERRIDE):
        call()


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc")
def test_a_long_training_with_its_files_keeps_to_its_memory(tmp_path):
    code = """if True:
        import re, sys
        from pathlib import Path
        from bpcompare.cli import main
        from bpcompare.problem import estimates
        seen, check = [], estimates.Estimate.check
        estimates.Estimate.check = lambda self: (seen.append(self.memory), check(self))
        status = Path("/proc/self/status")
        peak = lambda: int(re.search(r"VmPeak:\\s*(\\d+)", status.read_text())[1]) * 1024
        job = ["--quiet", "--methods", "manual", "--out", sys.argv[1], "--epochs"]
        main([*job, "2"])
        before = peak()
        assert main([*job, "30000"]) == 0
        print((peak() - before) / max(seen))
    """
    done = forked.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert 0.2 < float(done.stdout) < 1.1


def test_the_limit_can_be_lifted(monkeypatch):
    monkeypatch.setattr(estimates, "available_memory", lambda: 1e6)
    with pytest.raises(LimitError):
        estimates.line(10**7, 1, 1).check()
    monkeypatch.setenv(estimates.OVERRIDE, "1")
    estimates.line(10**7, 1, 1).check()


def test_a_container_s_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("4000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "_of_limits", lambda: iter(()))
    assert memory.available_memory() == 1_500_000


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v is Linux's")
def test_a_limit_of_the_address_space_counts():
    code = (
        "import resource; from bpcompare.problem.memory import available_memory as left; "
        "resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9)); assert 5e8 < left() < 1e9, left()"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0

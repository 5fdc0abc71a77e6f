import json
import os
import re
import socket
import sys
from contextlib import closing
from pathlib import Path

import forked
import pytest
import torch
from worker import LINE, NETWORK, results

from bpcompare.cli import main
from bpcompare.errors import InputError, WorkerError
from bpcompare.problem.line import line
from bpcompare.training import processes
from bpcompare.training.data_parallel import all_reduce
from bpcompare.training.gradient_source import bound
from bpcompare.training.gradients import formula

SCRIPT = Path(__file__).parents[1] / "worker.py"
ROOT = SCRIPT.parent.parent
MEETING = {"MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}  # not asked for: this process meets nobody
ROUNDING = 1e-12  # float64, 30 steps at most: the same numbers added in another order

# A lost worker is noticed at once, a silent one after the patience of 2 s; importing torch takes its time before, on a
# busy machine minutes. PyTorch itself would wait for half an hour, and so no hang ends in time.
IN_TIME = 600.0


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """The folder in which every job's workers left what they came to."""
    folder = tmp_path_factory.mktemp("jobs")
    names = ["die:2", "stall:2", "alone:1", "fail:2", "agree:2", "agree:3", "network:2", "torchrun:2"]
    ports = {"MASTER_PORT": str(free_port()), "NODES_PORT": str(free_port())}
    environment = {**os.environ, "MASTER_ADDR": "localhost", **ports, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    forked.run([sys.executable, str(SCRIPT), str(folder), *names], env=environment, timeout=IN_TIME, check=True)
    return folder


def outcome(folder, rank):
    """The exit code of a worker, and what it printed."""
    return int((folder / f"{rank}.code").read_text()), (folder / f"{rank}.out").read_text()


@pytest.fixture(scope="module")
def by_one():
    """The results of `worker.agree` in a single process."""
    return results()


@pytest.mark.parametrize("count", [2, 3])
def test_several_workers_make_the_runs_of_one_within_rounding_and_all_the_same(count, jobs, by_one):
    folder = jobs / f"agree:{count}"
    for rank in range(count):
        assert outcome(folder, rank) == (0, "")
    first, *others = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(count)]
    for name, (parameters, losses) in by_one.items():
        exact = name.startswith("sweep")  # whole runs are shared out, not rows
        rtol = 0 if exact else ROUNDING
        assert torch.allclose(first[name][1], losses, rtol=rtol, atol=rtol), name
        for key, values in parameters.items():
            assert torch.allclose(first[name][0][key].double(), values.double(), rtol=rtol, atol=rtol), name
            assert all(torch.equal(first[name][0][key], other[name][0][key]) for other in others), name


@pytest.mark.parametrize("job", ["die:2", "stall:2"])
def test_a_lost_worker_ends_in_a_clear_error_and_not_in_a_hang(job, jobs):
    code, out = outcome(jobs / job, 0)
    assert code == 3
    assert out.startswith("WorkerError: ")
    assert out.count("\n") == 1


def test_a_worker_that_never_comes_is_not_waited_for_for_ever(jobs):
    code, out = outcome(jobs / "alone:1", 0)
    assert code == 3
    assert re.match(r"WorkerError: .*\b2 processes\b.*\b2 s\b", out)


def test_what_fails_for_one_fails_for_all_with_the_same_error(jobs):
    for rank in range(2):
        assert outcome(jobs / "fail:2", rank) == (3, "InputError: one of us cannot\n")


@pytest.mark.usefixtures("without_pictures")
def test_compare_on_two_nodes_prints_and_writes_once_and_gives_the_single_processs_result(jobs, tmp_path):
    ended = [outcome(jobs / "torchrun:2", node) for node in range(2)]
    assert [code for code, _ in ended] == [0, 0], ended
    printed = "".join(out for _, out in ended)
    assert printed.count("agreement ") == 1
    assert len(re.findall(r"^workers +2 ", printed, re.MULTILINE)) == 1
    assert main([*LINE, "--out", str(tmp_path), "--quiet"]) == 0
    two = json.loads((jobs / "torchrun:2" / "two" / "comparison.json").read_text())
    one = json.loads((tmp_path / "comparison.json").read_text())
    assert two["versions"]["workers"] == 2
    for name, run in one["runs"].items():
        assert two["runs"][name]["losses"] == pytest.approx(run["losses"], rel=ROUNDING)
        assert two["runs"][name]["weight"][0] == pytest.approx(run["weight"][0], rel=ROUNDING)


@pytest.mark.usefixtures("without_pictures")
def test_a_network_is_trained_by_two_processes_as_by_one(jobs, tmp_path):
    ended = [outcome(jobs / "network:2", rank) for rank in range(2)]
    assert [code for code, _ in ended] == [0, 0], ended
    assert len(re.findall(r"^workers +2 ", "".join(out for _, out in ended), re.MULTILINE)) == 1
    assert main([*NETWORK, "--out", str(tmp_path), "--quiet"]) == 0
    two = json.loads((jobs / "network:2" / "two" / "comparison.json").read_text())
    one = json.loads((tmp_path / "comparison.json").read_text())
    assert list(two["runs"]) == ["manual", "autograd", "adam", "graph"]
    for name, run in one["runs"].items():
        assert two["runs"][name]["losses"] == pytest.approx(run["losses"], rel=ROUNDING)
        for mine, other in zip(run["norms"].values(), two["runs"][name]["norms"].values(), strict=True):
            assert other == pytest.approx(mine, rel=ROUNDING)


def test_bad_input_is_told_by_the_first_worker_only(monkeypatch, capsys):
    for name, value in {**MEETING, "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    for rank, told in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        assert main(["nonsense"]) == 2
        with pytest.raises(SystemExit):
            main(["compare", "--epochs", "0"])
        assert bool(capsys.readouterr().err) is told


def test_alone_everything_is_ones_own():
    model = torch.nn.Linear(1, 1)
    gradient = bound(formula, model)
    assert all_reduce(gradient, model) is gradient
    assert processes.local_rows(10) == slice(0, 10)
    assert processes.gather(7) == [7]
    assert processes.sum_over_processes(torch.ones(2)).tolist() == [1, 1]
    with pytest.raises(InputError, match="no"):
        processes.run_on_all(lambda: (_ for _ in ()).throw(InputError("no")))


@pytest.fixture
def group_of_two(monkeypatch, tmp_path):
    """This process is the first of two, and the second one's numbers are all zero."""
    join = processes.dist.init_process_group
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    for name, value in MEETING.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processes.dist, "init_process_group", lambda *a, **k: join(*a, **{**k, "world_size": 1}))
    with processes.process_group(init_method=f"file://{tmp_path}/meeting") as first:
        assert first
        monkeypatch.setattr(processes, "count", lambda: 2)
        yield


@pytest.mark.usefixtures("group_of_two")
@pytest.mark.parametrize("share", [slice(0, 4), slice(0, 0)])
def test_a_share_of_the_rows_gives_its_part_of_the_gradient(monkeypatch, share):
    monkeypatch.setattr(processes, "local_rows", lambda rows: share)
    problem, part = line(samples=10, dtype=torch.float64), share.stop / 10
    model, own = problem.model(), problem.model()
    loss = all_reduce(bound(formula, model), model)(problem.x, problem.y)
    right = torch.nn.functional.mse_loss(own(problem.x[share]), problem.y[share]) if part else own.weight.sum() * 0
    right.backward()
    assert loss.item() == pytest.approx(part * right.item())
    assert model.weight.grad.item() == pytest.approx(part * own.weight.grad.item())


@pytest.mark.usefixtures("group_of_two")
def test_a_broken_connection_is_a_worker_error(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(processes.dist, "all_reduce", broken)
    monkeypatch.setattr(processes.dist, "all_gather_object", broken)
    with pytest.raises(WorkerError, match="Connection closed by peer"):
        processes.sum_over_processes(torch.ones(1))
    with pytest.raises(WorkerError):
        processes.gather("anyone?")


def test_shares_are_even_and_leave_no_row_out(monkeypatch):
    monkeypatch.setattr(processes.dist, "is_initialized", lambda: True)
    for count in (1, 2, 3, 7):
        monkeypatch.setattr(processes.dist, "get_world_size", lambda count=count: count)
        for rows in (0, 1, 2, 10, 100):
            shares = []
            for rank in range(count):
                monkeypatch.setattr(processes.dist, "get_rank", lambda rank=rank: rank)
                shares.append(range(rows)[processes.local_rows(rows)])
            assert [row for share in shares for row in share] == [*range(rows)]
            assert max(map(len, shares)) - min(map(len, shares)) <= 1

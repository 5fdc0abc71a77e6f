"""The processes of training/test_processes.py: worker.py FOLDER JOB:COUNT… forks COUNT workers for each job.

Each has a folder JOB:COUNT with what it printed, RANK.out, and how it ended, RANK.code: PyTorch is loaded once for all.
"""

import os
import signal
import sys
import time
import traceback
from pathlib import Path
from unittest import mock

import forked
import torch
from pictures import unpictured
from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler
from torch.distributed.elastic.rendezvous import dynamic_rendezvous
from torch.distributed.run import main as torchrun

from bpcompare.cli import main
from bpcompare.errors import InputError, WorkerError
from bpcompare.problem.line import line
from bpcompare.sweeps.sweep import sweep
from bpcompare.training import processes
from bpcompare.training.train import train

EPOCHS = 5
MATRIX = [[1.0, 2.0], [-1.0, 0.5], [0.0, 3.0]]

# Samples in batches of one: at every step one of two workers has no row at all.
LINE = ["compare", "--dtype", "float64", "--samples", "101", "--epochs", "5", "--timeout", "300"]
LINE += ["--methods", "manual,autograd,autograd+Adam"]
NETWORK = ["compare", "--problem", "quadratic", "--layers", "2,5,1", "--epochs", "1", "--timeout", "300"]

UNPICTURED = """
import runpy
from pictures import unpictured
with unpictured():
    runpy.run_module("bpcompare", run_name="__main__", alter_sys=True)
"""


def results():
    """Runs of every kind that the single process and the workers are to agree on."""
    wide = {"weight": MATRIX, "dtype": torch.float64}
    runs = {
        "manual": train(line(dtype=torch.float64), "manual", epochs=EPOCHS),
        "autograd": train(line(samples=101, **wide), "autograd", epochs=EPOCHS),
        "adam": train(line(samples=7, **wide), "adam", epochs=EPOCHS),
        "moments": train(line(samples=50, **wide), "moments+GradientDescent", epochs=EPOCHS),
        "batches": train(line(samples=20, **wide), "manual", batch_size=7, epochs=2),
        "two rows": train(line(samples=2, dtype=torch.float64), "manual", epochs=EPOCHS),
        "one row": train(
            line(samples=1, learn_bias=False, dtype=torch.float64), "finite_difference+GradientDescent", epochs=EPOCHS
        ),
    }
    found = {name: (run.parameters, run.losses) for name, run in runs.items()}
    swept = sweep([line(seed=s) for s in range(4)], [0.1, 0.5], epochs=20)
    found["sweep"] = ({"weight": swept.weights, "diverged_at": swept.diverged_at}, swept.losses)
    one = sweep([line()], [0.1], epochs=20)
    found["sweep of one"] = ({"weight": one.weights}, one.losses)
    return found


def agree(folder):
    torch.save(results(), folder / f"{os.environ['RANK']}.pt")


def die(folder):
    processes.sum_over_processes(torch.ones(1))
    if os.environ["RANK"] == "1":
        os._exit(1)
    processes.sum_over_processes(torch.ones(1))


def stall(folder):
    processes.sum_over_processes(torch.ones(1))
    if os.environ["RANK"] == "1":
        time.sleep(600)  # until it is killed
    processes.gather("anyone?")


def fail(folder):
    def action():
        if os.environ["RANK"] == "1":
            raise InputError("one of us cannot")
        return "fine"

    processes.run_on_all(action)


def work(job, folder):
    """One worker, RANK and WORLD_SIZE being set; its exit code."""
    if job == "network":
        with unpictured():
            return main([*NETWORK, "--out", str(folder / "two")])
    if job == "torchrun":
        return node(os.environ.pop("RANK"), folder)
    try:
        timeout, silence = (2 if job == "alone" else 300), (2 if job in ("die", "stall") else 300)
        with processes.process_group(timeout, silence, f"file://{folder}/meeting"):
            globals()[job](folder)
    except (WorkerError, InputError) as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
        return 3
    return 0


def node(rank, folder):
    """torchrun on one of two nodes, as `python -m torch.distributed.run` would be; it has a process of its own."""
    forked.run([sys.executable, "-c", "pass"])  # before torchrun has threads
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{os.environ['NODES_PORT']}", "--rdzv-id", "two"]
    nodes = ["--nnodes", "2", "--nproc-per-node", "1", "--node-rank", rank]
    unread = mock.patch.object(dynamic_rendezvous, "get_method_name", str)  # goes through all modules for a log
    with unread, mock.patch.object(subprocess_handler, "Popen", of_torchrun):
        torchrun([*nodes, *meeting, "-m", "bpcompare", *LINE, "--out", str(folder / "two")])
    return 0


def of_torchrun(args, *, env, stdout, stderr, start_new_session):
    """What torchrun starts, forked and without pictures."""
    assert args[1:4] == ("-u", "-m", "bpcompare")
    command = [args[0], "-c", UNPICTURED, *args[4:]]
    return forked.Popen(command, env=env, stdout=stdout, stderr=stderr, process_group=0 if start_new_session else None)


def workers(job, count, folder):
    """Starts the workers of a job; their process ids. Of "alone" only the first of two comes."""
    folder.mkdir()
    ids = []
    for rank in range(count):
        if child := os.fork():
            ids.append(child)
            continue
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(max(count, 2))}
        with (folder / f"{rank}.out").open("w") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            code = 1
            try:
                code = work(job, folder)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)  # as bpcompare.__main__ does, and for its reason
    return ids


def joined(ids, folder):
    """Waits for the first worker, then for the others; one that stalls is killed then."""
    for rank, child in enumerate(ids):
        if rank and folder.name.startswith("stall"):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        (folder / f"{rank}.code").write_text(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.optim.Adam([torch.ones(1, requires_grad=True)])  # loads what it needs, once for all
    everything = Path(sys.argv[1])
    started = {}
    for job in sys.argv[2:]:
        folder = everything / job
        started[folder] = workers(job.partition(":")[0], int(job.partition(":")[2]), folder)
    for folder, ids in started.items():
        joined(ids, folder)

"""What each process of training/test_processes.py runs: worker.py JOB FOLDER, RANK and WORLD_SIZE being set."""

import os
import sys
import time
from pathlib import Path

import torch

from bpcompare.errors import InputError, WorkerError
from bpcompare.problem.problem import line
from bpcompare.sweeps.sweep import sweep
from bpcompare.training import processes
from bpcompare.training.train import train

MATRIX = [[1.0, 2.0], [-1.0, 0.5], [0.0, 3.0]]


def results():
    """Runs of every kind that the single process and the workers are to agree on."""
    wide = {"weight": MATRIX, "dtype": torch.float64}
    runs = {
        "manual": train(line(dtype=torch.float64), "manual"),
        "autograd": train(line(samples=101, **wide), "autograd"),
        "adam": train(line(samples=7, **wide), "adam"),
        "moments": train(line(samples=50, **wide), "moments+GradientDescent"),
        "batches": train(line(samples=20, **wide), "manual", batch_size=7, epochs=5),
        "two rows": train(line(samples=2, dtype=torch.float64), "manual"),
        "one row": train(line(samples=1, learn_bias=False, dtype=torch.float64), "finite_difference+GradientDescent"),
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


if __name__ == "__main__":
    torch.set_num_threads(1)
    job, folder = sys.argv[1], Path(sys.argv[2])
    try:
        timeout, silence = (2 if job == "alone" else 300), (300 if job == "agree" else 2)
        with processes.process_group(timeout, silence, f"file://{folder}/meeting"):
            globals()[job](folder)
    except (WorkerError, InputError) as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
        sys.stdout.flush()
        os._exit(3)
    os._exit(0)  # as bpcompare.__main__ does, and for its reason

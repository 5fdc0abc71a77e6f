"""The same work on a CUDA device and on the CPU, where there is such a device; each waits until it has finished.

A GPU earns its place from some size on: it is asked for a million samples, ten million runs, a hundred million rows.
"""

from functools import partial

import torch
from ratio import absent, paired

from bpcompare.problem import devices
from bpcompare.problem.line import line
from bpcompare.problem.problem import Problem
from bpcompare.sweeps.sweep import sweep
from bpcompare.training.data_sums import sums
from bpcompare.training.train import train

SAMPLES, EPOCHS = 10**6, 100
SEEDS, RATES, SWEPT = 1000, 10_000, 10
ROWS = 10**8
METHODS = ("manual", "autograd", "adam")


def epochs(problem: Problem, method: str, device: torch.device) -> None:
    """Trains with everything recorded."""
    train(problem, method, epochs=EPOCHS, device=device)
    devices.synchronize(device)


def runs(problems: list[Problem], device: torch.device) -> None:
    """Every seed × every rate."""
    sweep(problems, torch.logspace(-3, 1, RATES, dtype=torch.float64), ["manual"], epochs=SWEPT, device=device)
    devices.synchronize(device)


def moments(x: torch.Tensor, y: torch.Tensor) -> None:
    """Means and second moments, which are remembered for a tensor and so are taken of another one each time."""
    sums(x.view_as(x), y)
    devices.synchronize(x.device)


def main(device: torch.device) -> None:
    """The rows of that device."""
    here = "the same on the CPU"
    problem = line(SAMPLES)
    for method in METHODS:
        ours, theirs = (partial(epochs, problem, method, place) for place in (device, devices.CPU))
        paired(f"epoch, everything recorded, 10⁶ samples, on {device}: {method}", here, ours, theirs, pairs=5, goal=1)
    problems = [line(seed=seed) for seed in range(SEEDS)]
    ours, theirs = (partial(runs, problems, place) for place in (device, devices.CPU))
    paired(f"sweep, 10⁷ runs × {SWEPT}, on {device}", here, ours, theirs, pairs=3, goal=1)
    x, y = torch.rand(ROWS, 1), torch.rand(ROWS, 1)
    ours, theirs = (partial(moments, x.to(place), y.to(place)) for place in (device, devices.CPU))
    paired(f"moments of 10⁸ samples, on {device}", here, ours, theirs, pairs=3, goal=1)


if __name__ == "__main__":
    if torch.cuda.is_available():
        main(devices.chosen("cuda"))
    else:
        absent(
            "epoch, sweep of 10⁷ runs and moments of 10⁸ samples on a GPU", "no device: there is no CUDA device here"
        )

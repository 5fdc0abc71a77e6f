"""A run-epoch of a sweep against one of the plain loop, and the memory of a hundred thousand runs.

A sweep takes its gradients from the moments of the data, so that a run-epoch costs the same for a hundred rows as for
a million; the plain loop goes through the rows at every epoch.
"""

import copy
import resource
from functools import partial

import plain
import torch
from ratio import seconds

from bpcompare.problem.problem import line
from bpcompare.sweeps.sweep import sweep

EPOCHS = 50
PAIRS = 11


def rates(count: int) -> torch.Tensor:
    """So many learning rates from 10⁻³ to 10."""
    return torch.logspace(-3, 1, count, dtype=torch.float64)


def all_at_once(method: str, seeds: int) -> float:
    """Seconds that a sweep of so many seeds × 200 rates takes, the moments of fresh data included."""
    problems = [line(seed=seed) for seed in range(seeds)]
    return seconds(partial(sweep, problems, rates(200), [method], epochs=EPOCHS))


if __name__ == "__main__":
    torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])  # the first one imports a second's worth of modules
    x, y, start = plain.data()
    all_at_once("manual", 50)
    for method, way in plain.WAYS.items():
        pairs = []
        for _ in range(PAIRS):
            ours = all_at_once(method, 50) / (10_000 * EPOCHS)
            theirs = seconds(partial(way, x, y, copy.deepcopy(start), 2_000)) / 2_000
            pairs.append((theirs / ours, ours, theirs))
        ratio, ours, theirs = sorted(pairs)[PAIRS // 2]
        print(
            f"{method}: 10,000 runs × {EPOCHS} epochs at {1e9 * ours:.0f} ns per run-epoch, the plain loop at "
            f"{1e9 * theirs:,.0f} ns: {ratio:,.0f} × as fast (from {min(pairs)[0]:,.0f} to {max(pairs)[0]:,.0f}, "
            f"{PAIRS} pairs)  claim ≥ 1,000: {'holds' if ratio >= 1000 else 'MISSED'}"
        )
    took = all_at_once("adam", 500)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"100,000 runs × {EPOCHS} epochs: {took:.2f} s, {peak:.2f} GB in all; claim < 2 GB")

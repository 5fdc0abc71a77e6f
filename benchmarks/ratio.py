"""Two things measured in turn, and the ratio of each pair."""

import statistics
import time
from collections.abc import Callable

Task = Callable[[], object]


def seconds(task: Task) -> float:
    """How long ``task`` takes."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def paired(name: str, ours: Task, theirs: Task, *, pairs: int = 15, claim: float) -> float:
    """Prints and returns the median of ours/theirs over so many pairs, after one round that does not count."""
    ours(), theirs()
    times = [(seconds(ours), seconds(theirs)) for _ in range(pairs)]
    ratios = sorted(a / b for a, b in times)
    median = statistics.median(ratios)
    print(
        f"{name:<44} {median:6.3f} × (from {ratios[0]:.3f} to {ratios[-1]:.3f}, {pairs} pairs; "
        f"{statistics.median(a for a, _ in times):.4g} s against {statistics.median(b for _, b in times):.4g} s)  "
        f"claim ≤ {claim:g}: {'holds' if median <= claim else 'MISSED'}",
        flush=True,
    )
    return median

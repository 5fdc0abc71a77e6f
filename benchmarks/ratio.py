"""Two things measured in turn, and a row of the table of results for the ratio of their times."""

import gc
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import NamedTuple

Task = Callable[[], object]

# As Python comes it keeps the bytecode of what it imports; where it is told not to, it would compile at every start.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Seconds(NamedTuple):
    """How long something took, by the clock and as processor time, that of the processes it started included."""

    wall: float
    cpu: float


def _now() -> Seconds:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Seconds(time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in usages))


def seconds(task: Task) -> Seconds:
    """How long ``task`` takes, or what it says of that itself."""
    began = _now()
    found = task()
    ended = _now()
    return found if isinstance(found, Seconds) else Seconds(ended.wall - began.wall, ended.cpu - began.cpu)


@contextmanager
def apart(task: Task) -> Iterator[Task]:
    """The same task in a process of its own, which measures it: what another leaves in memory does not help it."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        yield lambda: process.submit(seconds, task).result()


def python(*arguments: str, code: int = 0) -> Task:
    """A task that runs Python with these arguments, its output thrown away, and expects this exit code."""

    def run() -> None:
        thrown = subprocess.DEVNULL
        found = subprocess.run([sys.executable, *arguments], stdout=thrown, stderr=thrown, env=ENVIRONMENT).returncode
        if found != code:
            raise RuntimeError(f"{' '.join(arguments)} ended with exit code {found}, not {code}")

    return run


def paired(what: str, against: str, ours: Task, theirs: Task, *, pairs: int = 15, goal: float) -> None:
    """Prints the row for the median of ours/theirs over so many pairs, after one round that does not count.

    Each begins every other pair: the first finds the caches as the garbage collection left them.
    """
    ours(), theirs()
    both = []
    for i in range(pairs):
        gc.collect()  # what one of them leaves is not the other's to clear
        times = {task: seconds(task) for task in ((theirs, ours) if i % 2 else (ours, theirs))}
        both.append((times[ours], times[theirs]))
    ratios = [a.wall / b.wall for a, b in both]
    cpu = statistics.median(a.cpu / b.cpu for a, b in both)
    medians = " against ".join(_time(statistics.median(one.wall for one in side)) for side in zip(*both, strict=True))
    found = f"**{statistics.median(ratios):.3g}**, from {min(ratios):.3g} to {max(ratios):.3g} in {pairs} pairs"
    row(
        what,
        against,
        f"{found}; {medians}; processor time {cpu:.3g}",
        f"≤ {goal:.3g}",
        statistics.median(ratios) <= goal,
    )


def alone(what: str, task: Task, *, goal: float, runs: int = 3, cpu: bool = False) -> None:
    """Prints the row for the median seconds of ``task``; as processor time if the goal is one."""
    times = [seconds(task) for _ in range(runs)]
    wall, processor = ([one[i] for one in times] for i in range(2))
    judged = processor if cpu else wall
    median = statistics.median(judged)
    spread = f", from {min(judged):.3g} to {max(judged):.3g} in {runs} runs" if runs > 1 else ""
    other = "" if cpu else f"; processor time {statistics.median(processor):.3g} s"
    row(what, "–", f"**{median:.3g} s**{spread}{other}", f"≤ {goal:g} s", median <= goal)


def peak(what: str, task: Task, *, goal: float) -> None:
    """Prints the row for the largest memory that a process of its own takes, in GB, PyTorch included."""
    task()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2  # of the largest one so far
    row(what, "–", f"**{most:.2f} GB** in the whole process", f"< {goal:g} GB", most < goal)


def absent(what: str, why: str) -> None:
    """Prints the row for what cannot be measured here."""
    print(f"| {what} | – | {why} | – | – |", flush=True)


def row(*cells: str | bool) -> None:
    """Prints a row of the table: what, against, measured, goal, and whether it is met."""
    *texts, met = cells
    print("|", " | ".join(map(str, [*texts, "yes" if met else "**no**"])), "|", flush=True)


def _time(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"

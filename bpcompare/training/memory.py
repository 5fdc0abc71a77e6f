"""Whether what is recorded in training will fit into memory, asked before training begins."""

import contextlib
import os
from pathlib import Path

from bpcompare.errors import InputError
from bpcompare.training.settings import TrainingSettings

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # what a container may use, where there is one
NUMBER = 32  # bytes of a recorded number: in Python, in PyTorch, and once more in the user's units


def check_memory(settings: TrainingSettings, methods: int, numbers_per_state: int) -> None:
    """Refuses more epochs than can be recorded, with the estimate.

    Args:
        settings: How long.
        methods: By how many methods.
        numbers_per_state: How many numbers are recorded of each state.

    Raises:
        InputError: The memory of this machine is too small.

    Example:
        >>> check_memory(TrainingSettings(epochs=10**15), methods=1, numbers_per_state=5)
        Traceback (most recent call last):
            ...
        bpcompare.errors.InputError: 1,000,000,000,000,000 epochs need about 160,000,000 GB to record, and ...
    """
    needed = settings.epochs * methods * numbers_per_state * NUMBER
    if needed > (available := memory()):
        raise InputError(
            f"{settings.epochs:,} epochs need about {needed / 1e9:,.0f} GB to record, and this machine has "
            f"{available / 1e9:,.0f} GB; ask for at most {int(settings.epochs * available / needed / 2):,}"
        )


def memory() -> float:
    """Bytes that this process may use at most, infinite where the system does not tell."""
    limits = [float("inf")]
    if hasattr(os, "sysconf"):
        limits.append(float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
        limits.append(float(CGROUP_LIMIT.read_text()))
    return min(limits)

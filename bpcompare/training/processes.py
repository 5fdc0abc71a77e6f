"""Several processes at one task, as `torchrun` starts them: who has which rows, sums over all, and lost processes."""

import contextlib
import datetime
import re
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import torch.distributed as dist
from torch import Tensor

from bpcompare.errors import BpcompareError, WorkerError
from bpcompare.language import _
from bpcompare.training.process_environment import CONNECT, place
from bpcompare.training.rendezvous import start_group

AFTER_LOADING = 3.0  # seconds at least that the others get when this process is ready
SILENCE = 120.0  # seconds that a process may take over its part of the work

T = TypeVar("T")

_working: list[dist.ProcessGroup] = []  # the group that does the work, while there is one


@contextlib.contextmanager
def process_group(
    timeout: float = CONNECT, silence: float = SILENCE, init_method: str = "env://", *, since: float | None = None
) -> Iterator[bool]:
    """Within it this process is one of those that `torchrun` started, if it did; true for the first of them.

    Args:
        timeout: Seconds in which the processes must find each other.
        silence: Seconds after which a process that does not answer counts as lost.
        init_method: Where the processes meet, as `torch.distributed.init_process_group` takes it.
        since: When those seconds began, by `time.monotonic`; None for now.

    Raises:
        InputError: RANK, WORLD_SIZE, MASTER_ADDR or MASTER_PORT is missing or out of its range.
        WorkerError: The others do not come, or one is lost while they work.

    Example:
        >>> with process_group() as first:
        ...     first, count()
        (True, 1)
    """
    rank, world_size = place()
    if world_size == 1:
        yield True
        return
    gone = 0.0 if since is None else time.monotonic() - since
    wait = timeout if since is None else max(timeout - gone, AFTER_LOADING)
    fault = _(
        "the {processes} processes did not find each other within {timeout:g} s", processes=world_size, timeout=timeout
    )
    remedy = _("see MASTER_ADDR and MASTER_PORT, give more --timeout and start all processes again")
    try:
        with _watched(fault, remedy):
            start_group(rank, world_size, wait, init_method)
            _working.append(dist.new_group(timeout=datetime.timedelta(seconds=silence)))
        yield rank == 0
    finally:
        _working.clear()
        if dist.is_initialized():
            dist.destroy_process_group()


def count() -> int:
    """How many processes there are, at least this one."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_rows(rows: int) -> slice:
    """This process's part of so many rows: as even as can be, none left out, none twice.

    Example:
        >>> local_rows(7)
        slice(0, 7, None)
    """
    rank = dist.get_rank() if dist.is_initialized() else 0
    return slice(rank * rows // count(), (rank + 1) * rows // count())


def sum_over_processes(numbers: Tensor) -> Tensor:
    """The sum of ``numbers`` over all processes, the same bits for each.

    Raises:
        WorkerError: One is lost.
    """
    if count() > 1:
        with _watched():
            dist.all_reduce(numbers, group=_group())
    return numbers


def gather(part: T) -> list[T]:
    """What each process brings, in their order, for every one of them.

    Raises:
        WorkerError: One is lost.

    Example:
        >>> gather("all of it")
        ['all of it']
    """
    if count() == 1:
        return [part]
    parts: list[Any] = [None] * count()
    with _watched(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch 2.4 warns of its own torch.load
        dist.all_gather_object(parts, part, group=_group())
    return parts


def run_on_all(action: Callable[[], T]) -> T:
    """What ``action`` returns; if it fails in one process, all of them fail with the same error.

    Raises:
        BpcompareError: That of the first process that failed.

    Example:
        >>> run_on_all(lambda: 3)
        3
    """
    result, error = None, None
    try:
        result = action()
    except BpcompareError as failed:
        error = failed
    for failure in gather(error):
        if failure is not None:
            raise failure
    return cast(T, result)


def _group() -> dist.ProcessGroup | None:
    return _working[0] if _working else None


@contextlib.contextmanager
def _watched(fault: str = "", remedy: str = "") -> Iterator[None]:
    """A broken connection and a silence that lasts too long become a WorkerError."""
    fault = fault or _("a process of this distributed run is lost or does not answer")
    remedy = remedy or _("see what the others printed and start all processes again")
    try:
        yield
    except (RuntimeError, OSError) as error:
        reason = re.sub(r"^\[[^]]*\]\s*", "", str(error)).split(". ")[0].split("\n")[0][:120]  # without file and line
        raise WorkerError(_("{fault} ({reason}); {remedy}", fault=fault, reason=reason, remedy=remedy)) from error

"""Several processes at one task, as `torchrun` starts them: who has which share, sums over all, and lost ones."""

import contextlib
import datetime
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import torch.distributed as dist
from torch import Tensor

from bpcompare.errors import BpcompareError, WorkerError

PATIENCE = 120.0  # seconds that a silent worker is waited for

T = TypeVar("T")


@contextlib.contextmanager
def joined(patience: float = PATIENCE, meeting: str = "env://") -> Iterator[bool]:
    """Within it this process is one of the workers that `torchrun` started, if it did; true for the first of them.

    Args:
        patience: Seconds after which a worker that does not answer counts as lost.
        meeting: Where the workers find each other, an init_method of `torch.distributed`.

    Raises:
        WorkerError: The others do not come, or one is lost on the way.

    Example:
        >>> with joined() as first:
        ...     first, count()
        (True, 1)
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "RANK" not in os.environ:
        yield True
        return
    with _watched():
        dist.init_process_group(
            "gloo",
            init_method=meeting,
            rank=int(os.environ["RANK"]),
            world_size=int(os.environ["WORLD_SIZE"]),
            timeout=datetime.timedelta(seconds=patience),
        )
    try:
        yield dist.get_rank() == 0
    finally:
        dist.destroy_process_group()


def count() -> int:
    """How many workers there are, at least this one."""
    return dist.get_world_size() if dist.is_initialized() else 1


def share(rows: int) -> slice:
    """This worker's part of so many rows: as even as can be, none left out, none twice.

    Example:
        >>> share(7)
        slice(0, 7, None)
    """
    rank = dist.get_rank() if dist.is_initialized() else 0
    return slice(rank * rows // count(), (rank + 1) * rows // count())


def add(numbers: Tensor) -> Tensor:
    """The sum of ``numbers`` over all workers, the same bits for each.

    Raises:
        WorkerError: One is lost.
    """
    if count() > 1:
        with _watched():
            dist.all_reduce(numbers)
    return numbers


def gather(part: T) -> list[T]:
    """What each worker brings, in their order, for every one of them.

    Raises:
        WorkerError: One is lost.

    Example:
        >>> gather("all of it")
        ['all of it']
    """
    if count() == 1:
        return [part]
    parts: list[Any] = [None] * count()
    with _watched():
        dist.all_gather_object(parts, part)
    return parts


def together(action: Callable[[], T]) -> T:
    """What ``action`` returns; if it fails for one worker, all of them fail with the same error.

    Raises:
        BpcompareError: That of the first worker that failed.

    Example:
        >>> together(lambda: 3)
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


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    """A broken connection and a silence that lasts too long become a WorkerError."""
    try:
        yield
    except RuntimeError as error:
        reason = re.sub(r"^\[[^]]*\]\s*", "", str(error)).split(". ")[0].split("\n")[0][:120]  # without file and line
        raise WorkerError(
            f"a worker of this distributed run is lost or does not answer ({reason}); "
            "see what the others printed and start all workers again"
        ) from error

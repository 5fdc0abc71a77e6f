"""Ctrl-C, the end of a terminal and SIGTERM: the work is cleared up, one sentence says so."""

from __future__ import annotations

import contextlib
import os
import signal

from bpcompare.language import _

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Handler = Callable[[int, Any], Any] | int | None

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_written = False


def sentence() -> str:
    """What is said of an interruption: it depends on whether this run's files are in their places."""
    if _written:
        said = _("interrupted; the results of this run are written")
    else:
        said = _("interrupted; earlier results are as they were")
    return "bpcompare: " + said


def nothing_written() -> None:
    """Notes that a command begins: no file has been written yet."""
    global _written
    _written = False


class Interrupted(KeyboardInterrupt):
    """A signal that ends the program, as an exception: files are cleared up before the end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def interrupt(number: int, frame: object) -> None:
    """Clears up and ends; a second signal ends without that."""
    signal.signal(number, leave_at_once)
    raise Interrupted(number)


def leave_at_once(number: int, frame: object) -> None:
    """Ends where there is nothing to clear up, and where an exception could be lost: in code that loads a library."""
    with contextlib.suppress(OSError):
        os.write(2, f"\r{sentence()}\n".encode())
    os._exit(128 + number)


def handle_by(handler: Handler, instead_of: Handler | None = None) -> dict[int, Handler]:
    """Lets ``handler`` handle the signals that end a program, except those that this process ignores.

    Args:
        handler: What to do.
        instead_of: Only signals with this handler are handled so; None for all.

    Returns:
        What handled each of them before.
    """
    former = {number: signal.getsignal(number) for number in ENDING}
    changed = {n: old for n, old in former.items() if old != signal.SIG_IGN and instead_of in (None, old)}
    for number in changed:
        signal.signal(number, handler)
    return changed


@contextlib.contextmanager
def handled_by(handler: Handler, instead_of: Handler | None = None) -> Iterator[None]:
    """`handle_by` for a while."""
    changed = handle_by(handler, instead_of)
    try:
        yield
    finally:
        for number, former in changed.items():
            signal.signal(number, former)


@contextlib.contextmanager
def after_this() -> Iterator[None]:
    """Lets a signal wait while files take their places: it ends the program after that, but with all of them new."""
    global _written
    came: list[int] = []
    with handled_by(lambda number, _: came.append(number), instead_of=interrupt):
        yield
        _written = True
    if came:
        interrupt(came[0], None)

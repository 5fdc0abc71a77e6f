"""What is being done, on stderr, for one who waits at a terminal: what is loaded at once, a bar after a second."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time

from bpcompare.garbage import no_garbage_collection
from bpcompare.language import _, columns_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

WAIT = 1.0  # seconds before a bar appears


class Notice:
    """One line that says what is being done, gone when it is done; without escape codes."""

    def __init__(self, text: str) -> None:
        self.text = f"{text} …"

    def __enter__(self) -> Notice:
        sys.stderr.write(f"{self.text}\r")
        sys.stderr.flush()
        return self

    def __exit__(self, *exception: object) -> None:
        sys.stderr.write(" " * columns_of(self.text) + "\r")
        sys.stderr.flush()


def load_torch(*, quiet: bool = False) -> None:
    """Imports PyTorch, which takes a second, and says so."""
    if "torch" in sys.modules:
        return
    from contextlib import nullcontext

    from bpcompare.cli import compiler, signals

    notice = Notice(_("loading PyTorch")) if visible(quiet) else nullcontext()
    with signals.handled_by(signals.leave_at_once, instead_of=signals.interrupt), notice, no_garbage_collection():
        import torch

        gc.freeze()  # what PyTorch has loaded stays: no collection need go through it
    compiler.postpone(torch)


def visible(quiet: bool) -> bool:
    """Whether somebody can see what is written to stderr, and wants to."""
    return not quiet and sys.stderr.isatty()


class Progress:
    """Counts steps; the bar appears when the work has taken a second, and only where somebody can see it.

    Args:
        label: What is being done.
        total: How many steps there are; None where nobody knows.
        quiet: Whether the user asked for silence.
    """

    def __init__(self, label: str, total: float | None = None, *, quiet: bool = False) -> None:
        self.label, self.total, self.done = label, total, 0.0
        self.visible = visible(quiet)
        self.lock = threading.Lock()
        self.bar: Any = None
        self.next_look = 0.0

    def __enter__(self) -> Progress:
        if self.visible:  # a thread, for the first step may take all of the time
            self.timer = threading.Timer(WAIT, self._show)
            self.timer.daemon = True
            self.timer.start()
        return self

    def advance(self) -> None:
        """One more step is done."""
        self.reach(self.done + 1)

    def expect(self, steps: int) -> None:
        """So many steps more than was known."""
        self.total = steps + (self.total or 0)

    def reach(self, done: float) -> None:
        """So many steps are done."""
        self.done = done
        if self.bar is not None and time.monotonic() >= self.next_look:
            self.next_look = time.monotonic() + 0.1
            self.bar.update(0, completed=done, total=self.total)

    def _show(self) -> None:
        with self.lock:
            if not self.visible:  # it is done
                return
            if os.environ.get("TERM") == "dumb" or "NO_COLOR" in os.environ:  # neither may get escape codes
                self.bar = _PlainBar(self.label)
            else:
                from rich.console import Console
                from rich.progress import Progress as Bar

                self.bar = Bar(console=Console(stderr=True), transient=True, redirect_stdout=False)
                self.bar.add_task(self.label, total=self.total)
            self.bar.start()
            self.bar.update(0, completed=self.done, total=self.total)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.visible:
            return
        self.timer.cancel()
        with self.lock:
            self.visible = False
            if self.bar is not None:
                self.bar.stop()


class _PlainBar:
    """The part of `rich.progress.Progress` that is used here, in plain characters."""

    def __init__(self, label: str) -> None:
        self.label = label

    def start(self) -> None:
        """Nothing: the first update shows the line."""

    def update(self, task: int, completed: float, total: float | None) -> None:
        share = f" {min(completed / total, 1):4.0%}" if total else ""
        sys.stderr.write(f"{self.label} …{share}\r")
        sys.stderr.flush()

    def stop(self) -> None:
        sys.stderr.write(" " * (columns_of(self.label) + 8) + "\r")
        sys.stderr.flush()

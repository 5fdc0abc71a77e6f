"""A progress bar on stderr, for work that takes more than a second on a terminal."""

import sys
import time
from types import TracebackType
from typing import Any

PATIENCE = 1.0  # seconds


class Progress:
    """Counts steps; the bar appears when the work has taken a second, and only where somebody can see it.

    Args:
        label: What is being done.
        total: How many steps there are.
        quiet: Whether the user asked for silence.
    """

    def __init__(self, label: str, total: float, *, quiet: bool = False) -> None:
        self.label, self.total = label, total
        self.visible = not quiet and sys.stderr.isatty()
        self.done = 0.0
        self.next_look = time.monotonic() + PATIENCE
        self.bar: Any = None

    def __enter__(self) -> "Progress":
        return self

    def advance(self) -> None:
        """One more step is done."""
        self.reach(self.done + 1)

    def reach(self, done: float) -> None:
        """So many steps are done."""
        self.done = done
        if self.visible and time.monotonic() >= self.next_look:
            self._show()

    def _show(self) -> None:
        if self.bar is None:
            from rich.console import Console
            from rich.progress import Progress as Bar

            self.bar = Bar(console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task(self.label, total=self.total)
            self.bar.start()
        self.bar.update(self.task, completed=self.done)
        self.next_look = time.monotonic() + 0.1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

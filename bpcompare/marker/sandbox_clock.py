"""How long a child has worked, and how long it has slept."""

import time

from bpcompare.marker import sandbox_limits


class Clock:
    """Processor time since the last restart, and time on the wall since the beginning.

    Args:
        pid: Of the process.
        limit: Seconds of processor time between two restarts, and of sleep.
        whole: Seconds on the wall, restarts or not.
    """

    def __init__(self, pid: int, limit: float, whole: float) -> None:
        self._pid, self._limit = pid, limit
        self._end = time.monotonic() + whole
        self.restart()

    def restart(self) -> None:
        """What was spent until now does not count."""
        spent = sandbox_limits.cpu_seconds(self._pid)
        self._spent = spent[0] if spent else 0.0
        self._awake = (self._spent, time.monotonic())

    def over(self) -> str:
        """Why the time is over: took (too long) or waited (doing nothing); empty as long as there is time."""
        now, spent = time.monotonic(), sandbox_limits.cpu_seconds(self._pid)
        if spent is not None:
            if spent[0] - self._spent > self._limit:
                return "took"
            if spent[0] > self._awake[0] or not spent[1]:
                self._awake = (spent[0], now)
            if now - self._awake[1] > self._limit:
                return "waited"
        return "took" if now > self._end else ""

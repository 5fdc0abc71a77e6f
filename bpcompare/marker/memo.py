"""What one marking has worked out already, so that it is worked out once; it goes when the diagnosis is done."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from bpcompare.marker.calls import Call

Value = TypeVar("Value")


class Memo:
    """The results that the hypotheses of one marking share.

    Attributes:
        refuted: By call and answer, the guesses that this call alone refutes.

    Example:
        >>> memo = Memo()
        >>> memo.once("square", lambda: 3 * 3), memo.once("square", lambda: 4 * 4)
        (9, 9)
    """

    def __init__(self) -> None:
        self.refuted: dict[tuple[Call, str], set[Hashable]] = {}
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What ``make`` makes, worked out the first time that ``key`` is asked for."""
        if key not in self._made:
            self._made[key] = make()
        made: Value = self._made[key]
        return made

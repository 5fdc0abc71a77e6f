"""What one marking has worked out already, so that it is worked out once; it goes when the diagnosis is done."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from bpcompare.marker.calls import Call

Value = TypeVar("Value")


class Memo:
    """The results that the hypotheses of one marking share.

    Attributes:
        refuted: By call and answer, the guesses that this call alone refutes.

    Args:
        of_problems: What was worked out of the same problems before, whatever was answered; it is added to.

    Example:
        >>> memo = Memo()
        >>> memo.once("square", lambda: 3 * 3), memo.once("square", lambda: 4 * 4)
        (9, 9)
    """

    def __init__(self, of_problems: dict[Hashable, Any] | None = None) -> None:
        self.refuted: dict[tuple[Call, str], set[Hashable]] = {}
        self._made: dict[Hashable, Any] = {}
        self._of_problems: dict[Hashable, Any] = {} if of_problems is None else of_problems

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What ``make`` makes, worked out the first time that ``key`` is asked for."""
        return _once(self._made, key, make)

    def of_problem(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The same for what follows from a problem alone; ``key`` holds the problem, and nothing of an answer."""
        return _once(self._of_problems, key, make)


def _once(kept: dict[Hashable, Any], key: Hashable, make: Callable[[], Value]) -> Value:
    if key not in kept:
        kept[key] = make()
    made: Value = kept[key]
    return made

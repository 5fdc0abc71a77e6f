"""The lines of a CSV file without its comments."""

import bisect
from array import array
from collections.abc import Iterable, Iterator


class LinesWithoutComments:
    r"""The lines of a file without its comments, and the number that each has in the file.

    Example:
        >>> lines = LinesWithoutComments(["# by hand\n", "a,b\n", "# two\n", "1,2\n"], "#")
        >>> list(lines), lines.number_of(2)
        (['a,b\n', '1,2\n'], 4)
    """

    def __init__(self, lines: Iterable[str], comment: str) -> None:
        self.lines, self.comment = lines, comment
        self.kept = 0
        self.dropped = array("q")  # for each comment how many lines were kept before it

    def __iter__(self) -> Iterator[str]:
        in_quotes = False  # a quoted cell goes on over line ends
        for line in self.lines:
            if not in_quotes and line.lstrip().startswith(self.comment):
                self.dropped.append(self.kept)
                continue
            in_quotes ^= bool(line.count('"') & 1)
            self.kept += 1
            yield line

    def number_of(self, kept: int) -> int:
        """The number in the file of the line that is the ``kept``-th of those that are kept."""
        return kept + bisect.bisect_left(self.dropped, kept)

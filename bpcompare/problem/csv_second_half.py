"""The second half of a large table of plain numbers, converted by another process while this one converts the first.

A thread would not do: while simdjson reads, no other Python runs. The process writes the columns asked for into a file
without a name, and fails where not all is plain. It is a help only: without it this process reads on alone.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bpcompare.problem.csv_plain import plain_numbers
from bpcompare.workers import cores, start

BLOCK = 2**17  # bytes, and then rows, at a time
LEAST = 2**27  # bytes; on much less, another process saves less than its start takes
HEAD_START = 3 * 2**24  # bytes; about what this process converts while the other starts and writes


class SecondHalf(NamedTuple):
    """What another process reads: from a line's beginning at ``begin`` to the end of the file."""

    process: subprocess.Popen[bytes]
    file: IO[bytes]
    begin: int
    columns: int
    numbers: IO[bytes]

    def is_plain(self) -> bool:
        """Whether all of it has been converted; waits for that."""
        return self.process.wait() == 0

    def end(self) -> int:
        """The place in the file where its end was: the two processes share it."""
        return self.file.tell()

    def blocks(self) -> Iterator[NDArray[np.float64]]:
        """Its rows, (rows, columns), some at a time."""
        self.numbers.seek(0)
        while len(found := np.fromfile(self.numbers, count=BLOCK * self.columns)):
            yield found.reshape(-1, self.columns)


@contextmanager
def second_half(
    path: Path, place: int, delimiter: str, decimal: str, cells: int, places: Sequence[int]
) -> Iterator[SecondHalf | None]:
    """The process at work, ended at the latest with the ``with`` block; None where it would not pay, or cannot start.

    Args:
        path: The file.
        place: Where its first row begins.
        delimiter: The sign between cells.
        decimal: The sign before the decimals.
        cells: How many there are in a line.
        places: The columns asked for.
    """
    with ExitStack() as opened:
        half = None
        with suppress(OSError):
            half = _start(opened, path, place, [delimiter, decimal, cells, *places], len(places))
        yield half


def _start(opened: ExitStack, path: Path, place: int, options: Sequence[object], columns: int) -> SecondHalf | None:
    rest = path.stat().st_size - place
    if rest < LEAST or cores() < 2:
        return None
    file = opened.enter_context(path.open("rb", buffering=0))
    file.seek(place + (rest + HEAD_START) // 2)
    if not file.readline(BLOCK).endswith(b"\n"):
        return None
    begin = file.tell()
    numbers = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    process = start(__name__, *map(str, options), stdin=file, stdout=numbers)
    opened.callback(process.wait)
    opened.callback(process.kill)  # before that
    return SecondHalf(process, file, begin, columns, numbers)


def convert(file: BinaryIO, numbers: BinaryIO, delimiter: str, decimal: str, cells: str, *places: str) -> None:
    """What the process does; anything but plain numbers is an error, which ends it."""
    np.empty(2**21)  # freed at once: glibc keeps as much for the next arrays, which then need no new pages
    wanted = [*map(int, places)]
    while block := file.read(BLOCK) + (line := file.readline(BLOCK)):
        found = None if len(line) == BLOCK else plain_numbers(block, delimiter, decimal, int(cells))
        if found is None:
            sys.exit(1)
        numbers.write(np.stack([found[:, place] for place in wanted], 1).tobytes())


if __name__ == "__main__":
    convert(sys.stdin.buffer, sys.stdout.buffer, *sys.argv[1:])

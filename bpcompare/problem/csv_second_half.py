"""The second half of a large table of plain numbers, converted by another process while this one converts the first.

A thread would not do: while simdjson reads, no other Python runs. The other process begins at the end of the file
(`csv_backwards`), this one at the beginning, and where they meet depends on how much each of them was let work. Its
numbers go through a file without a name. It is a help only: without it this process reads on alone.
"""

import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bpcompare.problem import csv_backwards
from bpcompare.problem.csv_plain import SIZE
from bpcompare.workers import cores, start

OFTEN = 2**20  # bytes; between two looks at how far the other process is, which take as long as a tenth of a block
LEAST = 2**25  # bytes; on much less, another process saves less than its start takes
HEAD = 2 * SIZE  # before the numbers of a block


class Block(NamedTuple):
    """Some rows: where the first begins in the file of text, where its numbers in theirs, and how many there are."""

    begin: int
    offset: int
    rows: int


class SecondHalf:
    """What the other process has converted so far, back from ``end``, where the last whole line ends."""

    def __init__(self, numbers: IO[bytes], end: int, columns: int) -> None:
        self.numbers, self.end, self.columns = numbers, end, columns
        self.found = [Block(end, 0, 0)]
        self.size = 0  # of the numbers found
        self.next_look = 0

    def begin(self, place: int) -> int:
        """Where the first of its blocks begins that is not before ``place``; ``end`` if there is none yet."""
        if place >= self.next_look:
            self.next_look = place + OFTEN
            with suppress(OSError):
                self._look()
        return next(block.begin for block in reversed(self.found) if block.begin >= place)

    def _look(self) -> None:
        """Adds the blocks that are whole by now."""
        if os.fstat(self.numbers.fileno()).st_size == self.size:
            return
        written = self._written()
        while self.size + HEAD <= len(written):
            begin, rows = np.frombuffer(written, np.int64, 2, self.size).tolist()
            end = self.size + HEAD + rows * self.columns * SIZE
            if end > len(written):
                break
            self.found.append(Block(begin, self.size + HEAD, rows))
            self.size = end

    def _written(self) -> mmap.mmap:
        return mmap.mmap(self.numbers.fileno(), 0, access=mmap.ACCESS_READ)  # to seek would move the other process, too

    def blocks(self, place: int) -> Iterator[NDArray[np.float64]]:
        """The numbers from ``place`` on, (rows, columns), block by block in the order of the file."""
        written = self._written() if self.size else b""
        for begin, offset, rows in reversed(self.found):
            if begin >= place:
                yield np.frombuffer(written, np.float64, rows * self.columns, offset).reshape(rows, self.columns)


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
    size = path.stat().st_size
    if size - place < LEAST or cores() < 2:
        return None
    file = opened.enter_context(path.open("rb", buffering=0))
    tail = file.seek(max(size - csv_backwards.BLOCK, place))
    if not (whole := file.read(csv_backwards.BLOCK).rfind(b"\n") + 1):
        return None
    end = tail + whole
    numbers = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    process = start(csv_backwards.__name__, str(place), str(end), *map(str, options), stdin=file, stdout=numbers)
    opened.callback(process.wait)
    opened.callback(process.kill)  # before that
    return SecondHalf(numbers, end, columns)

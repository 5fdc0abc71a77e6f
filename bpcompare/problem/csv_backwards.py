"""Converts a table of plain numbers from its end backwards, in a process of its own; see `csv_second_half`.

It ends where something is not plain, or once it has come to the first row. It imports next to nothing, so that it is at
work after a twentieth of a second.
"""

import sys
from array import array
from typing import BinaryIO

from bpcompare.problem.csv_plain import SIZE, plain_numbers

BLOCK = 2**17  # bytes


def convert(
    file: BinaryIO, numbers: BinaryIO, begin: str, end: str, delimiter: str, decimal: str, cells: str, *places: str
) -> None:
    """Writes block after block: where it begins in the file, how many rows it has, and then row after row.

    Args:
        file: The table.
        numbers: Where to write, in the machine's order of bytes; 8 of them for each number.
        begin: Where the first row begins.
        end: Where the last row ends, its line end included.
        delimiter: The sign between cells.
        decimal: The sign before the decimals.
        cells: How many there are in a line.
        places: The columns asked for.
    """
    bytearray(2**24)  # freed at once: glibc keeps as much for the next blocks, which then need no new pages
    place, columns, wanted = int(end), int(cells), [*map(int, places)]
    while place - BLOCK > int(begin):
        file.seek(place - BLOCK)
        block = file.read(BLOCK)
        lines = block[block.find(b"\n") + 1 :]
        found = plain_numbers(lines, delimiter, decimal, columns)
        if found is None or len(block) < BLOCK:
            return
        place -= len(lines)
        head = array("q", [place, len(found) // (SIZE * columns)]).tobytes()
        numbers.write(head + (found if wanted == [*range(columns)] else chosen(found, columns, wanted)))
        numbers.flush()


def chosen(numbers: bytes, columns: int, wanted: list[int]) -> bytes:
    """Some columns of a table.

    Example:
        >>> array("d", chosen(array("d", [1, 2, 3, 4, 5, 6]).tobytes(), 3, [2, 0])).tolist()
        [3.0, 1.0, 6.0, 4.0]
    """
    table = array("d", numbers)
    found = array("d", bytes(len(numbers) // columns * len(wanted)))
    for place, column in enumerate(wanted):
        found[place :: len(wanted)] = table[column::columns]
    return found.tobytes()


if __name__ == "__main__":
    convert(sys.stdin.buffer, sys.stdout.buffer, *sys.argv[1:])

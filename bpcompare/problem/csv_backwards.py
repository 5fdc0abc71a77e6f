"""Converts a table of plain numbers from its end backwards, in a process of its own; see `csv_second_half`.

It ends where something is not plain, or once it has come to the first row. It imports next to nothing, so that it is at
work after a twentieth of a second.
"""

import sys
from array import array
from typing import BinaryIO

from bpcompare.problem.csv_plain import plain_numbers

BLOCK = 2**17  # bytes


def convert(
    file: BinaryIO, numbers: BinaryIO, begin: str, end: str, delimiter: str, decimal: str, cells: str, *places: str
) -> None:
    """Writes block after block: where it begins in the file, how many rows it has, and then column after column.

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
    place, columns = int(end), int(cells)
    while place - BLOCK > int(begin):
        file.seek(place - BLOCK)
        block = file.read(BLOCK)
        lines = block[block.find(b"\n") + 1 :]
        found = plain_numbers(lines, delimiter, decimal, columns)
        if found is None or len(block) < BLOCK:
            return
        place -= len(lines)
        table = array("d", found)
        numbers.write(array("q", [place, len(table) // columns]))
        for column in map(int, places):
            numbers.write(table[column::columns])
        numbers.flush()


if __name__ == "__main__":
    convert(sys.stdin.buffer, sys.stdout.buffer, *sys.argv[1:])

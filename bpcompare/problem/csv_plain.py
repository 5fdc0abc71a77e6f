"""A block of plain numbers, all its cells at once: exactly what ``float`` makes of each.

Between brackets and with commas for its line ends, such a block is an array in JSON, and simdjson reads those about
ten times as fast as Python makes its floats: with the instructions of a processor that look at 64 letters at a time,
and each number rounded correctly, as `float` rounds. Where it is not installed (it has no wheels for every Python),
`float` reads the cells. NumPy is not needed: a process that only reads would spend half of its time on importing it.

What is not as plain is left to the careful reader: quotes, text, and numbers that JSON writes in another way, such as
+1, .5 and 5.

Source: Langdale and Lemire (2019), Parsing Gigabytes of JSON per Second; Lemire (2021), Number Parsing at a Gigabyte
per Second.
"""

import math
import re
import sys
from array import array
from typing import Any

try:
    import simdjson
except ImportError:
    simdjson = None  # type: ignore[assignment, unused-ignore]

IN_NUMBERS = b"0123456789+-eE "  # and the sign before the decimals
SIZE = 8  # bytes of a float64
EXPONENT = SIZE - 1 if sys.byteorder == "little" else 0  # of them the one that is 0 in 0, and else in tiny numbers only
WHOLE_MINUS_ZERO = re.compile(rb"-0(?<![eE]-0)(?![.\deE])")  # the letters first: they are found fast


def plain_numbers(lines: bytes, delimiter: str, decimal: str, columns: int) -> bytes | None:
    r"""The numbers of some lines, row after row as float64 in bytes, or None where they are not all plain.

    Args:
        lines: Whole lines, in UTF-8.
        delimiter: The sign between cells.
        decimal: The sign before the decimals.
        columns: The number of cells in a line.

    Example:
        >>> array("d", plain_numbers(b"1.5,-2\n0.25,3e1\n", ",", ".", 2)).tolist()
        [1.5, -2.0, 0.25, 30.0]
        >>> plain_numbers(b"1.5,NA\n", ",", ".", 2) is None
        True
    """
    if delimiter == decimal:
        return None
    if b"\r" in lines:
        lines = lines.replace(b"\r\n", b"\n")
    if not lines.endswith(b"\n"):
        lines += b"\n"
    marks = lines.translate(None, IN_NUMBERS + decimal.encode())  # what no number holds
    if marks != (delimiter * (columns - 1) + "\n").encode() * (len(marks) // columns):
        return None
    if decimal != ".":
        lines = lines.replace(decimal.encode(), b".")
    if delimiter != ",":
        lines = lines.replace(delimiter.encode(), b",")
    try:
        return _numbers(lines.replace(b"\n", b","))
    except (ValueError, RuntimeError):  # RuntimeError: a whole number beyond 64 bits
        return None


def _numbers(cells: bytes) -> bytes:
    """The numbers before each comma.

    Raises:
        ValueError: One cannot be read here.
    """
    if simdjson is None:
        numbers = array("d", map(float, cells[:-1].split(b",")))
        if not all(map(math.isfinite, numbers)):  # 1e999
            raise ValueError
        return numbers.tobytes()
    parsed: Any = simdjson.Parser().parse(b"[%b0]" % cells)
    found = memoryview(parsed.as_buffer(of_type="d"))[:-SIZE].tobytes()  # without the 0 after the last comma
    if 0 in found[EXPONENT::SIZE] and WHOLE_MINUS_ZERO.search(cells):  # simdjson reads -0 as 0, float as -0.0
        raise ValueError
    return found

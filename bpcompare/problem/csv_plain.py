"""A block of plain numbers, all its cells at once: exactly what ``float`` makes of each.

Between brackets and with commas for its line ends, such a block is an array in JSON, and simdjson reads those about
ten times as fast as Python makes its floats: with the instructions of a processor that look at 64 letters at a time,
and each number rounded correctly, as `float` rounds. Where it is not installed (it has no wheels for every Python),
`float` reads the cells.

What is not as plain is left to the careful reader: quotes, text, and numbers that JSON writes in another way, such as
+1, .5 and 5.

Source: Langdale and Lemire (2019), Parsing Gigabytes of JSON per Second; Lemire (2021), Number Parsing at a Gigabyte
per Second.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import simdjson
except ImportError:
    simdjson = None  # type: ignore[assignment, unused-ignore]

IN_NUMBERS = b"0123456789+-eE "  # and the sign before the decimals
WHOLE_MINUS_ZERO = re.compile(rb"-0(?<![eE]-0)(?![.\deE])")  # the letters first: they are found fast


def plain_numbers(lines: bytes, delimiter: str, decimal: str, columns: int) -> NDArray[np.float64] | None:
    r"""The numbers of some lines, (rows, columns), or None where they are not all plain.

    Args:
        lines: Whole lines, in UTF-8.
        delimiter: The sign between cells.
        decimal: The sign before the decimals.
        columns: The number of cells in a line.

    Example:
        >>> plain_numbers(b"1.5,-2\n0.25,3e1\n", ",", ".", 2).tolist()
        [[1.5, -2.0], [0.25, 30.0]]
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
    rows = len(marks) // columns
    if marks != (delimiter * (columns - 1) + "\n").encode() * rows:
        return None
    if decimal != ".":
        lines = lines.replace(decimal.encode(), b".")
    if delimiter != ",":
        lines = lines.replace(delimiter.encode(), b",")
    try:
        return _numbers(lines[:-1].replace(b"\n", b",")).reshape(rows, columns)
    except (ValueError, RuntimeError):  # RuntimeError: a whole number beyond 64 bits
        return None


def _numbers(cells: bytes) -> NDArray[np.float64]:
    """The numbers between commas.

    Raises:
        ValueError: One cannot be read here.
    """
    if simdjson is None:
        numbers = np.array([*map(float, cells.split(b","))])
        if not np.isfinite(numbers).all():  # 1e999
            raise ValueError
        return numbers
    array: Any = simdjson.Parser().parse(b"[%b]" % cells)
    numbers = np.frombuffer(array.as_buffer(of_type="d"), np.float64)
    if not numbers.all() and WHOLE_MINUS_ZERO.search(cells):  # simdjson reads -0 as 0, float as -0.0
        raise ValueError
    return numbers

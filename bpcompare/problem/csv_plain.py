"""A block of plain numbers, all its cells at once: exactly what ``float`` makes of each, at the speed of arrays.

A cell such as -12.375 is two runs of digits, 12 and 375. Eight digits are eight bytes, one number of 64 bits, in which
three multiplications join them: neighbours, then pairs, then fours. The whole number 12375 < 2⁵³ and 10³ are exact in
float64, so that 12375/10³ is rounded once, and therefore correctly, as `float` rounds.

What is not as plain is left to the careful reader: quotes, blanks, exponents, more than eight digits in a run.

Source: Clinger (1990), How to Read Floating Point Numbers Accurately, the case of small numbers; Lemire (2021), Number
Parsing at a Gigabyte per Second, §6, eight digits at once.
"""

import numpy as np
from numpy.typing import NDArray

DIGITS = 8  # of a run at most
EXACT = 2**53
ZERO, MINUS, NEWLINE = b"0-\n"

Positions = NDArray[np.int64]
Words = NDArray[np.uint64]

_POWERS = 10 ** np.arange(DIGITS + 1, dtype=np.uint64)
_JOIN = [  # mask, factor, shift: 12|34|56|78 → 1234|5678 → 12345678
    tuple(map(np.uint64, numbers))
    for numbers in (
        (0x0F0F0F0F0F0F0F0F, 10 * 2**8 + 1, 8),
        (0x00FF00FF00FF00FF, 100 * 2**16 + 1, 16),
        (0x0000FFFF0000FFFF, 10_000 * 2**32 + 1, 32),
    )
]


def plain_numbers(block: str, delimiter: str, decimal: str, columns: int) -> NDArray[np.float64] | None:
    r"""The numbers of a block of lines, (rows, columns), or None where it is not all plain.

    Args:
        block: Whole lines.
        delimiter: The sign between cells.
        decimal: The sign before the decimals.
        columns: The number of cells in a line.

    Example:
        >>> plain_numbers("1.5,-2\n.25,30\n", ",", ".", 2).tolist()
        [[1.5, -2.0], [0.25, 30.0]]
        >>> plain_numbers("1.5,2e3\n", ",", ".", 2) is None
        True
    """
    if delimiter == decimal or not block.isascii():
        return None
    lines = (block.replace("\r\n", "\n") if "\r" in block else block).encode()
    padded = np.frombuffer(b"0" * DIGITS + lines + b"\n" * (lines[-1] != NEWLINE), np.uint8)
    text, point = padded[DIGITS:], ord(decimal)
    marks = np.flatnonzero((text == point) | (text == ord(delimiter)) | (text == NEWLINE))
    kinds = text[marks]
    is_end = kinds != point
    rows = np.count_nonzero(kinds == NEWLINE)
    if kinds[is_end].tobytes() != (delimiter * (columns - 1) + "\n").encode() * rows:
        return None
    numbers = _cells(padded, marks, is_end)
    return None if numbers is None else numbers.reshape(rows, columns)


def _cells(padded: NDArray[np.uint8], marks: Positions, is_end: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """The number of every cell, if each is digits with at most one point, and a minus before them or none.

    Args:
        padded: The block after `DIGITS` zeros.
        marks: Where the cells' points and ends are.
        is_end: Which of the marks are ends.
    """
    text, ends = padded[DIGITS:], marks[is_end]
    starts = np.concatenate([[0], ends[:-1] + 1])
    last_mark = np.flatnonzero(is_end) - 1  # the one before each end; before the first of all, the last, a line's end
    has_point = ~is_end[last_mark]
    minus = text[starts] == MINUS
    counted = len(marks) + np.count_nonzero(minus) + np.count_nonzero(text - ZERO < 10)  # below 0 wraps around
    if counted != len(text) or np.count_nonzero(has_point) != len(marks) - len(ends):
        return None
    points = np.where(has_point, marks[last_mark], ends)
    whole, decimals = points - starts - minus, ends - points - has_point
    if max(whole.max(), decimals.max()) > DIGITS or (whole + decimals).min() == 0:
        return None
    words: Words = np.ndarray(len(text) + 1, "<u8", padded, strides=(1,))  # the eight bytes before each position
    scale = _POWERS[decimals]
    mantissa = _joined(words[points], whole) * scale + _joined(words[ends], decimals)
    if mantissa.max() > EXACT:
        return None
    numbers: NDArray[np.float64] = mantissa.astype(np.float64) / scale.astype(np.float64)
    return np.negative(numbers, out=numbers, where=minus)


def _joined(words: Words, digits: Positions) -> Words:
    """The numbers that the last so many bytes of each word spell; those before them count as zeros."""
    others = (8 * (DIGITS - digits)).astype(np.uint64)  # bits
    words = words >> others << others
    for mask, factor, shift in _JOIN:
        words = (words & mask) * factor >> shift
    return words

"""Digits written above or below the line: the one table of superscripts and subscripts."""

from __future__ import annotations

SUPERSCRIPTS = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_UP, _DOWN = str.maketrans("-0123456789", SUPERSCRIPTS), str.maketrans("0123456789", SUBSCRIPTS)
_FROM_ABOVE, _FROM_BELOW = str.maketrans(SUPERSCRIPTS, "-0123456789"), str.maketrans(SUBSCRIPTS, "0123456789")


def superscript(number: int) -> str:
    """A whole number above the line.

    Example:
        >>> "10" + superscript(-9)
        '10⁻⁹'
    """
    return str(number).translate(_UP)


def subscript(number: int) -> str:
    """A whole number below the line.

    Example:
        >>> "v" + subscript(12)
        'v₁₂'
    """
    return str(number).translate(_DOWN)


def exponent(text: str) -> int | None:
    """The whole number that is written above the line; None where it is none.

    Example:
        >>> exponent("⁻¹²"), exponent("²⁻")
        (-12, None)
    """
    try:
        return int(text.translate(_FROM_ABOVE))
    except ValueError:
        return None


def on_the_line(name: str) -> str:
    """A name with the digits below the line put on it.

    Example:
        >>> on_the_line("v₁₂")
        'v12'
    """
    return name.translate(_FROM_BELOW)

"""The operations a ↦ aⁿ, one for each number n, next to those of the table."""

from __future__ import annotations

from functools import lru_cache

from bpcompare.graph.operation import Operation, Partial
from bpcompare.graph.scripts import superscript


@lru_cache(maxsize=256)
def to_the(exponent: float) -> Operation:
    """The operation a ↦ aⁿ for a number n, with the local derivative n·aⁿ⁻¹.

    Example:
        >>> to_the(2.0).text, to_the(2.0).partials[0].text
        ('$a²', '2·$a')
    """
    lower = exponent - 1
    factor = "−" if exponent == -1 else f"{_digits(exponent)}·".replace("-", "−")
    text, latex = factor + _power_text(lower), factor.replace("·", r" \cdot ").replace("−", "-") + _power_latex(lower)
    if exponent in (0, 1):
        text = latex = str(int(exponent))
    partial = Partial(lambda g, o, a: g * exponent * a**lower if exponent else g * 0 * o, text, latex)
    form = _power_text(exponent), _power_latex(exponent)
    return Operation("to_the", lambda a: a**exponent, *form, (partial,), exponent=exponent)


def _power_text(exponent: float) -> str:
    if exponent == 1:
        return "$a"
    if exponent == int(exponent):
        return "$a" + superscript(int(exponent))
    return f"$a^{_digits(exponent)}" if exponent > 0 else f"$a^(−{_digits(-exponent)})"


def _power_latex(exponent: float) -> str:
    return "$a" if exponent == 1 else f"$a^{{{_digits(exponent)}}}"


def _digits(number: float) -> str:
    """All digits, as few as tell the number apart from its neighbours."""
    return str(int(number)) if number.is_integer() else repr(number)

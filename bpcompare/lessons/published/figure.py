"""A published figure, the same one recomputed, and the verdict."""

import math
from dataclasses import dataclass

import numpy as np

from bpcompare.language import _

LAST_PLACES = 4  # a library's exp, or an addition in another order, may move the last bits so far
FULL = 15  # significant digits from which a printed number stands for one floating-point number


@dataclass(frozen=True)
class Figure:
    """One published figure.

    Attributes:
        source: The letter of its source.
        what: What it is.
        published: As printed.
        recomputed: As computed just now.
        difference: In units in the last place, or in the digits printed; "none" where there is none.
        verdict: "holds", "explained" (a difference that is understood) or "fails".
        why: The explanation of a difference.
    """

    source: str
    what: str
    published: str
    recomputed: str
    difference: str
    verdict: str
    why: str = ""


def number(source: str, what: str, published: str, value: float, *, single: bool = False, why: str = "") -> Figure:
    """A figure that is a number.

    It holds where it rounds to the decimals that were printed; a whole number is exact. One printed in full stands
    for a floating-point number: then it holds where it is that number, and is explained where it is up to 4 units in
    the last place away and the reason is given.

    Args:
        source: The letter of its source.
        what: What it is.
        published: As printed.
        value: As computed just now.
        single: Whether it was computed in float32.
        why: What moves the last bits, if anything does.

    Example:
        >>> number("B", "third", "0.3333", 1 / 3).verdict, number("B", "third", "0.3334", 1 / 3).verdict
        ('holds', 'fails')
    """
    printed = float(published)
    decimals = len(published.partition(".")[2])
    digits = len(published.lstrip("−-0.").replace(".", ""))
    if value == printed:
        return Figure(source, what, published, repr(value), _("none"), "holds")
    if not math.isfinite(value):
        return Figure(source, what, published, repr(value), _("not a number"), "fails")
    if digits < FULL:
        close = decimals > 0 and round(value, decimals) == printed
        difference = _("none in {n} decimals", n=decimals) if close else f"{value - printed:.2g}"
        return Figure(source, what, published, repr(value), difference, "holds" if close else "fails")
    places = abs(value - printed) / float(np.spacing(np.float32(abs(printed)) if single else abs(printed)))
    near = places <= LAST_PLACES and bool(why)
    difference = _("{n:.0f} units in the last place", n=places) if places < 1e6 else f"{value - printed:.2g}"
    return Figure(
        source, what, published, repr(value), difference, "explained" if near else "fails", why if near else ""
    )


def text(source: str, what: str, published: str, found: str) -> Figure:
    """A figure that is a shape, a name or a formula: it holds where it is the same.

    Example:
        >>> text("C", "chain", "∂a/∂b", "∂a/∂b").verdict
        'holds'
    """
    same = published == found
    return Figure(source, what, published, found, _("none") if same else _("another"), "holds" if same else "fails")


def zero(source: str, what: str, difference: float, scale: float, tolerance: float = 1e-12) -> Figure:
    """An equation of a source: the largest difference of its two sides, which may be rounding.

    Args:
        source: The letter of its source.
        what: The equation.
        difference: The largest difference of its sides.
        scale: The size of what is compared.
        tolerance: Relative; float64 sums of a few hundred products stay far below it.

    Example:
        >>> zero("E", "a = b", 1e-16, 1.0).verdict
        'holds'
    """
    holds = difference <= tolerance * scale
    apart = _("none")
    if difference:
        apart = _("{part:.1g} relative", part=difference / scale if scale else math.inf)
    sides = _("both sides equal"), _("apart by {difference:.2g}", difference=difference)
    return Figure(source, what, *sides, apart, "holds" if holds else "fails")

"""What is said of a change, put into words only where it is shown: thousands of changes are tried, few are told."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from bpcompare.language import _

SPECS = ("", "g", ".4g", ".6g")  # of the numbers in a phrase that comes from another process
LONGEST = 600  # characters of one text of such a phrase


@dataclass(frozen=True, slots=True)
class Phrase:
    """A message with what stands in it, in no language yet.

    Attributes:
        message: In English, marked by ``N_`` where it stands in the code.
        values: What is put in, by name: texts, numbers, phrases.
    """

    message: str
    values: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        """In the language in use."""
        return _(self.message, **{name: said(value) for name, value in self.values})

    def having(self, **values: Any) -> Phrase:
        """The same with more values."""
        return Phrase(self.message, (*self.values, *values.items()))


Words = str | Phrase


def phrase(message: str, **values: Any) -> Phrase:
    """A message and its values, which are put into words later.

    Example:
        >>> step = phrase("the step to {value}", value="δ")
        >>> str(phrase("in {step}, {number:g} is added", step=step, number=2.0))
        'in the step to δ, 2 is added'
    """
    return Phrase(message, tuple(values.items()))


def said(text: Any) -> Any:
    """A phrase in words; anything else as it is."""
    return str(text) if isinstance(text, Phrase) else text


def all_of(names: Sequence[str]) -> str:
    """Names in a row with "and" between them, in the language in use."""
    *some, last = names
    if not some:
        return last
    first = reduce(lambda some, other: _("{some} and {other}", some=some, other=other), some)
    return _("{one} and {other}", one=first, other=last)


def as_data(text: Any) -> Any:
    """A phrase as JSON holds it, for another process, which may speak another language."""
    if isinstance(text, Phrase):
        return {"message": text.message, "values": {name: as_data(value) for name, value in text.values}}
    return text


def from_data(told: Any, deepest: int = 32) -> Any:
    """The phrase that another process told, which nobody has to believe.

    Args:
        told: What ``as_data`` gives.
        deepest: How many phrases may stand in one another.

    Raises:
        ValueError: It is no phrase.
    """
    if isinstance(told, int | float):
        return told
    if not isinstance(told, Mapping):
        return _printable(str(told))
    if not deepest:
        raise ValueError("too deep")
    message = _printable(str(told["message"]))
    values = {str(name): from_data(value, deepest - 1) for name, value in told["values"].items()}
    for _text, name, spec, conversion in string.Formatter().parse(message):
        if name is not None and (name not in values or spec not in SPECS or conversion not in (None, "r")):
            raise ValueError(message)
    return phrase(message, **values)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:LONGEST]

"""What a column may be called: any text in any script, as long as it is one line that can be printed."""

import unicodedata
from collections.abc import Sequence

from bpcompare.errors import InputError
from bpcompare.language import _

QUOTED = 60  # characters of a file or a name that a message repeats
# Control characters, direction overrides and the like, lone surrogates, separators of lines and paragraphs.
REFUSED = ("Cc", "Cs", "Zl", "Zp")
DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def shown(text: str) -> str:
    r"""A text in quotation marks for a message: escaped, and cut where it is long.

    Example:
        >>> shown("a\nb"), len(shown("x" * 1000))
        ("'a\\nb'", 63)
    """
    return repr(text if len(text) <= QUOTED else text[:QUOTED] + "…")


def fault_of_name(name: str) -> str | None:
    r"""What is wrong with a column's name, as the end of a sentence; None for any text that is one printable line.

    Example:
        >>> fault_of_name("速度, km/h") is None
        True
        >>> fault_of_name("a\nb")
        "holds the control character '\\n'; rename the column"
    """
    if not name.strip():
        return _("is empty; give the column a name")
    for character in name:
        if steers(character):
            return _("holds the control character {character!r}; rename the column", character=character)
    return None


def steers(character: str) -> bool:
    r"""Whether it could steer a terminal, end a line, turn the direction of writing, or is no character at all.

    The last are U+FFFE and the like, which Unicode sets aside for programs, and XML, and so SVG, does not allow.

    Example:
        >>> steers("\x1b"), steers("\ufffe"), steers("é")
        (True, True, False)

    Source: The Unicode Standard 15, section 23.7.
    """
    none = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    return none or character in DIRECTION or unicodedata.category(character) in REFUSED


def check_names(option: str, names: Sequence[str], columns: int) -> tuple[str, ...]:
    """The names of some columns, one for each.

    Args:
        option: What the names were given as, for the message.
        names: The names.
        columns: The number of columns.

    Raises:
        InputError: Their number is wrong, one is no text or cannot be printed, or two are the same.

    Example:
        >>> check_names("x_names", ["速度"], 1)
        ('速度',)
    """
    if isinstance(names, str) or len(names) != columns:
        raise InputError(
            _(
                "{option} must be one name for each of {columns} columns; got {names}",
                option=option,
                columns=columns,
                names=shown(str(names)),
            )
        )
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise InputError(_("{option} must be texts; got {name}", option=option, name=shown(repr(name))))
        if fault := fault_of_name(name):
            raise InputError(_("{option}: the name {name} {fault}", option=option, name=shown(name), fault=fault))
        if name in names[:place]:
            raise InputError(
                _("{option} must be different from each other; {name} is there twice", option=option, name=shown(name))
            )
    return tuple(names)

"""The language of what people read: English stands in the code, other languages in message catalogues of gettext.

A whole sentence is one message; what varies stands in it by name: ``_("no column {name!r}; choose from {known}",
name=name, known=known)``. Names of commands, options and JSON keys, code, formulas and numbers are never translated.
Files of data, JSON and CSV, hold English in every language: their writers ask for it by ``english``.
"""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from gettext import NullTranslations
    from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}
DOMAIN = "bpcompare"
CATALOGUES = {"zh": "zh_CN"}
FOLDER = os.path.join(os.path.dirname(__file__), "locale")  # noqa: PTH118, PTH120 - pathlib takes ten times as long

_catalogue: NullTranslations | None = None  # none: English, which costs nothing


class Message(str):
    """A text in the reader's language that still knows its English, for files of data."""

    english: str

    def __str__(self) -> str:
        return self  # str(error) is the message with its English, and not a copy of its letters


def set_language(language: str) -> None:
    """From now on, tables, sentences, errors and pages are in this language.

    Args:
        language: ``en`` for English or ``zh`` for Chinese.

    Raises:
        ValueError: There is no such language.

    Example:
        >>> set_language("zh")
        >>> _("training")
        '训练'
        >>> set_language("en")
        >>> _("training")
        'training'
    """
    global _catalogue
    if language not in LANGUAGES:
        raise ValueError(_("there is no language {language!r}; choose en or zh", language=language))
    _catalogue = None
    if language in CATALOGUES:
        import gettext

        _catalogue = gettext.translation(DOMAIN, FOLDER, [CATALOGUES[language]])
        gettext.bindtextdomain(DOMAIN, FOLDER)
        gettext.textdomain(DOMAIN)  # argparse asks for its own few words there
        os.environ["LANGUAGE"] = CATALOGUES[language]  # and so do the processes that this one starts
    elif of_environment() != language:
        os.environ["LANGUAGE"] = language


@contextlib.contextmanager
def spoken(wanted: str) -> Iterator[None]:
    """`set_language` for a while; afterwards the language and the environment are as they were.

    Example:
        >>> with spoken("zh"):
        ...     _("training")
        '训练'
        >>> _("training")
        'training'
    """
    former, asked = language(), os.environ.get("LANGUAGE")
    set_language(wanted)
    try:
        yield
    finally:
        set_language(former)
        os.environ.pop("LANGUAGE", None)
        if asked is not None:
            os.environ["LANGUAGE"] = asked


def language() -> str:
    """The language in use: ``en`` or ``zh``."""
    return "en" if _catalogue is None else "zh"


@contextlib.contextmanager
def in_english() -> Iterator[None]:
    """Within it everything is said in English, such as in a picture for which no font has other letters."""
    global _catalogue
    kept, _catalogue = _catalogue, None
    try:
        yield
    finally:
        _catalogue = kept


def of_environment() -> str:
    """The language that the environment asks for; English where nothing says otherwise.

    The first of ``LANGUAGE``, which is a list, ``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` that is set decides, as in
    gettext; it may name no language of ours, such as ``C``, ``POSIX`` or ``fr_FR.UTF-8``.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict(os.environ, {"LC_ALL": "zh_CN.UTF-8", "LANG": "en_GB.UTF-8", "LANGUAGE": ""}):
        ...     of_environment()
        'zh'
    """
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if wanted := os.environ.get(variable):
            names = (name.partition(".")[0].partition("@")[0].partition("_")[0].lower() for name in wanted.split(":"))
            return next((name for name in names if name in LANGUAGES), "en")
    return "en"


def _(message: str, /, **values: Any) -> str:
    """``message`` in the language in use, with ``values`` put in by name."""
    if _catalogue is None:
        return message.format(**values) if values else message
    translated = _catalogue.gettext(message) if message else message
    return _message(translated, message, values)


def ngettext(one: str, many: str, n: int, /, **values: Any) -> str:
    """``one`` where n is 1 and ``many`` elsewhere, in the language in use, with ``n`` and ``values`` put in by name."""
    plain, values = one if n == 1 else many, {"n": n, **values}
    return plain.format(**values) if _catalogue is None else _message(_catalogue.ngettext(one, many, n), plain, values)


def N_(message: str) -> str:
    """``message`` as it stands, marked for the catalogue: a table's text, which ``_`` translates when it is shown."""
    return message


def listed(entries: Iterable[object], sign: str = N_(", ")) -> str:
    """The entries with a comma between them, in Chinese that of lists; or with another ``sign``.

    Example:
        >>> listed(["x", "y"]), listed(["x", "y"], N_(" and "))
        ('x, y', 'x and y')
    """
    parts = list(entries)
    return message(_(sign).join(map(str, parts)), sign.join(str(english(part)) for part in parts))


def message(shown: str, plain: str) -> Message:
    """A message that was put together by hand, as it is shown and as it is in English."""
    found = Message(shown)
    found.english = plain
    return found


def _message(translated: str, plain: str, values: dict[str, Any]) -> Message:
    if not values:
        return message(translated, plain)
    return message(translated.format(**values), plain.format(**{k: english(value) for k, value in values.items()}))


def english(data: Any) -> Any:
    """``data`` with every message in it in English, through lists, tuples and dictionaries.

    Example:
        >>> english({"says": ["right"], "seconds": 0.1})
        {'says': ['right'], 'seconds': 0.1}
    """
    if isinstance(data, Message):
        return data.english
    if isinstance(data, dict):
        return {key: english(value) for key, value in data.items()}
    if isinstance(data, list):
        return [english(entry) for entry in data]
    if isinstance(data, tuple):
        entries = [english(entry) for entry in data]
        return type(data)(*entries) if hasattr(data, "_fields") else tuple(entries)
    return data


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: a Chinese character two, a combining accent none.

    Example:
        >>> columns_of("weight"), columns_of("权重 w")
        (6, 6)
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in text)


def padded(text: str, width: int) -> str:
    """``text`` with blanks up to so many columns of a terminal.

    Example:
        >>> padded("权重", 6) + "|", padded("w", 6) + "|"
        ('权重  |', 'w     |')
    """
    return text + " " * (width - columns_of(text))

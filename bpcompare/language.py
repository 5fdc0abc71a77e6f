"""The language of what people read: English stands in the code, other languages in message catalogues of gettext.

A whole sentence is one message; what varies stands in it by name: ``_("no column {name!r}; choose from {known}",
name=name, known=known)``. Names of commands, options and JSON keys, code, formulas and numbers are never translated.
Files of data, JSON and CSV, hold English in every language: their writers ask for it by ``english``.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
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


def set_language(language: str) -> None:
    """From now on, tables, sentences, errors and pages are in this language.

    Args:
        language: ``en`` for English or ``zh`` for Chinese.

    Raises:
        ValueError: There is no such language.

    Example:
        >>> set_language("zh")
        >>> _("weight")
        '权重'
        >>> set_language("en")
        >>> _("weight")
        'weight'
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
    elif "LANGUAGE" in os.environ:
        os.environ["LANGUAGE"] = language


def language() -> str:
    """The language in use: ``en`` or ``zh``."""
    return "en" if _catalogue is None else "zh"


@contextmanager
def in_english() -> Iterator[None]:
    """Within it everything is said in English, such as in a picture for which no font has other letters."""
    global _catalogue
    kept, _catalogue = _catalogue, None
    try:
        yield
    finally:
        _catalogue = kept


def of_environment() -> str:
    """The language that the environment asks for, in gettext's order; English where nothing says otherwise.

    Example:
        >>> os.environ["LC_ALL"], os.environ["LANG"] = "zh_CN.UTF-8", "en_GB.UTF-8"
        >>> of_environment()
        'zh'
    """
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        for wanted in filter(None, os.environ.get(variable, "").split(":")):
            name = wanted.partition(".")[0].partition("@")[0].partition("_")[0].lower()
            if name in LANGUAGES:
                return name
        if os.environ.get(variable):
            return "en"
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


def _message(translated: str, plain: str, values: dict[str, Any]) -> Message:
    shown = Message(translated.format(**values) if values else translated)
    shown.english = plain.format(**{name: english(value) for name, value in values.items()}) if values else plain
    return shown


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
    if isinstance(data, list | tuple):
        return type(data)(map(english, data))
    return data

"""The fonts of pictures: matplotlib's own, and for letters that it lacks those of the system that have them.

Matplotlib is imported where a letter is looked for: a command that draws SVG alone does without it.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from bpcompare.language import _, in_english, language

OWN = "DejaVu Sans"  # comes with matplotlib
FALLBACK = (
    *("Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB"),
    *("Microsoft YaHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Noto Sans CJK JP", "Noto Sans CJK KR"),
    *("Hiragino Sans", "Yu Gothic", "Malgun Gothic", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Bengali"),
    *("Arial Unicode MS", "GNU Unifont", "Unifont"),
)
CHINESE = "梯度损失"  # what a font must have for labels in Chinese

LABELS = ""  # stands for them among the letters that were lacking

_lacking: dict[str, None] = {}  # a set in order


def families(text: str) -> list[str]:
    """DejaVu Sans, and where it lacks a letter of the text, what is installed of the fonts that may have it.

    Example:
        >>> families("∂loss/∂ŷ ⊙ 2")
        ['DejaVu Sans']
    """
    if all(c <= "~" or ord(c) in _glyphs(OWN) for c in text):
        return [OWN]
    installed = _installed()
    return [OWN, *(name for name in FALLBACK if name in installed)]


def missing(text: str) -> str:
    """The letters of a text that no font has.

    Example:
        >>> missing("∂loss/∂ŷ ⊙ 2")
        ''
    """
    known = [_glyphs(family) for family in families(text)]
    return "".join(dict.fromkeys(c for c in text if c > "~" and not any(ord(c) in glyphs for glyphs in known)))


@contextmanager
def of_labels(by_matplotlib: bool = True) -> Iterator[None]:
    """Within it the package's own labels are in the language in use, or in English where no font has its letters.

    Args:
        by_matplotlib: Whether it draws them; else whoever looks at the picture brings the font.
    """
    lacks = by_matplotlib and language() == "zh" and bool(missing(CHINESE))
    _lacking.update(dict.fromkeys([LABELS] if lacks else []))
    with in_english() if lacks else nullcontext():
        yield


def note_missing(text: str) -> bool:
    """Whether no font has some letter of a text, which is drawn now; `to_install` will say so."""
    letters = missing(text)
    _lacking.update(dict.fromkeys(letters))
    return bool(letters)


def to_install() -> str:
    """Which font to install, in one sentence, and nothing where none was lacking since the last call.

    Example:
        >>> to_install()
        ''
    """
    lacking, letters = bool(_lacking), "".join(_lacking)
    _lacking.clear()
    if not lacking:
        return ""
    if not letters:
        return _(
            "no installed font has Chinese letters, so pictures are labelled in English; install one, such as Noto "
            "Sans CJK"
        )
    return _(
        "no installed font has {letters} for PNG and PDF; install one, such as Noto Sans CJK, or use SVG, where they "
        "are right",
        letters=letters[:20],
    )


@functools.cache
def _glyphs(family: str) -> frozenset[int]:
    from matplotlib import font_manager

    return frozenset(font_manager.get_font(font_manager.findfont(family)).get_charmap())


def _installed() -> set[str]:
    """The names of the system's fonts; matplotlib's list may be older than a font that was installed since."""
    from matplotlib import font_manager

    names = set(font_manager.get_font_names())
    if names.isdisjoint(FALLBACK):
        _add_new_fonts()
        names = set(font_manager.get_font_names())
    return names


@functools.cache
def _add_new_fonts() -> None:
    from matplotlib import font_manager

    known = {str(font.fname) for font in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            font_manager.fontManager.addfont(path)
        except (OSError, RuntimeError):  # not a font that matplotlib can read
            continue

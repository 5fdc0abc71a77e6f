"""The pieces of an expression: numbers, names in any script, signs, and where each stands.

The signs in which a derivation is printed are read, too: · ⊙ ² ᵀ √ ½ x₁.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from dataclasses import dataclass

from bpcompare.errors import ExpressionError
from bpcompare.graph.scripts import SUBSCRIPTS, SUPERSCRIPTS, on_the_line
from bpcompare.language import N_, _, columns_of

SHOWN = 60  # letters of the expression around a place that is pointed at

_SIGNS = {"−": "-", "·": "*", "⊙": "*", "×": "*", "∗": "*", "÷": "/", "^": "**"}
_ON_A_KEYBOARD = {"–": "-", "—": "-", "≤": N_("max or min"), "∂": N_("the expression alone"), "≈": "="}
_NO_LETTERS = "·ᵀ"  # for Python they are
_KINDS = {
    "blank": r"[ \t\r]+|\#[^\n]*",
    "end": r"[;\n]",
    "number": r"(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?",
    "quote": r"""[bBfFrRuU]{0,2}(?P<mark>'''|\"{3}|'|").*?(?:(?P=mark)|$)""",
    "power": f"[{SUPERSCRIPTS}]+",
    "name": r"[A-Za-z_][A-Za-z0-9_]*+(?![^\x00-\x7f])",  # of other letters each is looked at
    "sign": r"\*\*=?|//=?|:=|->|[=!<>+\-*/@%^&|]=|<<|>>|[-+*/@=;,()|^%~&<>!?:.\[\]{}$`\\]",
}
_PIECE = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the expression: kind "number", "name", "sign" (as Python writes it), "power" (²), "quote" or "end"."""

    kind: str
    text: str
    at: int


def pointing(text: str, at: int, message: str) -> ExpressionError:
    """The error that says ``message``, with a note that has a caret under the place."""
    error = ExpressionError(message)
    start = max(0, at - SHOWN // 2)
    around = "".join(sign if sign.isprintable() else " " for sign in text[start : start + SHOWN])
    error.add_note(f"  {around}\n  {' ' * columns_of(around[: at - start])}^")
    return error


def check_name(name: object) -> str:
    """The name of a value as it stands in an expression.

    Raises:
        ExpressionError: It is no name, or it is another spelling of one.

    Example:
        >>> check_name("w₁")
        'w1'
    """
    read_as = on_the_line(name) if isinstance(name, str) else ""
    if not read_as.isidentifier():
        raise ExpressionError(_("a value needs a name such as x or w1; got {name!r:.40}", name=name))
    _check_spelling(read_as, read_as, 0)
    if keyword.iskeyword(read_as):
        raise ExpressionError(reserved(read_as))
    return read_as


def _check_spelling(text: str, name: str, at: int) -> None:
    """Python reads ﬁ as fi without a word, and two names could become one."""
    if (spelled := unicodedata.normalize("NFKC", name)) != name:
        raise pointing(
            text,
            at,
            _(
                "{name!a} is another spelling of {spelled!r}; write {spelled!r} itself",
                name=name[:20],
                spelled=spelled[:20],
            ),
        )


def reserved(word: str) -> str:
    """Why a word of Python's own cannot be a name."""
    return _("{word} is a word of Python's own and cannot be a name here; write another, such as λ", word=word)


def tokens(text: str) -> list[Token]:
    """The pieces of ``text``; an "end" closes every statement."""
    found: list[Token] = []
    depth = at = 0
    while at < len(text):
        token, length = _token(text, at)
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if token.kind != "blank" and (token.text != "\n" or depth <= 0):  # a line may end inside brackets
            found.append(token)
        at += length
    return [*found, Token("end", "", len(text))]


def _token(text: str, at: int) -> tuple[Token, int]:
    if piece := _PIECE.match(text, at):
        written = piece[0]
        return Token(piece.lastgroup or "", _SIGNS.get(written, written), at), len(written)
    character = text[at]
    if character.isidentifier() and character not in _NO_LETTERS:
        end = at + 1
        while end < len(text) and _continues_a_name(text[end]):
            end += 1
        name = on_the_line(text[at:end])
        _check_spelling(text, name, at)
        return Token("name", name, at), end - at
    if character in _SIGNS or character in "√½ᵀ":
        return Token("sign", _SIGNS.get(character, character), at), 1
    raise _no_such_character(text, at)


def _continues_a_name(character: str) -> bool:
    return character not in _NO_LETTERS and (character in SUBSCRIPTS or f"a{character}".isidentifier())


def _no_such_character(text: str, at: int) -> ExpressionError:
    character, no_name = text[at], _("no letter")
    plain = unicodedata.normalize("NFKC", character)
    written = _ON_A_KEYBOARD.get(character, plain if plain.isascii() and plain.isprintable() else "")
    called = f"{character!r} (U+{ord(character):04X} {unicodedata.name(character, '') or no_name})"
    message = N_("{character} cannot be in an expression; names have letters, digits and _")
    if written:
        message = N_("{character} cannot be in an expression; write {written}")
    return pointing(text, at, _(message, character=called, written=_(written)))

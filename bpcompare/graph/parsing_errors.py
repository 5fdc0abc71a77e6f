"""Why a token cannot stand where it does, and what to write instead."""

from __future__ import annotations

import keyword

from bpcompare.errors import ExpressionError
from bpcompare.graph.tokens import Token, pointing, reserved
from bpcompare.language import N_, _

_ALLOWED = N_("use numbers, names, + - * / ** @, brackets and functions")
_COMPARISON = N_("a comparison has no derivative; use max, min, relu or abs")
_INSTEAD = {
    "//": N_("// has no useful derivative; write /"),
    ".": N_("a dot after a name is not known here; write mean(x), not x.mean()"),
    "[": N_("[…] is not known here; give an array as a value, such as x=1,2,3"),
    ",": N_("a comma may only separate the arguments of a function; give an array as a value, such as x=1,2,3"),
    ":=": N_("a step gets its name in a statement of its own: z = x*w; r = z - y"),
    "=": N_("a statement gives one name to one step: z = x*w"),
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">="), _COMPARISON),
    **dict.fromkeys(("+=", "-=", "*=", "/=", "@=", "**=", "//="), N_("v += x is not known here; write v = v + x")),
    **dict.fromkeys(("if", "else"), N_("if … else is not known here; use max, min, relu or abs")),
    **dict.fromkeys(("True", "False", "None"), N_("only numbers and names can be computed with")),
}


def check_word(text: str, token: Token) -> None:
    """Refuses a word that is no name here.

    Raises:
        ExpressionError: Python keeps it for itself.
    """
    if token.text in _INSTEAD:
        raise refusal(text, token, _INSTEAD[token.text])
    if keyword.iskeyword(token.text):
        raise pointing(text, token.at, reserved(token.text))


def refusal(text: str, token: Token, instead: str) -> ExpressionError:
    """That ``token`` is not known here, and what to write instead."""
    written = " ".join(text[token.at : token.at + 40].split())
    message = _("{text!r} cannot be part of an expression: {instead}", text=written, instead=_(instead))
    return pointing(text, token.at, message)


def unexpected(text: str, before: Token, token: Token) -> ExpressionError:
    """Why ``token`` cannot stand after ``before``."""
    if token.kind == "end":
        message = N_('something is missing after {before!r}; write one such as "(x*w - y)**2"')
        return pointing(text, token.at, _(message, before=before.text[:20]))
    if token.kind == "quote":
        return refusal(text, token, N_("only numbers and names can be computed with, no text"))
    if token.kind == "name" and (token.text in _INSTEAD or keyword.iskeyword(token.text)):
        check_word(text, token)
    if token.kind in ("name", "number") or token.text in ("(", "√", "½"):
        left, right = before.text[:20], token.text[:20] + "…" * (token.text == "(")
        return pointing(
            text,
            token.at,
            _(
                "an operator is missing between {left!r} and {right!r}; did you mean {left}*{right}?",
                left=left,
                right=right,
            ),
        )
    if token.text in (")", "|") and before.kind == "sign" and before.text not in (")", "|"):
        message = N_("something is missing between {before!r} and {after!r}")
        return pointing(text, token.at, _(message, before=before.text, after=token.text))
    if token.text == ")":
        return pointing(text, token.at, _("this ) closes nothing; remove it, or add a ( before it"))
    return refusal(text, token, _INSTEAD.get(token.text, _ALLOWED))

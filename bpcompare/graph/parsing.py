"""Reads an expression: which characters, names and depth it may have. Python parses it; nothing of it is ever run."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
import warnings

from bpcompare.errors import ExpressionError

MAX_CHARACTERS = 20_000
MAX_DEPTH = 200  # of one statement; Python's own stack ends at a thousand

_ALLOWED = "use numbers, names, + - * / ** @, brackets and functions"
_EXAMPLE = 'write one such as "(x*w - y)**2"'
_GREEK_LIKE_LATIN = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"
_MARKS = "\u0302\u0303\u0304\u0307"  # hat, tilde, bar, dot: x̂ is no letter of its own
_ON_A_KEYBOARD = {"−": "-", "–": "-", "×": "*", "·": "*", "∗": "*", "÷": "/", "²": "**2", "³": "**3", "√": "sqrt(…)"}
_INSTEAD: dict[type[ast.AST], str] = {
    ast.BitXor: "^ is not a power here; write **",
    ast.FloorDiv: "// has no useful derivative; write /",
    ast.Attribute: "a dot after a name is not known here; write transpose(x) or mean(x), not x.T or x.mean()",
    ast.Subscript: "[…] after a name is not known here; give each number a name of its own",
    ast.List: "[…] is not known here; give an array as a value, such as x=1,2,3",
    ast.Tuple: "a comma may only part the arguments of a function; give an array as a value, such as x=1,2,3",
    ast.Compare: "a comparison has no derivative; use max, min, relu or abs",
    ast.IfExp: "if … else is not known here; use max, min, relu or abs",
    ast.AugAssign: "v += x is not known here; write v = v + x",
    ast.NamedExpr: "a step gets its name in a statement of its own: z = x*w; r = z - y",
    ast.Constant: "only numbers and names can be computed with, no text, truth values or imaginary numbers",
    ast.keyword: "arguments have no names here; write sin(x)",
    ast.Expr: "only the last step may go without a name; write z = x*w; r = z - y",
    ast.Assign: "a statement gives one name to one step: z = x*w",
}


def read(expression: str) -> list[ast.stmt]:
    """The statements of ``expression`` as Python's syntax trees, none of them run.

    Raises:
        ExpressionError: It is no text, has a character that no name has, or is too long, too deep or not an expression.

    Example:
        >>> [type(statement).__name__ for statement in read("z = x*w; z**2")]
        ['Assign', 'Expr']
    """
    if not isinstance(expression, str):
        raise ExpressionError(f"an expression must be text; got {type(expression).__name__}; put it in quotes")
    if len(expression) > MAX_CHARACTERS:
        raise ExpressionError(
            f"an expression may have {MAX_CHARACTERS:,} characters; this one has {len(expression):,}; make it shorter"
        )
    check_spelling(expression)
    statements = _parse("\n".join(line.strip() for line in expression.splitlines()))
    if not statements:
        raise ExpressionError(f"the expression is empty; {_EXAMPLE}")
    for statement in statements:
        _check_depth(statement)
    return statements


def check_spelling(text: str) -> None:
    """Refuses characters that are not on the list, and names that Python would read as other names.

    Raises:
        ExpressionError: Naming the character, and what to write instead.

    Example:
        >>> check_spelling("ŷ = σ*x1")
    """
    for character in text:
        if not (character.isascii() and (character.isprintable() or character in "\n\r\t")) and not _is_letter(
            character
        ):
            written = _ON_A_KEYBOARD.get(character)
            raise ExpressionError(
                f"{character!r} (U+{ord(character):04X} {unicodedata.name(character, 'no letter')}) cannot be in an "
                f"expression; {f'write {written}' if written else 'names have Latin or Greek letters, digits and _'}"
            )
    # Python itself would replace such letters without a word, and two names could become one.
    if (spelled := unicodedata.normalize("NFKC", text)) != text:
        position = next(i for i, (a, b) in enumerate(zip(text, spelled + " ", strict=False)) if a != b)
        raise ExpressionError(
            f"{text[position : position + 2]!a} is another spelling of {spelled[position : position + 1]!r}; "
            f"write {spelled[position : position + 1]!r} itself"
        )


def _is_letter(character: str) -> bool:
    """Latin (with accents) or Greek, and not to be mistaken for another letter that a name may have."""
    latin = "À" <= character <= "ž" and character.isalpha() and character not in "ıĸ"
    greek = "Α" <= character <= "ω" and character.isalpha() and character not in _GREEK_LIKE_LATIN
    return latin or greek or character in _MARKS


def _parse(text: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python comments on "1if"; the refusal below says enough
            return ast.parse(text).body
    except SyntaxError as error:
        raise _unreadable(error, text) from None
    except (RecursionError, MemoryError):
        raise _too_deep() from None
    except ValueError as error:
        raise ExpressionError(f"the expression cannot be read: {error!s:.60}; {_EXAMPLE}") from None


def _unreadable(error: SyntaxError, text: str) -> ExpressionError:
    if "nested" in error.msg:
        return _too_deep()
    if "digits" in error.msg:
        return ExpressionError("a number in the expression has thousands of digits; write it as 1e30")
    for word in re.findall(r"\w+", text):
        if keyword.iskeyword(word) and word not in ("True", "False", "None"):
            return ExpressionError(
                f"{word} is a word of Python's own and cannot be a name here; write another, such as λ"
            )
    reason = re.split(r" \(|[.;:] ", error.msg)[0]
    return ExpressionError(f"the expression cannot be read: {reason} {_where(error, text)}")


def _where(error: SyntaxError, text: str) -> str:
    lines = text.splitlines()
    line = lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else ""
    rest = line[max((error.offset or 1) - 1, 0) :]
    return f"at {rest[:20]!r}; mend it there" if rest else f"at the end; {_EXAMPLE}"


def _check_depth(statement: ast.stmt) -> None:
    level: list[ast.AST] = [statement]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> ExpressionError:
    return ExpressionError(
        f"the expression is nested more than {MAX_DEPTH} deep; give its parts names: z = x*w; r = z - y; r**2"
    )


def refusal(tree: ast.AST) -> ExpressionError:
    """The error that names a part which no expression may have, and what to write instead."""
    kinds = (type(getattr(tree, "op", tree)), type(tree))
    instead = next((_INSTEAD[kind] for kind in kinds if kind in _INSTEAD), _ALLOWED)
    written = " ".join(ast.unparse(tree).split())
    return ExpressionError(f"{written:.40} cannot be part of an expression: {instead}")

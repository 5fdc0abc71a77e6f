"""How names, numbers and formulas are written: as text and as LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from string import Template

import numpy as np

from bpcompare.graph.node import Node
from bpcompare.graph.operation import Array, Operation, Partial
from bpcompare.graph.scripts import on_the_line, subscript, superscript
from bpcompare.language import N_, _

DIGITS = 6  # in formulas; the tables and the JSON have all of them
SHORT = 9  # entries of an array that is written in full
_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
)
_GREEK_CAPITALS = (  # of the others TeX says that they are Latin letters
    *("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega"),
)
_ACCENTS = {
    **{"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u0307": r"\dot", "\u0308": r"\ddot"},
    **{"\u0300": r"\grave", "\u0301": r"\acute"},
}
_BRACKETS = (
    (re.compile(r"\((\([^()]*\))\)"), r"\1"),  # log((−1))
    (re.compile(r"\\left\((\\left\([^()]*\\right\))\\right\)"), r"\1"),
    (re.compile(r"^\((−[\d.]+)\)(?=[·/ ])"), r"\1"),  # (−2)·x
    (re.compile(r"^\\left\((-[\d.]+)\\right\)(?= )"), r"\1"),
)
# A number before a letter needs no dot: 2r. Before a word it does: 2·loss.
_NEEDLESS_DOT = re.compile(r"(?<![\w.])(\d+)(·| \\cdot )(?=[^\W\d_](?:_\{|[₀-₉]|(?!\w)))")


@cache
def _formula(text: str) -> tuple[Template, list[str]]:
    """A formula of the table, and the names in it that something is put in for."""
    return Template(text), Template(text).get_identifiers()


@dataclass(frozen=True)
class Notation:
    """The symbols of one notation, with which a derivation is written.

    Args:
        name: A node's name → how it is written.
        number: A value → how it is written, to six digits.
        column: Which formula of the operations table is used: text or latex.
        brackets: What goes around a negative number inside a formula.
        partial: A derivative, with {0} by {1}.
        times: Between the numbers of a product.
        entrywise: Between the arrays of a product, entry by entry.
        equal: Between sides that are equal.
        rounded: Before a number that was rounded.
        use: Which of several uses of a node is meant.
        in_words: Between the derivatives of a chain.
        total: Around what is added up over the copies of a number, and along which axis.
        along: That axis.
        keep_axis: That the axis stays, with length 1.
        dots: For terms that are left out.
    """

    name: Callable[[str], str]
    number: Callable[[Array], str]
    column: str
    brackets: str
    partial: str
    times: str
    entrywise: str
    equal: str
    rounded: str
    use: str
    in_words: str
    total: str
    along: str
    keep_axis: str
    dots: str

    def spoken(self) -> Notation:
        """The same with its few words in the language in use."""
        return replace(self, dots=_(self.dots))

    def derivative(self, node: Node, by: Node, use: int = 0) -> str:
        """∂node/∂by, of its ``use``-th use where it is used several times (0: it is not)."""
        written = self.partial.format(self.name(node.name), self.name(by.name))
        return written + (self.use.format(subscript(use) if self.column == "text" else use) if use else "")

    def formula(self, row: Operation | Partial, node: Node, gradient: str = "") -> str:
        """The formula of an operation or of one of its derivatives at ``node``, with names."""
        return _NEEDLESS_DOT.sub(r"\1", self.filled(row, node, self.symbol, gradient))

    def formula_with_names(self, row: Operation | Partial, node: Node, gradient: str = "") -> tuple[str, bool]:
        """The same, and whether no number of the expression is rounded in it."""
        exact = is_exact(*[p.value for p in node.parents if p.constant and not p.value.ndim])
        return self.formula(row, node, gradient), exact

    def formula_in_numbers(self, row: Operation | Partial, node: Node, gradient: str = "") -> tuple[str, bool]:
        """The same with the numbers put in, and whether none of them is rounded."""
        _, used = _formula(getattr(row, self.column))
        values = {"out": node.value, **dict(zip("abc", (p.value for p in node.parents), strict=False))}
        return self.filled(row, node, self.operand, gradient), is_exact(*[values[u] for u in used if u in values])

    def filled(self, row: Operation | Partial, node: Node, write: Callable[[Node], str], gradient: str = "") -> str:
        """The formula with each operand as ``write`` writes it."""
        formula, used = _formula(getattr(row, self.column))
        operands = {"out": node, **dict(zip("abc", node.parents, strict=False))}
        parts = {name: write(operands[name]) for name in used if name in operands}
        filled = formula.substitute(parts, n=node.parents[0].value.size, grad=gradient)
        for pattern, instead in _BRACKETS:
            filled = pattern.sub(instead, filled)
        return filled

    def symbol(self, node: Node) -> str:
        """A node's name; a number of the expression is its own name."""
        return self.operand(node) if node.constant and not node.value.ndim else self.name(node.name)

    def operand(self, node: Node) -> str:
        """A node's value as it stands inside a formula."""
        return self.bracketed(node.value)

    def bracketed(self, value: Array) -> str:
        """A value, in brackets where a sign or a power of ten would run into what stands around it."""
        written = self.number(value)
        return self.brackets.format(written) if re.match(r"[-−]|.*(·10|cdot)", written) else written

    def equation(self, left: str, *sides: tuple[str, bool]) -> str:
        """Left = side = side …, each side with whether it is exact; what follows a rounded side is rounded."""
        written, exact, last = left, True, left
        for side, is_exact in sides:
            exact = exact and is_exact
            if side != last:
                written += (self.equal if exact else self.rounded) + side
            last = side
        return written

    def value(self, value: Array) -> tuple[str, bool]:
        """A value as the last side of an equation."""
        return self.number(value), is_exact(value)


def is_exact(*values: Array) -> bool:
    """Whether every entry is written out in full, none rounded and none left out."""
    return all(
        value.size <= SHORT and all(float(_rounded(float(entry))) == entry for entry in np.ravel(value))
        for value in values
    )


def _rounded(value: float) -> str:
    """Six digits; of a whole number all of them."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e12 else f"{value:.{DIGITS}g}"


def plain_number(value: float) -> str:
    """A number to six digits, with a proper minus sign.

    Example:
        >>> plain_number(-0.402796525409167), plain_number(2e-9)
        ('−0.402797', '2·10⁻⁹')
    """
    digits, _, power = _rounded(value).replace("-", "−").partition("e")
    return digits + (f"·10{superscript(int(power.replace('−', '-')))}" if power else "")


def _latex_number(value: float) -> str:
    digits, _, power = _rounded(value).partition("e")
    return digits + (rf" \cdot 10^{{{int(power)}}}" if power else "")


def _array(value: Array, write: Callable[[float], str], dots: str, cross: str) -> str:
    """A short array in full; of a long one its shape, its first number and its last."""
    if value.ndim == 0:
        return write(float(value))
    if value.size <= SHORT:
        return "[" + ", ".join(_array(np.asarray(entry), write, dots, cross) for entry in value) + "]"
    first, last = write(float(value.flat[0])), write(float(value.flat[-1]))
    return f"[{first}, {dots}, {last}] ({cross.join(map(str, value.shape))})"


def latex_name(name: str) -> str:
    r"""A name in LaTeX: w1 → w_{1}, ŷ → \hat{y}, σ → \sigma, loss → \mathrm{loss}.

    Example:
        >>> latex_name("ŷ"), latex_name("w1"), latex_name("loss")
        ('\\hat{y}', 'w_{1}', '\\mathrm{loss}')
    """
    stem, digits = re.fullmatch(r"(.+?)_?(\d*)", on_the_line(name)).groups()  # type: ignore[union-attr]
    letters = _letters(stem)
    written = letters[0] if len(letters) == 1 else rf"\mathrm{{{''.join(letters)}}}"
    return written + (f"_{{{digits}}}" if digits else "")


def _letters(stem: str) -> list[str]:
    letters: list[str] = []
    for character in unicodedata.normalize("NFD", stem):
        if character in _ACCENTS and letters:
            letters[-1] = rf"{_ACCENTS[character]}{{{letters[-1]}}}"
        elif unicodedata.combining(character) and letters:
            letters[-1] = unicodedata.normalize("NFC", letters[-1] + character)
        else:
            letters.append(_letter(character))
    return letters


def _letter(character: str) -> str:
    if character == "_":
        return r"\_"
    words = unicodedata.name(character, "").split()
    if words[:1] == ["GREEK"]:
        word = "lambda" if words[-1] == "LAMDA" else words[-1].lower()
        if "SMALL" in words and word in _GREEK and "FINAL" not in words:
            return f"\\{word}"
        if "CAPITAL" in words and word in _GREEK_CAPITALS:
            return f"\\{word.capitalize()}"
    return character


TEXT = Notation(
    name=str,
    number=lambda value: _array(np.asarray(value), plain_number, "…", "×"),
    column="text",
    brackets="({})",
    partial="∂{0}/∂{1}",
    times=" · ",
    entrywise=" ⊙ ",
    equal=" = ",
    rounded=" ≈ ",
    use="|{}",
    in_words="*",
    total="sum({}{})",
    along=", axis={}",
    keep_axis=", keepdims=True",
    dots=N_("… ({} more)"),
)

LATEX = Notation(
    name=latex_name,
    number=lambda value: _array(np.asarray(value), _latex_number, r"\ldots", r" \times "),
    column="latex",
    brackets=r"\left({}\right)",
    partial=r"\frac{{\partial {0}}}{{\partial {1}}}",
    times=r" \cdot ",
    entrywise=r" \odot ",
    equal=" = ",
    rounded=r" \approx ",
    use=r"\vert_{{{}}}",
    in_words=r" \cdot ",
    total=r"\mathrm{{sum}}\left({}{}\right)",
    along=r",\ \mathrm{{axis}}={}",
    keep_axis=r",\ \mathrm{keepdims}",
    dots=N_(r"\ldots\ ({}\ \mathrm{{more}})"),
)

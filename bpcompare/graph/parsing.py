"""Reads an expression: from its `tokens` a tree of what is applied to what. Nothing of it is ever run.

Allowed are numbers, names in any script, + − * / ** @, brackets, calls, statements ``name = …``, and the signs in which
a derivation is printed: · ⊙ ² ᵀ √ |x| 2r x₁.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bpcompare.errors import ExpressionError
from bpcompare.graph.parsing_errors import check_word, refusal, unexpected
from bpcompare.graph.scripts import exponent
from bpcompare.graph.tokens import Token, pointing, tokens
from bpcompare.language import N_, _

MAX_CHARACTERS = 200_000
MAX_DEPTH = 150  # of brackets; Python's own stack ends at a thousand

_PRODUCT = 2
_BINARY = {"+": ("plus", 1), "-": ("minus", 1), "*": ("times", _PRODUCT), "/": ("divide", _PRODUCT)}
_BINARY |= {"@": ("matmul", _PRODUCT), "**": ("power", 4)}
_UNARY = 3


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the expression."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A name, and where it stands."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation of the table, applied to its arguments; ``function`` is what a call was written as, else empty."""

    operation: str
    arguments: tuple[Tree, ...]
    at: int
    function: str = ""


Tree: TypeAlias = Number | Name | Apply


@dataclass(frozen=True, slots=True)
class Statement:
    """A step and the name it is given; the last may go without."""

    tree: Tree
    name: str
    at: int


def read(expression: str) -> list[Statement]:
    """The statements of ``expression`` as trees, none of them run.

    Raises:
        ExpressionError: It is no text, has a character that no name has, or is too long, too deep or not an expression.

    Example:
        >>> [statement.name for statement in read("z = x*w; z²")]
        ['z', '']
    """
    if not isinstance(expression, str):
        raise ExpressionError(
            _("an expression must be text; got {kind}; put it in quotes", kind=type(expression).__name__)
        )
    if len(expression) > MAX_CHARACTERS:
        raise ExpressionError(
            _(
                "an expression may have {max_characters:,} characters; this one has {count:,}; make it shorter",
                max_characters=MAX_CHARACTERS,
                count=len(expression),
            )
        )
    statements = _Parser(expression, tokens(expression)).statements()
    if not statements:
        raise ExpressionError(_('the expression is empty; write one such as "(x*w - y)**2"'))
    for statement in statements[:-1]:
        if not statement.name:
            raise pointing(
                expression, statement.at, _("only the last step may go without a name; write z = x*w; r = z - y")
            )
    return statements


class _Parser:
    """Precedence climbing: a loop for what stands on one level, so that a long sum needs no deep stack."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self.text = text
        self.tokens = found
        self.place = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def takes(self, sign: str) -> bool:
        """Whether ``sign`` comes next; then it is passed."""
        is_next = self.next.text == sign
        self.place += is_next
        return is_next

    def statements(self) -> list[Statement]:
        found = []
        while self.place < len(self.tokens):
            if self.next.kind == "end":
                self.take()
                continue
            found.append(self.statement())
            if self.next.kind != "end":
                raise self.unexpected()
        return found

    def statement(self) -> Statement:
        first, name = self.next, ""
        if first.kind == "name" and self.tokens[self.place + 1].text == "=":
            name = first.text
            check_word(self.text, first)
            self.place += 2
        return Statement(self.expression(), name, first.at)

    def expression(self, level: int = 0) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise pointing(
                self.text,
                self.next.at,
                _(
                    "the expression is nested more than {most} deep; give its parts names: z = x*w; r = z - y; r**2",
                    most=MAX_DEPTH,
                ),
            )
        tree = self.postfix(self.operand())
        while self.next.text in _BINARY:
            operation, strength = _BINARY[self.next.text]
            if strength < level:
                break
            at = self.take().at
            right = self.expression(_UNARY if operation == "power" else strength + 1)
            tree = Apply(operation, (tree, right), at)
        self.depth -= 1
        return tree

    def operand(self) -> Tree:
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            check_word(self.text, token)
            return self.call(token) if self.takes("(") else Name(token.text, token.at)
        if token.text in ("-", "+"):
            tree = self.expression(_UNARY)
            return tree if token.text == "+" else Apply("negative", (tree,), token.at)
        if token.text == "(":
            tree = self.expression()
            self.close(")", token)
            return tree
        if token.text == "|":
            tree = self.expression()
            self.close("|", token)
            return Apply("abs", (tree,), token.at, "abs")
        if token.text == "√":
            return Apply("sqrt", (self.expression(_UNARY + 1),), token.at, "sqrt")
        if token.text == "½":
            return Number(0.5)
        self.place -= 1
        raise self.unexpected()

    def number(self, token: Token) -> Tree:
        value = Number(float(token.text))
        if self.next.kind != "name" or self.next.at != token.at + len(token.text):
            return value
        at = self.next.at  # 2r is 2·r
        before = self.tokens[self.place - 2]  # of the first the last, which is an end
        if before.text in ("/", "**", "@"):
            raise pointing(
                self.text,
                at,
                _(
                    "{text} after {sign} has two meanings; use brackets",
                    text=token.text + self.next.text,
                    sign=before.text,
                ),
            )
        return Apply("times", (value, self.expression(_UNARY)), at)

    def postfix(self, tree: Tree) -> Tree:
        """What stands behind an operand: ² and ᵀ."""
        while True:
            token = self.next
            if token.kind == "power":
                power = exponent(self.take().text)
                if power is None:
                    message = _("{power} is no power; write ** and a number", power=token.text)
                    raise pointing(self.text, token.at, message)
                tree = Apply("power", (tree, Number(power)), token.at)
            elif self.takes("ᵀ"):
                tree = Apply("transpose", (tree,), token.at, "transpose")
            elif token.text == "." and self.tokens[self.place + 1].text == "T":
                self.place += 2
                tree = Apply("transpose", (tree,), token.at, "transpose")
            else:
                return tree

    def call(self, function: Token) -> Tree:
        opening = self.tokens[self.place - 1]
        arguments: list[Tree] = []
        while not self.takes(")"):
            if self.next.kind == "name" and self.tokens[self.place + 1].text == "=":
                raise refusal(self.text, self.next, N_("arguments have no names here; write sin(x)"))
            arguments.append(self.expression())
            if self.next.text != ")" and not self.takes(","):
                self.close(")", opening)
        return Apply(function.text, tuple(arguments), function.at, function.text)

    def close(self, sign: str, opening: Token) -> None:
        if self.takes(sign):
            return
        if self.next.kind == "end":
            message = _("this {opening} is never closed; add a {sign}", opening=opening.text, sign=sign)
            raise pointing(self.text, opening.at, message)
        raise self.unexpected()

    def unexpected(self) -> ExpressionError:
        before = self.tokens[self.place - 1] if self.place else Token("end", "", 0)
        return unexpected(self.text, before, self.next)

"""Finds sentences in code that nobody can translate: English prose outside `_("…")`, by the syntax tree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

WRAPPERS = {"_", "N_", "ngettext"}
PROSE = re.compile(r"(?<![\w.\"'/<>=-])[A-Za-z]{2,}[,;:]? (?:[a-z] )?[A-Za-z]{2,}(?![\w/(=.]*[(=])")
"""Two words with a blank between them; `-m bpcompare` and `f(x) (y)` are code."""


def prose(text: str) -> bool:
    """Whether a text looks like English that a reader would read."""
    return bool(PROSE.search(text))


def texts(tree: ast.Module) -> Iterator[tuple[ast.expr, str]]:
    """Every text of a module that is neither wrapped nor for readers of the code."""
    yield from _texts(tree)


def _texts(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node, node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        yield node, "".join(map(str, parts))
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from _texts(part.value)
    else:
        for child in _children(node):
            yield from _texts(child)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What below a node may hold a text for readers."""
    if isinstance(node, ast.Assert | ast.Compare | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.Call) and _name(node.func) in WRAPPERS:
        yield from (keyword.value for keyword in node.keywords)
        return
    if isinstance(node, ast.Call) and _name(node.func) in CODE_CALLS:
        return
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        children = [child for child in (value if isinstance(value, list) else [value]) if isinstance(child, ast.AST)]
        if field == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            children = [child for child in children if not _is_bare_text(child)]
        yield from children


CODE_CALLS = {"compile", "search", "match", "fullmatch", "sub", "findall", "split", "removeprefix", "removesuffix", "startswith", "endswith", "TypeVar", "cast", "Literal"}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_bare_text(node: ast.AST) -> bool:
    """A docstring, of an attribute as well."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def unwrapped(source: str) -> list[tuple[int, str]]:
    """Line and text of every piece of prose in a module's code that no catalogue can translate."""
    return [(node.lineno, text) for node, text in texts(ast.parse(source)) if prose(text)]


if __name__ == "__main__":
    import sys
    for path in sorted(Path(sys.argv[1]).rglob("*.py")):
        for line, text in unwrapped(path.read_text()):
            print(f"{path}:{line}: {text[:110]!r}")

"""Finds sentences in code that nobody can translate: English prose outside `_("…")`, by the syntax tree."""

import ast
import functools
import re
from collections.abc import Iterator

WRAPPERS = {"_", "N_", "ngettext"}
PROSE = re.compile(r"(?<![\w.\"'/<>=-])[A-Za-z]{2,}[,;:]? (?:[a-z] )?[A-Za-z]{2,}(?![\w/(=.]*[(=])")
"""Two words with a blank between them; `-m bpcompare` and `f(x) (y)` are code."""


def prose(text: str) -> bool:
    """Whether a text looks like English that a reader would read."""
    return bool(PROSE.search(text))


def _texts(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Every text of a module that is neither wrapped nor for readers of the code."""
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
    if isinstance(node, ast.Call) and _name(node.func) in CODE_CALLS | PROGRAMMERS_ERRORS:
        return
    if isinstance(node, ast.keyword) and node.arg in PLACES:
        return
    if isinstance(node, ast.FunctionDef) and node.name == "__repr__":
        return  # for programmers, in English like Python's own
    for field in node._fields:
        value = getattr(node, field, None)
        if field in ("annotation", "returns", "slice") or not value:
            continue
        children = [child for child in (value if isinstance(value, list) else [value]) if isinstance(child, ast.AST)]
        if field == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            children = [child for child in children if not _is_bare_text(child)]
        yield from (child for child in children if not isinstance(child, WORDLESS))


WORDLESS = (ast.Name, ast.expr_context, ast.operator, ast.unaryop, ast.boolop)
"""Nodes without a text below them, which are half of all."""
CODE_CALLS = {"compile", "search", "match", "fullmatch", "sub", "findall", "split", "startswith"}
"""Calls whose texts are patterns."""
PROGRAMMERS_ERRORS = {"AttributeError", "AssertionError", "Untraceable"}
"""Raised where a caller is wrong, or caught again before anybody reads them."""
PLACES = {"loc", "xycoords", "textcoords", "fontname", "family"}
"""Arguments of matplotlib's own words."""
SHOWN = {"table", "set_title", "set_xlabel", "set_ylabel", "suptitle", "annotate", "add_argument_group"}
"""Calls that show every text that they get, of one word as well."""
LABELS = {"label", "title", "help", "description", "caption", "headings"}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_bare_text(node: ast.AST) -> bool:
    """A docstring, of an attribute as well."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


_parsed = functools.cache(ast.parse)


def _below(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node, as `ast.iter_child_nodes` gives them in twice the time."""
    found: list[ast.AST] = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += [child for child in value if isinstance(child, ast.AST)]
    return found


@functools.cache
def _nodes(source: str) -> list[ast.AST]:
    """Every node of a module, gone through once for all questions."""
    found: list[ast.AST] = [_parsed(source)]
    for node in found:
        found += _below(node)
    return found


def unwrapped(source: str) -> list[tuple[int, str]]:
    """Line and text of every piece of prose in a module's code that no catalogue can translate."""
    tree = _parsed(source)
    found = {(node.lineno, text) for node, text in _texts(tree) if prose(text)}
    return sorted(found | {(node.lineno, text) for node, text in _shown(source) if re.search(r"[a-z]{3}", text)})


def _shown(source: str) -> Iterator[tuple[ast.expr, str]]:
    """The texts that go where everything is shown: titles, headings, labels."""
    for node in _nodes(source):
        if isinstance(node, ast.Call):
            labels = [keyword.value for keyword in node.keywords if keyword.arg in LABELS]
            for value in [*(node.args if _name(node.func) in SHOWN else []), *labels]:
                keys = {id(key) for part in ast.walk(value) if isinstance(part, ast.Dict) for key in part.keys}
                yield from ((text, words) for text, words in _texts(value) if id(text) not in keys)


def said_at_import(source: str) -> list[int]:
    """Lines that translate while the module is loaded, when nobody has chosen a language yet."""
    return sorted(node.lineno for node in _at_import(_parsed(source)) if _translates(node))


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: everything but the bodies of its functions."""
    yield node
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    children = [node.args, *getattr(node, "decorator_list", [])] if function else _below(node)
    for child in children:
        yield from _at_import(child)


def shadowed(source: str) -> list[int]:
    """Lines at which a function that translates gives `_` to something else."""
    if not any(map(_binds, _nodes(source))):
        return []
    scopes = [node for node in _nodes(source) if isinstance(node, SCOPES)]
    binding = {scope: found for scope in scopes if (found := [node.lineno for node in _own(scope) if _binds(node)])}
    translating = [lines for scope, lines in binding.items() if any(map(_translates, ast.walk(scope)))]
    return sorted({line for lines in translating for line in lines})


COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (ast.FunctionDef, ast.Lambda, *COMPREHENSIONS)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the scopes within it."""
    for child in _below(scope):
        yield child
        if not isinstance(child, SCOPES):
            yield from _own(child)


def _translates(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _name(node.func) in ("_", "ngettext") and isinstance(node.func, ast.Name)


def _binds(node: ast.AST) -> bool:
    stored = isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store)
    return stored or (isinstance(node, ast.arg) and node.arg == "_")


def messages(source: str) -> set[str]:
    """The messages of a module by its syntax tree, those within f-strings as well, which Babel does not see."""
    calls = [node for node in _nodes(source) if isinstance(node, ast.Call) and node.args]
    calls = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in WRAPPERS]
    first = [call.args[: 2 if call.func.id == "ngettext" else 1] for call in calls]
    constants = [text for texts in first for text in texts if isinstance(text, ast.Constant)]
    return {str(text.value) for text in constants}

"""Where in the user's forward a step stands: file, line, the text of the expression, the variable that it is given."""

import ast
import linecache
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

import torch

OWN = str(Path(__file__).parent)
TORCH = str(Path(torch.__file__).parent)
DECOMPOSITIONS = str(Path(__file__).with_name("decompositions.py"))
Place = tuple[CodeType, int]  # a code object and the instruction in it


@dataclass(frozen=True)
class Source:
    """A piece of the user's source.

    Attributes:
        file: Its path.
        line: Line number, from 1.
        text: The expression, as it is written.
        name: The variable that the expression's value is given, or the empty text.
    """

    file: str
    line: int
    text: str
    name: str = ""

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}: {self.text}"


def stack(innermost: FrameType | None, outermost: CodeType) -> tuple[Place, ...]:
    """The instructions that led to a step, from ``outermost``'s callee inwards; the tracer's own frames left out."""
    places: list[Place] = []
    frame = innermost
    while frame is not None and frame.f_code is not outermost:
        file = frame.f_code.co_filename
        if not file.startswith(OWN) or file == DECOMPOSITIONS:
            places.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(reversed(places))


def user_source(places: tuple[Place, ...]) -> Source | None:
    """The innermost place that is neither PyTorch's nor ours."""
    for place in reversed(places):
        if not place[0].co_filename.startswith((TORCH, OWN, "<frozen")):
            return source(place)
    return None


def inner_source(places: tuple[Place, ...]) -> Source | None:
    """The place in the decomposition of a fused operation, or None for a step that the user wrote."""
    for place in reversed(places):
        if place[0].co_filename == DECOMPOSITIONS:
            return source(place)
        if not place[0].co_filename.startswith((TORCH, "<frozen")):
            return None
    return None


@cache
def source(place: Place) -> Source:
    """The expression of one instruction."""
    code, instruction = place
    positions = list(code.co_positions())[instruction // 2]
    first, last, begin, end = positions
    if first is None:
        return Source(code.co_filename, code.co_firstlineno, "")
    lines = linecache.getlines(code.co_filename)
    if last is None or begin is None or end is None or last > len(lines):
        return Source(code.co_filename, first, linecache.getline(code.co_filename, first).strip())
    text = _cut(lines, first, last, begin, end)
    return Source(code.co_filename, first, text, _names(code.co_filename).get((first, last, begin, end), ""))


def _cut(lines: list[str], first: int, last: int, begin: int, end: int) -> str:
    """The text between two positions; columns count bytes."""
    pieces = [line.rstrip("\n").encode() for line in lines[first - 1 : last]]
    pieces[-1] = pieces[-1][:end]
    pieces[0] = pieces[0][begin:]
    return " ".join(piece.decode().strip() for piece in pieces)


@cache
def _names(file: str) -> dict[tuple[int, int, int, int], str]:
    """The variable that each expression of a file is assigned to, by the position of the expression."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = node.value
            position = (value.lineno, value.end_lineno or 0, value.col_offset, value.end_col_offset or 0)
            found[position] = node.targets[0].id
    return found

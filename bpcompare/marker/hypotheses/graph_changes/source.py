"""Where in the user's forward a step stands: file, line, the text of the expression, the variable that it is given."""

import ast
import linecache
import os
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

import torch

OWN = str(Path(__file__).parent)
TORCH = str(Path(torch.__file__).parent)
DECOMPOSITIONS = str(Path(__file__).with_name("decompositions")) + os.sep
Place = tuple[CodeType, int, str]  # a code object, the instruction in it, and its file: equal code has equal objects


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
        if not file.startswith(OWN) or file.startswith(DECOMPOSITIONS):
            places.append((frame.f_code, frame.f_lasti, file))
        frame = frame.f_back
    return tuple(reversed(places))


class Sources:
    """Finds where the steps of one graph stand; each place is looked up once."""

    def __init__(self) -> None:
        self._found: dict[Place, Source] = {}

    def of_user(self, places: tuple[Place, ...]) -> Source | None:
        """The innermost place that is neither PyTorch's nor ours."""
        for place in reversed(places):
            if not place[2].startswith((TORCH, OWN, "<frozen")):
                return self._source(place)
        return None

    def of_decomposition(self, places: tuple[Place, ...]) -> Source | None:
        """The place in the decomposition of a fused operation, or None for a step that the user wrote."""
        for place in reversed(places):
            if place[2].startswith(DECOMPOSITIONS):
                return self._source(place)
            if not place[2].startswith((TORCH, "<frozen")):
                return None
        return None

    def _source(self, place: Place) -> Source:
        if place not in self._found:
            self._found[place] = self._read(place)
        return self._found[place]

    def _read(self, place: Place) -> Source:
        """The expression of one instruction."""
        code, instruction, file = place
        first, last, begin, end = next(islice(code.co_positions(), instruction // 2, None))
        if first is None:
            return Source(file, code.co_firstlineno, "")
        lines = linecache.getlines(file)
        if last is None or begin is None or end is None or last > len(lines):
            return Source(file, first, linecache.getline(file, first).strip())
        name = _names("".join(lines)).get((first, last, begin, end), "")
        return Source(file, first, _cut(lines, first, last, begin, end), name)


def _cut(lines: list[str], first: int, last: int, begin: int, end: int) -> str:
    """The text between two positions; columns count bytes."""
    pieces = [line.rstrip("\n").encode() for line in lines[first - 1 : last]]
    pieces[-1] = pieces[-1][:end]
    pieces[0] = pieces[0][begin:]
    return " ".join(piece.decode().strip() for piece in pieces)


@lru_cache(maxsize=16)  # every problem is traced by itself, and most of them through the same few files
def _names(source: str) -> dict[tuple[int, int, int, int], str]:
    """The variable that each expression of a source is assigned to, by the position of the expression."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = node.value
            position = (value.lineno, value.end_lineno or 0, value.col_offset, value.end_col_offset or 0)
            found[position] = node.targets[0].id
    return found

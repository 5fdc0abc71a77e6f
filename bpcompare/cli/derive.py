"""The command ``derive``: an expression, its derivation and its marking."""

import argparse
import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bpcompare.cli import drawing, graph_files, values
from bpcompare.errors import InputError
from bpcompare.language import N_, _, listed

if TYPE_CHECKING:
    from bpcompare.graph.derivation import Derivation
    from bpcompare.graph.marking import Marking

DESCRIPTION = N_("""\
Derives an expression: forward with the numbers put in, backward as symbols and as numbers, checked and drawn.

  python -m bpcompare derive "z = x*w; r = z - y; loss = r**2" x=2 w=1 y=4
  python -m bpcompare derive "mean(x**2)" x=1,2,3 --format text,svg --out DIR
  python -m bpcompare derive "(w*x - y)**2" w=3 x=2 y=1 --answer w=10,x=30 --hint

Known are + - * / ** @, brackets and Linear, MSE, Sigmoid, abs, cos, cosh, exp, log, matmul, max, mean, min, relu,
sigmoid, sin, sinh, sqrt, sum, tan, tanh, transpose; and what is printed: · ⊙ ² ᵀ √ |x| 2r σ(x).

With --answer the exit code is 0 where every gradient is right and 1 where one is wrong.
""")

WRITTEN = {
    "text": "derivation.txt",
    "markdown": "derivation.md",
    "latex": "derivation.tex",
    "json": "derivation.json",
}
DRAWN = ("svg", "png", "pdf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The expression, the values and how to show them."""
    parser.add_argument("expression", metavar="EXPR", help=_('in quotes: "(x*w - y)**2", or steps: "z = x*w; z**2"'))
    parser.add_argument(
        "values", nargs="*", metavar="NAME=VALUE", help=_("x=2, a vector x=1,2,3 or a matrix W=1,2;3,4")
    )
    parser.add_argument("--wrt", metavar="NAME[,NAME…]", help=_("differentiate by these names (default: all inputs)"))
    parser.add_argument(
        "--format",
        type=values.among(*WRITTEN, *DRAWN),
        metavar="F[,F…]",
        help=_("{formats} (default text; with --answer the marking alone)", formats=listed((*WRITTEN, *DRAWN))),
    )
    parser.add_argument(
        "--answer",
        action="append",
        metavar="NAME=G[,NAME=G…]",
        help=_("your gradients, to be marked: w1=32,x=64; arrays as 'W=[[1,2],[3,4]]'"),
    )
    parser.add_argument("--hint", action="store_true", help=_("with --answer: how each right value comes about"))
    parser.add_argument(
        "--out",
        type=values.folder,
        metavar="DIR",
        help=_("write files there; without it text is printed and pictures go to outputs"),
    )


def run(arguments: argparse.Namespace) -> int:
    """Derives, then prints or writes."""
    from bpcompare.cli.progress import load_torch

    drawn = [format for format in arguments.format or () if format in DRAWN]
    with drawing.ready(drawn) as draw:
        load_torch()
        return _run(arguments, drawn, draw)


def _run(arguments: argparse.Namespace, drawn: list[str], draw: "drawing.Draw") -> int:
    from bpcompare.graph.derivation import derive
    from bpcompare.results import write

    if arguments.hint and not arguments.answer:
        raise InputError(_("--hint explains the marking of your answers; add --answer NAME=VALUE"))
    derivation = derive(arguments.expression, values_from(arguments.values), arguments.wrt)
    marking = derivation.mark(answers_from(arguments.answer)) if arguments.answer else None
    formats = arguments.format or (() if marking else ("text",))
    writes = bool(drawn or arguments.out)
    folder = arguments.out or Path("outputs")
    texts = {WRITTEN[format]: partial(_text, derivation, marking, format) for format in formats if format in WRITTEN}
    pictures = graph_files.picture_makers(("derivation", "torchviz"), drawn)
    if writes:
        write.check_folder(folder, [*pictures, *texts] if arguments.out else pictures)
    written = {name: make() for name, make in texts.items()}
    if not arguments.out:
        print("\n".join(written.values()), end="")
    if marking and (arguments.out or formats != ("json",)):
        print(("\n" if texts and not arguments.out else "") + marking.to_text(arguments.hint), end="")
    if writes:
        files = {name: text.encode() for name, text in written.items() if arguments.out}
        _write(derivation, marking, pictures, draw, folder, files)
    return 0 if marking is None or marking.passed else 1


def _text(derivation: "Derivation", marking: "Marking | None", format: str) -> str:
    text: str = derivation.to_json(marking) if format == "json" else getattr(derivation, f"to_{format}")()
    return text


def _write(
    derivation: "Derivation",
    marking: "Marking | None",
    pictures: dict[str, "graph_files.Maker"],
    draw: "drawing.Draw",
    folder: Path,
    files: dict[str, bytes],
) -> None:
    from bpcompare.cli import steps
    from bpcompare.graph.verification import in_torch
    from bpcompare.results import write
    from bpcompare.show import fonts, graph_pictures

    graph = derivation.graph
    tensors = in_torch(graph)
    names = {node.name: tensors[node] for node in (*graph.inputs, graph.output)}
    with fonts.of_labels(any(name.endswith((".png", ".pdf")) for name in pictures)):
        dots = {
            "derivation": derivation.to_dot(marking),
            "torchviz": graph_pictures.torchviz_dot(tensors[graph.output], names),
        }
    drawn, refusal = graph_files.made(pictures, dots, draw)
    paths = write.write_files(folder, files | drawn)
    print(steps.list_of_files(paths))
    if refusal:
        raise refusal


def answers_from(arguments: list[str]) -> dict[str, object]:
    """The answers of ``NAME=VALUE,NAME=VALUE``; an array stands in brackets, or is the only answer of its option."""
    parts = [part for argument in arguments for part in re.split(r"[,;\s]\s*(?=[^\W\d]\w*\s*=)", argument.strip())]
    return values_from(parts)


def values_from(arguments: list[str]) -> dict[str, object]:
    """The values of ``NAME=VALUE`` arguments: a number, 1,2,3 or 1,2;3,4 or the same in brackets."""
    given: dict[str, object] = {}
    for argument in arguments:
        name, equals, text = (part.strip() for part in argument.partition("="))
        if not equals or not name:
            raise InputError(_("a value is given as NAME=VALUE, such as x=2; got {text!r}", text=argument.strip()[:40]))
        if name in given:
            raise InputError(_("{name} is given twice; leave one of the two out", name=name))
        given[name] = _value(name, text)
    return given


def _value(name: str, text: str) -> object:
    try:
        if text.startswith("["):
            return json.loads(text, parse_int=float)
        rows = [[float(entry) for entry in row.split(",")] for row in text.split(";")]
    except (ValueError, RecursionError):
        raise InputError(
            _(
                "the value of {name} must be a number, or numbers such as 1,2,3 or 1,2;3,4; got {text!r}",
                name=name,
                text=text[:40],
            )
        ) from None
    if len(rows) > 1:
        return rows
    return rows[0] if "," in text else rows[0][0]

"""The command ``pitfalls``: classic mistakes, predicted and made."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from bpcompare.cli import options, steps
from bpcompare.cli.sentences import program
from bpcompare.language import N_, _

if TYPE_CHECKING:
    from collections.abc import Callable

    from bpcompare.lessons.pitfalls.pitfall import Pitfall

    Maker = Callable[[dict[str, Pitfall]], bytes]

DESCRIPTION = N_("""\
Makes a classic mistake on purpose, next to the right code, and shows that theory predicts what happens.

Without NAME every pitfall is run. Each leaves its curves as a picture in the output folder.
""")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which pitfall, and where its picture goes."""
    parser.add_argument("name", nargs="?", metavar="NAME", help=_("one pitfall; without it, all of them, listed"))
    options.add_output_options(parser, out="outputs/pitfalls")


def run(arguments: argparse.Namespace) -> int:
    """Runs the pitfalls, writes their pictures and prints what was predicted and measured."""
    from bpcompare.cli.progress import Progress, load_torch

    quiet = arguments.quiet
    load_torch(quiet=quiet)

    from bpcompare.lessons.pitfalls import learning_rate
    from bpcompare.results.write import check_folder
    from bpcompare.show import pitfalls as show

    names = [arguments.name] if arguments.name is not None else list(learning_rate.PITFALLS)
    makers = files([name for name in names if name in learning_rate.PITFALLS], arguments.format)
    check_folder(arguments.out, makers)
    found = {}
    with Progress(_("training"), len(names), quiet=quiet) as progress:
        for name in names:
            found[name] = learning_rate.run(name)
            progress.advance()
    made = {}
    with Progress(_("drawing"), len(makers), quiet=quiet) as progress:
        for file, maker in makers.items():
            made[file] = maker(found)
            progress.advance()
    wrote = steps.written(arguments.out, made, quiet=quiet)
    if not quiet:
        if arguments.name is None:
            print(show.overview(list(found.values())))
            print(_("Each has a page of its own: {program} pitfalls NAME", program=program()))
        else:
            print(show.page(found[arguments.name]))
        print(wrote)
    return 0


def files(names: list[str], formats: tuple[str, ...]) -> dict[str, Maker]:
    """Each picture, in order, and what makes it."""
    return {f"{name}.{format}": partial(_picture, name=name, format=format) for name in names for format in formats}


def _picture(found: dict[str, Pitfall], name: str, format: str) -> bytes:
    from bpcompare.show import pitfalls as show
    from bpcompare.show import style

    return style.to_bytes(show.figure(found[name]), format)

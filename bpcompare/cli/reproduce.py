"""The command ``reproduce``: every published figure, recomputed."""

from __future__ import annotations

import argparse

from bpcompare.cli import options, steps, values
from bpcompare.cli.progress import Progress, load_torch
from bpcompare.language import N_, _

DESCRIPTION = N_("""\
Recomputes every figure that the five source tutorials publish, and lists where the sources are wrong.

Exit code 1 if a figure that should hold does not.
""")

FORMATS = {"markdown": "reproduce.md", "json": "reproduce.json"}
SUMS = "reproduce.sha256"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to write to, and what."""
    parser.add_argument(
        "--format",
        choices=("text", *FORMATS),
        default="text",
        help=_("what to print (default text: tables for a terminal, Markdown elsewhere)"),
    )
    parser.add_argument(
        "--out",
        type=values.folder,
        metavar="DIR",
        help=_("also write reproduce.md, reproduce.json and reproduce.sha256"),
    )
    parser.add_argument("--quiet", action="store_true", help=_("print nothing; the exit code says it all"))


def run(arguments: argparse.Namespace) -> int:
    """Recomputes, prints or writes."""
    from bpcompare.results import write

    if arguments.out:
        write.check_folder(arguments.out, [*FORMATS.values(), SUMS])
    load_torch(quiet=arguments.quiet)

    from bpcompare.lessons.published.reproduce import reproduce
    from bpcompare.lessons.published.source_errors import source_errors
    from bpcompare.results.sums import to_sums
    from bpcompare.show import reproduction

    with Progress(_("recomputing"), quiet=arguments.quiet):
        figures, errors = reproduce(), source_errors()
        texts = {
            "markdown": reproduction.to_markdown(figures, errors),
            "json": reproduction.to_json(figures, errors),
        }
    wrote = ""
    if arguments.out:
        made = {name: texts[kind].encode() for kind, name in FORMATS.items()}
        wrote = steps.written(arguments.out, made | {SUMS: to_sums(made)}, quiet=arguments.quiet)
    if not arguments.quiet:
        look = options.look()
        if arguments.format == "text" and look["width"]:
            print(reproduction.render(figures, errors, **look), end="")
        else:
            print(texts["json" if arguments.format == "json" else "markdown"], end="")
        if wrote and arguments.format == "text":
            print(f"\n{wrote}")
    holds = all(figure.verdict != "fails" for figure in figures) and all(error.shown for error in errors)
    return 0 if holds else 1

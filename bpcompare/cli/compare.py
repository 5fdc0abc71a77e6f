"""Trains one linear regression, or a network, several ways from the same start, and compares them."""

import argparse
from typing import TYPE_CHECKING, Any

from bpcompare.cli import network_options, options

if TYPE_CHECKING:
    from collections.abc import Callable

    from bpcompare.cli.progress import Progress
    from bpcompare.problem import Problem

    Result = tuple[dict[str, Any], dict[str, bytes], Callable[..., str]]  # pictures, tables, what to print

FIGURES = ("loss", "parameters", "fit")
NETWORK_FIGURES = ("loss", "fit", "delta")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the main job."""
    options.add_problem_options(parser)
    options.add_training_options(parser)
    network_options.add_network_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains, compares, writes the files and prints the table."""
    import os
    import shutil
    import sys

    from bpcompare import export
    from bpcompare.cli.progress import Progress

    network_options.settle(arguments)
    pictures = [
        f"{name}.{format}" for name in (NETWORK_FIGURES if arguments.layers else FIGURES) for format in arguments.format
    ]
    export.check_folder(arguments.out, [*pictures, "history.csv", "comparison.json"])
    with Progress("reading", 1.0, quiet=arguments.quiet) as progress:
        problem = network_options.problem_from(arguments, progress.reach)
    drawn, tables, render = (_line if problem.is_linear else _network)(problem, arguments)

    from bpcompare.show.figures import to_bytes

    files = {picture: to_bytes(drawn[picture.rpartition(".")[0]], picture.rpartition(".")[2]) for picture in pictures}
    paths = export.write_files(arguments.out, files | tables)
    if not arguments.quiet:
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else None
        print(render(width=width, color=terminal and "NO_COLOR" not in os.environ))
        print(f"wrote {', '.join(str(path) for path in paths)}")
    return 0


def _line(problem: "Problem", arguments: argparse.Namespace) -> "Result":
    import functools

    from bpcompare import export
    from bpcompare.comparison import compare

    with _training(arguments) as progress:
        comparison = compare(problem, arguments.methods, **_how(arguments), on_epoch=progress.advance)

    from bpcompare.show import curves, table

    files = {
        "history.csv": export.history_csv(comparison),
        "comparison.json": export.comparison_json(comparison, _settings(arguments)),
    }
    return curves.figures(comparison), files, functools.partial(table.render, comparison)


def _network(problem: "Problem", arguments: argparse.Namespace) -> "Result":
    import functools

    from bpcompare import network_export
    from bpcompare.network_comparison import compare_network

    with _training(arguments) as progress:
        comparison = compare_network(problem, arguments.methods, **_how(arguments), on_epoch=progress.advance)

    from bpcompare.show import network_curves, network_table

    files = {
        "history.csv": network_export.network_history(comparison),
        "comparison.json": network_export.network_json(comparison, _settings(arguments)),
    }
    starts = {init: network_options.started(problem, arguments, init) for init in ("normal", "pytorch")}
    return network_curves.figures(comparison), files, functools.partial(network_table.render, comparison, starts)


def _training(arguments: argparse.Namespace) -> "Progress":
    from bpcompare.cli.progress import Progress

    return Progress("training", len(arguments.methods) * arguments.epochs, quiet=arguments.quiet)


def _how(arguments: argparse.Namespace) -> dict[str, Any]:
    """How to train."""
    return {
        "lr": arguments.lr,
        "epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
        "seed": arguments.seed,
        "shuffle": arguments.order != "given",
    }


def _settings(arguments: argparse.Namespace) -> dict[str, object]:
    """What was asked for, without where it was written to."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    return {name: value for name, value in given.items() if name not in ("out", "format", "quiet")}

"""Trains one linear regression several ways from the same start, and compares them."""

import argparse
import os
import shutil
import sys

from bpcompare.cli import options
from bpcompare.cli.progress import Progress

FIGURES = ("loss", "parameters", "fit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the main job."""
    options.add_problem_options(parser)
    options.add_training_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains, compares, writes the files and prints the table."""
    from bpcompare import export
    from bpcompare.comparison import compare

    pictures = [f"{name}.{format}" for name in FIGURES for format in arguments.format]
    export.check_folder(arguments.out, [*pictures, "history.csv", "comparison.json"])
    with Progress("reading", 1.0, quiet=arguments.quiet) as progress:
        problem = options.problem_from(arguments, progress.reach)
    total = len(arguments.methods) * arguments.epochs
    with Progress("training", total, quiet=arguments.quiet) as progress:
        comparison = compare(
            problem,
            arguments.methods,
            lr=arguments.lr,
            epochs=arguments.epochs,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            on_epoch=progress.advance,
        )

    from bpcompare.show import curves, figures, table

    drawn = curves.figures(comparison)
    files = {
        f"{name}.{format}": figures.to_bytes(drawn[name], format) for name in FIGURES for format in arguments.format
    }
    files["history.csv"] = export.history_csv(comparison)
    files["comparison.json"] = export.comparison_json(comparison, _settings(arguments))
    paths = export.write_files(arguments.out, files)
    if not arguments.quiet:
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else None
        print(table.render(comparison, width=width, color=terminal and "NO_COLOR" not in os.environ))
        print(f"wrote {', '.join(str(path) for path in paths)}")
    return 0


def _settings(arguments: argparse.Namespace) -> dict[str, object]:
    """What was asked for, without where it was written to."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    return {name: value for name, value in given.items() if name not in ("out", "format", "quiet")}

"""Trains one linear regression several ways from the same start, and compares them."""

from __future__ import annotations

import argparse

from bpcompare.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bpcompare.comparison import Comparison

FIGURES = ("loss", "parameters", "fit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the main job."""
    options.add_problem_options(parser)
    options.add_training_options(parser)
    group = parser.add_argument_group("more to see")
    group.add_argument("--landscape", action="store_true", help="draw the loss from above, with every way's path")
    group.add_argument("--animate", action="store_true", help="write animation.gif: fit, landscape and curves growing")
    group.add_argument(
        "--ledger",
        type=options.names,
        default=(),
        metavar="M[,M…]",
        help="the books of these Adam methods, beside torch.optim.Adam: a table, ledger.csv, columns in history.csv",
    )
    options.add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains, compares, writes the files and prints the table; of several workers, the first one writes and prints."""
    from bpcompare import export, workers
    from bpcompare.cli.progress import Progress
    from bpcompare.comparison import compare
    from bpcompare.errors import InputError
    from bpcompare.ledger import rule_by_hand
    from bpcompare.training import Method

    if unknown := [name for name in arguments.ledger if name not in arguments.methods]:
        raise InputError(f"--ledger {unknown[0]} is not among the methods {', '.join(arguments.methods)}; add it there")
    if arguments.ledger and arguments.batch_size is not None:
        raise InputError("--ledger tells of steps on all samples, and --batch-size takes fewer; leave one of them out")
    for name in arguments.ledger:
        rule_by_hand(Method.named(name))
    with workers.joined() as first:
        quiet = arguments.quiet or not first
        workers.together(lambda: export.check_folder(arguments.out, _names(arguments)) if first else None)
        with Progress("reading", 1.0, quiet=quiet) as progress:
            problem = workers.together(lambda: options.problem_from(arguments, progress.reach))
        with Progress("training", len(arguments.methods) * arguments.epochs, quiet=quiet) as progress:
            comparison = compare(
                problem,
                arguments.methods,
                lr=arguments.lr,
                epochs=arguments.epochs,
                batch_size=arguments.batch_size,
                seed=arguments.seed,
                on_epoch=progress.advance,
            )
        if first:
            _write(comparison, arguments)
    return 0


def _names(arguments: argparse.Namespace) -> list[str]:
    """The files to be written, the one that describes the others last."""
    pictures = [*FIGURES, *(["landscape"] if arguments.landscape else [])]
    more = ["animation.gif"] * arguments.animate + ["ledger.csv"] * bool(arguments.ledger)
    pictured = [f"{name}.{format}" for name in pictures for format in arguments.format]
    return [*pictured, *more, "history.csv", "comparison.json"]


def _write(comparison: Comparison, arguments: argparse.Namespace) -> None:
    from bpcompare import export, ledger_files
    from bpcompare.ledger import ledger
    from bpcompare.show import books, curves, figures, table

    problem = comparison.problem
    ledgers = {name: ledger(comparison.results[name].run, arguments.lr) for name in arguments.ledger}
    drawn = curves.figures(comparison)
    if arguments.landscape:
        from bpcompare.show import landscape

        drawn["landscape"] = landscape.figure(comparison)
    files = {
        f"{name}.{format}": figures.to_bytes(figure, format)
        for name, figure in drawn.items()
        for format in arguments.format
    }
    if arguments.animate:
        files["animation.gif"] = _animation(comparison, arguments.quiet)
    if ledgers:
        files["ledger.csv"] = ledger_files.ledger_csv(ledgers, problem)
    files["history.csv"] = export.history_csv(comparison, ledger_files.history_columns(ledgers, problem))
    files["comparison.json"] = export.comparison_json(comparison, options.settings(arguments))
    paths = export.write_files(arguments.out, files)
    if not arguments.quiet:
        look = options.look()
        print(table.render(comparison, **look))
        for books_of_one in ledgers.values():
            print(books.render(books_of_one, problem, **look))
        print(f"wrote {', '.join(str(path) for path in paths)}")


def _animation(comparison: Comparison, quiet: bool) -> bytes:
    from bpcompare.cli.progress import Progress
    from bpcompare.show import animation

    with Progress("drawing", animation.FRAMES, quiet=quiet) as progress:
        return animation.gif(comparison, progress.advance)

"""Trains one linear regression, or a network, several ways from the same start, and compares them."""

from __future__ import annotations

import argparse

from bpcompare.cli import network_options, options, threads, values
from bpcompare.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bpcompare.comparison.linear import Comparison
    from bpcompare.comparison.network import NetworkComparison

    Shown = tuple[dict[str, Any], dict[str, bytes], list[Callable[..., str]]]  # figures, other files, what to print

FIGURES = ("loss", "parameters", "fit")
NETWORK_FIGURES = ("loss", "fit", "delta")
OF_A_LINE = ("landscape", "animate", "ledger")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the main job."""
    options.add_problem_options(parser)
    options.add_training_options(parser)
    network_options.add_network_options(parser)
    group = parser.add_argument_group("more to see, of a line")
    group.add_argument("--landscape", action="store_true", help="draw the loss from above, with every way's path")
    group.add_argument("--animate", action="store_true", help="write animation.gif: fit, landscape and curves growing")
    group.add_argument(
        "--ledger",
        type=values.names,
        default=(),
        metavar="M[,M…]",
        help="the books of these Adam methods, beside torch.optim.Adam: a table, ledger.csv, columns in history.csv",
    )
    options.add_output_options(parser)
    parser.add_argument("--explain", action="store_true", help="say below what every column and word means")


def run(arguments: argparse.Namespace) -> int:
    """Trains, compares, writes the files and prints the table; of several workers, the first one writes and prints."""
    network_options.settle(arguments)

    from bpcompare.cli.progress import Progress
    from bpcompare.comparison.linear import compare
    from bpcompare.comparison.network import compare_network
    from bpcompare.results import write
    from bpcompare.training import processes

    _check(arguments)
    ways: Callable[..., Any] = compare_network if arguments.layers else compare
    with processes.process_group() as first:
        quiet = arguments.quiet or not first
        processes.run_on_all(lambda: write.check_folder(arguments.out, _names(arguments)) if first else None)
        with Progress("reading", 1.0, quiet=quiet) as progress:
            problem = processes.run_on_all(lambda: network_options.problem_from(arguments, progress.reach))
        threads.settle(problem)
        with Progress("training", len(arguments.methods) * arguments.epochs, quiet=quiet) as progress:
            comparison = ways(
                problem,
                arguments.methods,
                lr=arguments.lr,
                epochs=arguments.epochs,
                batch_size=arguments.batch_size,
                seed=arguments.seed,
                shuffle=arguments.order != "given",
                on_epoch=progress.advance,
            )
        if first:
            _write(*(_network if arguments.layers else _line)(comparison, arguments), arguments)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuses what this problem or these methods cannot show."""
    from bpcompare.comparison.adam_ledger import rule_by_hand
    from bpcompare.training.methods import Method

    for option in OF_A_LINE if arguments.layers else ():
        if getattr(arguments, option):
            raise InputError(f"--{option} shows the numbers of one nn.Linear, too many in a network; leave it out")
    if unknown := [name for name in arguments.ledger if name not in arguments.methods]:
        raise InputError(f"--ledger {unknown[0]} is not among the methods {', '.join(arguments.methods)}; add it there")
    if arguments.ledger and arguments.batch_size is not None:
        raise InputError("--ledger tells of steps on all samples, and --batch-size takes fewer; leave one of them out")
    for name in arguments.ledger:
        rule_by_hand(Method.named(name))


def _names(arguments: argparse.Namespace) -> list[str]:
    """The files to be written, the one that describes the others last."""
    pictures = [*(NETWORK_FIGURES if arguments.layers else FIGURES), *["landscape"] * arguments.landscape]
    more = ["animation.gif"] * arguments.animate + ["ledger.csv"] * bool(arguments.ledger)
    pictured = [f"{name}.{format}" for name in pictures for format in arguments.format]
    return [*pictured, *more, "history.csv", "comparison.json"]


def _line(comparison: Comparison, arguments: argparse.Namespace) -> Shown:
    from functools import partial

    from bpcompare.comparison.adam_ledger import ledger
    from bpcompare.results.comparison import comparison_json, history_csv
    from bpcompare.results.ledger import history_columns, ledger_csv
    from bpcompare.show import comparison_figures, comparison_table, ledger_table

    problem = comparison.problem
    ledgers = {name: ledger(comparison.results[name].run, arguments.lr) for name in arguments.ledger}
    drawn = comparison_figures.figures(comparison)
    if arguments.landscape:
        from bpcompare.show import landscape

        drawn["landscape"] = landscape.figure(comparison)
    files = {}
    if arguments.animate:
        files["animation.gif"] = _animation(comparison, arguments.quiet)
    if ledgers:
        files["ledger.csv"] = ledger_csv(ledgers, problem)
    files["history.csv"] = history_csv(comparison, history_columns(ledgers, problem))
    files["comparison.json"] = comparison_json(comparison, options.settings(arguments))
    told = [partial(ledger_table.render, one, problem) for one in ledgers.values()]
    return drawn, files, [partial(comparison_table.render, comparison), *told]


def _animation(comparison: Comparison, quiet: bool) -> bytes:
    from bpcompare.cli.progress import Progress
    from bpcompare.show import animation

    with Progress("drawing", animation.FRAMES, quiet=quiet) as progress:
        return animation.gif(comparison, progress.advance)


def _network(comparison: NetworkComparison, arguments: argparse.Namespace) -> Shown:
    from functools import partial

    from bpcompare.results.network import network_history, network_json
    from bpcompare.show import network_figures, network_table

    files = {
        "history.csv": network_history(comparison),
        "comparison.json": network_json(comparison, options.settings(arguments)),
    }
    starts = {init: network_options.started(comparison.problem, arguments, init) for init in ("normal", "pytorch")}
    return network_figures.figures(comparison), files, [partial(network_table.render, comparison, starts)]


def _write(
    drawn: dict[str, Any], files: dict[str, bytes], told: list[Callable[..., str]], arguments: argparse.Namespace
) -> None:
    """Writes pictures and files, and prints."""
    from bpcompare.results import write
    from bpcompare.show.style import to_bytes

    pictures = {f"{name}.{format}": to_bytes(drawn[name], format) for name in drawn for format in arguments.format}
    paths = write.write_files(arguments.out, pictures | files)
    if not arguments.quiet:
        from bpcompare.show import glossary, terminal

        look = options.look()
        for render in [*told, *[glossary.render] * arguments.explain]:
            print(render(**look))
        print(terminal.text([f"wrote {', '.join(str(path) for path in paths)}"], **look), end="")

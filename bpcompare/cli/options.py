"""Options that several commands share.

Nothing is imported here that `--help` could do without: each module would cost it a tenth of its time.
"""

from __future__ import annotations

import argparse

from bpcompare.cli import values
from bpcompare.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bpcompare.problem.problem import Problem

FORMATS = ("png", "svg", "pdf")
CSV = ("encoding", "decimal", "comment", "skip_missing")
LINE = {"samples": 100, "noise": 0.1, "weight": [[2.0]], "bias": [1.0]}


def add_output_options(parser: argparse.ArgumentParser, out: str = "outputs") -> None:
    """``--out``, ``--format`` and ``--quiet``."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--out",
        type=values.folder,
        default=out,
        metavar="DIR",
        help=f"folder for the results (default {out})",
    )
    group.add_argument(
        "--format",
        type=values.among(*FORMATS),
        default=("png",),
        metavar="F[,F…]",
        help="picture formats: png, svg, pdf (default png)",
    )
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")


def look() -> dict[str, Any]:
    """How to print: a terminal's width and whether in colour; Markdown where stdout is no terminal."""
    import os
    import shutil
    import sys

    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    return {"width": width, "color": terminal and "NO_COLOR" not in os.environ}


def add_problem_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what is to be learned; `problem_from` reads them."""
    group = parser.add_argument_group("problem: a line with noise", "y = x·weight + bias + noise·ε, ε ~ N(0, 1)")
    group.add_argument("--samples", type=values.whole_number, metavar="N", help="how many (default 100)")
    group.add_argument("--noise", type=values.number_from_zero, metavar="S", help="standard deviation (default 0.1)")
    group.add_argument(
        "--weight",
        type=values.matrix,
        metavar="W",
        help="default 2; one number per input, separated by commas; outputs separated by semicolons",
    )
    group.add_argument("--bias", type=values.vector, metavar="B", help="default 1; one number, or one per output")
    add_csv_options(parser)
    group = parser.add_argument_group("problem: both kinds")
    group.add_argument("--no-bias", action="store_true", help="a model without a bias")
    group.add_argument(
        "--standardize",
        action="store_true",
        help="train on columns of mean 0 and deviation 1, report in your own units",
    )
    group.add_argument(
        "--seed",
        type=values.seed,
        default=0,
        metavar="N",
        help="of noise, initial weights and sample order (default 0)",
    )
    group.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="precision (default float32)")


def add_csv_options(parser: argparse.ArgumentParser) -> None:
    """``--csv`` with its columns, and how the file is written; `problem_from_csv` reads them."""
    group = parser.add_argument_group("problem: your own table")
    group.add_argument(
        "--csv",
        type=values.table,
        metavar="FILE",
        help="a CSV file with a header row, or a sample table: cars, longley, norris",
    )
    group.add_argument(
        "--x",
        type=values.columns,
        metavar="COL[,COL…]",
        help="its input columns: names, 'c*' for all that begin with c, or all for every one that --y does not name",
    )
    group.add_argument("--y", type=values.columns, metavar="COL[,COL…]", help="its output columns, likewise")
    group.add_argument("--encoding", metavar="E", help="of the file, such as gbk or cp1252 (default utf-8)")
    group.add_argument("--decimal", metavar="SIGN", help="the decimal sign of its numbers, . or , (default .)")
    group.add_argument("--comment", metavar="SIGN", help="leave out the lines that begin with this, such as '#'")
    group.add_argument(
        "--skip-missing",
        action="store_true",
        default=None,
        help="leave out the rows in which a cell is empty or NA, and say how many",
    )


def problem_from_csv(arguments: argparse.Namespace, on_progress: Callable[[float], object] | None = None) -> Problem:
    """The problem of the table that the options of `add_csv_options` name; on stderr how many rows were left out."""
    import os
    import sys

    import torch

    from bpcompare.problem.csv_reader import read_csv

    if not (arguments.x and arguments.y):
        raise InputError("--csv needs --x and --y, the names of the input and output columns; add them")
    problem = read_csv(
        arguments.csv,
        arguments.x,
        arguments.y,
        encoding=arguments.encoding,
        decimal=arguments.decimal or ".",
        comment=arguments.comment,
        skip_missing=bool(arguments.skip_missing),
        seed=arguments.seed,
        dtype=getattr(torch, arguments.dtype),
        bias=not arguments.no_bias,
        standardize=arguments.standardize,
        on_progress=on_progress,
    )
    if problem.skipped and not getattr(arguments, "quiet", False) and os.environ.get("RANK", "0") == "0":
        rows = problem.samples + problem.skipped
        print(f"{problem.name}: left out {problem.skipped} of {rows} rows, as a cell is missing", file=sys.stderr)
    return problem


def check_csv_options(arguments: argparse.Namespace) -> None:
    """Refuses options of a table where there is none.

    Raises:
        InputError: One is given without ``--csv``.
    """
    if arguments.csv is None:
        if arguments.x or arguments.y:
            raise InputError("--x and --y name columns of a table; add --csv FILE")
        for name in CSV:
            if getattr(arguments, name):
                raise InputError(f"--{name.replace('_', '-')} says how a table is written; add --csv FILE")


def problem_from(arguments: argparse.Namespace, on_progress: Callable[[float], object] | None = None) -> Problem:
    """The problem that the options of `add_problem_options` ask for."""
    check_csv_options(arguments)
    if arguments.csv is not None:
        for name in LINE:
            if getattr(arguments, name) is not None:
                raise InputError(f"--{name} makes data, and --csv reads them; leave one of the two out")
        problem = problem_from_csv(arguments, on_progress)
        arguments.x, arguments.y = problem.x_names, problem.y_names
        return problem

    import torch

    from bpcompare.problem.problem import line

    for name, default in LINE.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
    return line(
        arguments.samples,
        arguments.noise,
        arguments.weight,
        arguments.bias,
        seed=arguments.seed,
        dtype=getattr(torch, arguments.dtype),
        learn_bias=not arguments.no_bias,
        standardize=arguments.standardize,
    )


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """``--methods``, ``--lr``, ``--epochs`` and ``--batch-size``."""
    group = parser.add_argument_group("training")
    group.add_argument(
        "--methods",
        type=values.names,
        default=("manual", "autograd", "adam"),
        metavar="M[,M…]",
        help="manual, autograd, adam, or SOURCE+RULE: formula, autograd, graph, finite_difference, moments + a rule "
        "by hand (GradientDescent, Adam, AdamNoBiasCorrection, AdamEpsInside, AdamSwappedBetas, AdamMomentumOnly, "
        "AdamRMSPropOnly) or a torch.optim class, written in full where it shares a name (default "
        "manual,autograd,adam)",
    )
    group.add_argument(
        "--lr", type=values.positive_number, default=0.1, metavar="R", help="learning rate (default 0.1)"
    )
    group.add_argument("--epochs", type=values.whole_number, default=50, metavar="N", help="passes (default 50)")
    group.add_argument(
        "--batch-size", type=values.whole_number, metavar="N", help="samples per step, 1 is per-sample (default: all)"
    )


def settings(arguments: argparse.Namespace) -> dict[str, object]:
    """What was asked for, without where it was written to."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    return {name: value for name, value in given.items() if name not in ("out", "format", "quiet")}

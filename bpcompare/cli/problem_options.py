"""The options that say what is to be learned – a line or a table – and the problem that they ask for."""

from __future__ import annotations

import argparse

from bpcompare.cli import values
from bpcompare.cli.request import Request, request_from
from bpcompare.cli.sentences import sentence
from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.training.defaults import EPOCHS, LR, METHODS, SEED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bpcompare.problem.problem import Problem

CSV = ("encoding", "decimal", "comment", "skip_missing")
DEFAULTS: dict[str, Any] = {"seed": SEED, "dtype": "float32", "lr": LR, "epochs": EPOCHS, "methods": tuple(METHODS)}
LINE: dict[str, Any] = {"samples": 100, "noise": 0.1, "weight": [[2.0]], "bias": [1.0]}


def add_problem_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what is to be learned; `problem_from` reads them."""
    group = parser.add_argument_group(_("problem: a line with noise"), _("y = x·weight + bias + noise·ε, ε ~ N(0, 1)"))
    group.add_argument("--samples", type=values.whole_number, metavar="N", help=_("how many (default 100)"))
    group.add_argument("--noise", type=values.number_from_zero, metavar="S", help=_("standard deviation (default 0.1)"))
    group.add_argument(
        "--weight",
        type=values.matrix,
        metavar="W",
        help=_("default 2; one number per input, separated by commas; outputs separated by semicolons"),
    )
    group.add_argument("--bias", type=values.vector, metavar="B", help=_("default 1; one number, or one per output"))
    add_csv_options(parser)
    group = parser.add_argument_group(_("problem: both kinds"))
    group.add_argument("--no-bias", action="store_true", help=_("a model without a bias"))
    group.add_argument(
        "--standardize",
        action="store_true",
        help=_("train on columns of mean 0 and deviation 1, report in your own units"),
    )
    group.add_argument(
        "--seed",
        type=values.seed,
        metavar="N",
        help=_("random seed for the noise, the initial weights and the sample order (default {seed})", seed=SEED),
    )
    group.add_argument("--dtype", choices=("float32", "float64"), help=_("precision (default float32)"))


def add_csv_options(parser: argparse.ArgumentParser) -> None:
    """``--csv`` with its columns, and how the file is written; `problem_from` reads them."""
    group = parser.add_argument_group(_("problem: your own table"))
    group.add_argument(
        "--csv",
        type=values.table,
        metavar="FILE",
        help=_("a CSV file with a header row, or a sample table: cars, longley, norris"),
    )
    group.add_argument(
        "--x",
        type=values.columns,
        metavar="COL[,COL…]",
        help=_("its input columns: names, 'c*' for all that begin with c, or all for every one that --y does not name"),
    )
    group.add_argument("--y", type=values.columns, metavar="COL[,COL…]", help=_("its output columns, likewise"))
    group.add_argument("--encoding", metavar="E", help=_("of the file, such as gbk or cp1252 (default utf-8)"))
    group.add_argument("--decimal", metavar="SIGN", help=_("the decimal sign of its numbers, . or , (default .)"))
    group.add_argument("--comment", metavar="SIGN", help=_("leave out the lines that begin with this, such as '#'"))
    group.add_argument(
        "--skip-missing",
        action="store_true",
        default=None,
        help=_("leave out the rows in which a cell is empty or NA, and say how many"),
    )


def check_problem(arguments: argparse.Namespace) -> None:
    """Refuses options that contradict each other, before PyTorch is loaded.

    Raises:
        InputError: Options contradict each other.
    """
    if arguments.csv is None:
        if arguments.x or arguments.y:
            raise InputError(_("--x and --y name columns of a table; add --csv FILE"))
        for name in CSV:
            if getattr(arguments, name):
                raise InputError(
                    _("--{option} says how a table is written; add --csv FILE", option=name.replace("_", "-"))
                )
        return
    for name in LINE:
        if getattr(arguments, name) is not None:
            raise InputError(_("--{name} makes data, and --csv reads them; leave one of the two out", name=name))
    if not (arguments.x and arguments.y):
        raise InputError(_("--csv needs --x and --y, the names of the input and output columns; add them"))


def line_or_table(arguments: argparse.Namespace) -> Request:
    """The request for a line or a table, with the defaults of both."""
    check_problem(arguments)
    return request_from(vars(arguments), DEFAULTS if arguments.csv is not None else DEFAULTS | LINE)


def with_columns(request: Request, problem: Problem) -> Request:
    """The request with the names of the columns that were found, where it asked for them by a pattern."""
    return request if request.csv is None else request.but(x=problem.x_names, y=problem.y_names)


def problem_from(request: Request, on_progress: Callable[[float], object] | None = None) -> Problem:
    """The line or the table that the options of `add_problem_options` ask for."""
    import torch

    from bpcompare.problem.line import line

    dtype = getattr(torch, request.dtype)
    if request.csv is not None:
        from bpcompare.problem.csv_reader import read_csv

        problem = read_csv(
            request.csv,
            request.x,
            request.y,
            encoding=request.encoding,
            decimal=request.decimal or ".",
            comment=request.comment,
            skip_missing=bool(request.skip_missing),
            seed=request.seed,
            dtype=dtype,
            bias=not request.no_bias,
            standardize=request.standardize,
            on_progress=on_progress,
        )
        _say_skipped(request, problem)
        return problem
    return line(
        request.samples,
        request.noise,
        request.weight,
        request.bias,
        seed=request.seed,
        dtype=dtype,
        learn_bias=not request.no_bias,
        standardize=request.standardize,
    )


def _say_skipped(request: Request, problem: Problem) -> None:
    """On stderr how many rows of a table were left out; once, of several processes."""
    import sys

    from bpcompare.training.process_environment import place

    if problem.skipped and not getattr(request, "quiet", False) and place()[0] == 0:
        rows = problem.samples + problem.skipped
        left_out = _(
            "{name}: left out {skipped} of {rows} rows, as a cell is missing",
            name=problem.name,
            skipped=problem.skipped,
            rows=rows,
        )
        print(sentence(left_out), file=sys.stderr)

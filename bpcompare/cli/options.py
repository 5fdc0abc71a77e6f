"""Options that several commands share.

Nothing is imported here that `--help` could do without: each module would cost it a tenth of its time.
"""

from __future__ import annotations

import argparse

from bpcompare.cli import values
from bpcompare.cli.request import Request, request_from
from bpcompare.errors import InputError, TableError
from bpcompare.training.defaults import EPOCHS, LR, METHODS, SEED
from bpcompare.training.process_environment import CONNECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bpcompare.problem.problem import Problem

FORMATS = ("png", "svg", "pdf")
DEFAULTS: dict[str, Any] = {"seed": SEED, "dtype": "float32", "lr": LR, "epochs": EPOCHS, "methods": tuple(METHODS)}
LINE: dict[str, Any] = {"samples": 100, "noise": 0.1, "weight": [[2.0]], "bias": [1.0]}


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
    group = parser.add_argument_group("problem: your own table")
    group.add_argument("--csv", metavar="FILE", help="a CSV file with a header row")
    group.add_argument("--x", type=values.columns, metavar="COL[,COL…]", help="its input columns")
    group.add_argument("--y", type=values.columns, metavar="COL[,COL…]", help="its output columns")
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
        metavar="N",
        help=f"random seed for the noise, the initial weights and the sample order (default {SEED})",
    )
    group.add_argument("--dtype", choices=("float32", "float64"), help="precision (default float32)")


def check_problem(arguments: argparse.Namespace) -> None:
    """Refuses options that contradict each other, and a table that is not there, before PyTorch is loaded.

    Raises:
        InputError: Options contradict each other.
        TableError: The table cannot be opened.
    """
    if arguments.csv is None:
        if arguments.x or arguments.y:
            raise InputError("--x and --y name columns of a table; add --csv FILE")
        return
    for name in LINE:
        if getattr(arguments, name) is not None:
            raise InputError(f"--{name} makes data, and --csv reads them; leave one of the two out")
    if not (arguments.x and arguments.y):
        raise InputError("--csv needs --x and --y, the names of the input and output columns; add them")
    try:
        with open(arguments.csv, "rb"):  # noqa: PTH123 - pathlib takes ten times as long
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TableError(f"{arguments.csv or repr(arguments.csv)} cannot be read: {reason.lower()}") from error


def line_or_table(arguments: argparse.Namespace) -> Request:
    """The request for a line or a table, with the defaults of both."""
    check_problem(arguments)
    return request_from(vars(arguments), DEFAULTS if arguments.csv is not None else DEFAULTS | LINE)


def problem_from(request: Request, on_progress: Callable[[float], object] | None = None) -> Problem:
    """The line or the table that the options of `add_problem_options` ask for."""
    from pathlib import Path

    import torch

    from bpcompare.problem.csv_reader import read_csv
    from bpcompare.problem.problem import line

    dtype = getattr(torch, request.dtype)
    if request.csv is not None:
        return read_csv(
            Path(request.csv),
            request.x,
            request.y,
            seed=request.seed,
            dtype=dtype,
            bias=not request.no_bias,
            standardize=request.standardize,
            on_progress=on_progress,
        )
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


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """``--methods``, ``--lr``, ``--epochs`` and ``--batch-size``."""
    group = parser.add_argument_group("training")
    group.add_argument(
        "--methods",
        type=values.names,
        metavar="M[,M…]",
        help="manual, autograd, adam, or SOURCE+RULE: formula, autograd, graph, finite_difference, moments + a rule "
        "by hand (GradientDescent, Adam, AdamNoBiasCorrection, AdamEpsInside, AdamSwappedBetas, AdamMomentumOnly, "
        "AdamRMSPropOnly) or a torch.optim class, written in full where it shares a name (default "
        f"{','.join(METHODS)})",
    )
    group.add_argument("--lr", type=values.rate, metavar="R", help=f"learning rate (default {LR})")
    group.add_argument(
        "--epochs", type=values.whole_number, metavar="N", help=f"passes over the samples (default {EPOCHS})"
    )
    group.add_argument(
        "--batch-size",
        type=values.whole_number,
        metavar="N",
        help="samples per step; 1 trains on one sample at a time (default: all)",
    )


def add_process_options(parser: argparse.ArgumentParser) -> None:
    """``--timeout``."""
    group = parser.add_argument_group("several processes, started by torchrun")
    group.add_argument(
        "--timeout",
        type=values.seconds,
        default=CONNECT,
        metavar="SECONDS",
        help=f"how long they may take to find each other; give more on a slow cluster (default {CONNECT:g})",
    )

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
OF_THE_OUTPUT = ("out", "format", "dpi", "style", "explain", "quiet")  # options that change no number
LINE = {"samples": 100, "noise": 0.1, "weight": [[2.0]], "bias": [1.0]}


def add_output_options(parser: argparse.ArgumentParser, out: str = "outputs") -> None:
    """``--out``, ``--format``, ``--dpi``, ``--style`` and ``--quiet``."""
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
    group.add_argument(
        "--dpi", type=values.dots_per_inch, metavar="N", help="dots per inch of PNG pictures, 30 to 600 (default 110)"
    )
    group.add_argument(
        "--style",
        choices=("paper", "slides"),
        default="paper",
        help="slides: pictures 16:9 with large type (default paper)",
    )
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")


def look() -> dict[str, Any]:
    """How to print: a terminal's width and whether in colour; Markdown where stdout is no terminal."""
    import os
    import shutil
    import sys

    terminal = sys.stdout.isatty()
    colors = not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in ("dumb", "unknown")
    width = shutil.get_terminal_size().columns if terminal else None
    return {"width": width, "color": terminal and colors}


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
        default=0,
        metavar="N",
        help="of noise, initial weights and sample order (default 0)",
    )
    group.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="precision (default float32)")


def problem_from(arguments: argparse.Namespace, on_progress: Callable[[float], object] | None = None) -> Problem:
    """The problem that the options of `add_problem_options` ask for."""
    from pathlib import Path

    import torch

    from bpcompare.problem.csv_reader import read_csv
    from bpcompare.problem.problem import line

    dtype = getattr(torch, arguments.dtype)
    if arguments.csv is not None:
        for name in LINE:
            if getattr(arguments, name) is not None:
                raise InputError(f"--{name} makes data, and --csv reads them; leave one of the two out")
        if not (arguments.x and arguments.y):
            raise InputError("--csv needs --x and --y, the names of the input and output columns; add them")
        return read_csv(
            Path(arguments.csv),
            arguments.x,
            arguments.y,
            seed=arguments.seed,
            dtype=dtype,
            bias=not arguments.no_bias,
            standardize=arguments.standardize,
            on_progress=on_progress,
        )
    if arguments.x or arguments.y:
        raise InputError("--x and --y name columns of a table; add --csv FILE")
    for name, default in LINE.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
    return line(
        arguments.samples,
        arguments.noise,
        arguments.weight,
        arguments.bias,
        seed=arguments.seed,
        dtype=dtype,
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
    return {name: value for name, value in given.items() if name not in OF_THE_OUTPUT}

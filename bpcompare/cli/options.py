"""Options that several commands share, and the checks of their values.

Nothing is imported here that `--help` could do without: each module would cost it a tenth of its time.
"""

from __future__ import annotations

import argparse
import math

from bpcompare.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from bpcompare.problem import Problem

FORMATS = ("png", "svg", "pdf")
LINE = {"samples": 100, "noise": 0.1, "weight": [[2.0]], "bias": [1.0]}


def add_output_options(parser: argparse.ArgumentParser, out: str = "outputs") -> None:
    """``--out``, ``--format`` and ``--quiet``."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--out",
        type=folder,
        default=out,
        metavar="DIR",
        help=f"folder for the results (default {out})",
    )
    group.add_argument(
        "--format",
        type=formats,
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


def whole_number(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text!r}")
    return value


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite number; got {text!r}")
    return value


def positive_number(text: str) -> float:
    """A finite number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"must be above 0; got {text!r}")
    return value


def folder(text: str) -> Path:
    """A folder's path; the empty text is none."""
    from pathlib import Path

    if not text.strip():
        raise argparse.ArgumentTypeError("must name a folder; got an empty text")
    return Path(text)


def formats(text: str) -> tuple[str, ...]:
    """Picture formats, separated by commas, each once."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"must be among {', '.join(FORMATS)}; got {name!r}")
    return names


def add_problem_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what is to be learned; `problem_from` reads them."""
    group = parser.add_argument_group("problem: a line with noise", "y = x·weight + bias + noise·ε, ε ~ N(0, 1)")
    group.add_argument("--samples", type=whole_number, metavar="N", help="how many (default 100)")
    group.add_argument("--noise", type=number_from_zero, metavar="S", help="standard deviation (default 0.1)")
    group.add_argument(
        "--weight",
        type=matrix,
        metavar="W",
        help="default 2; one number per input, separated by commas; outputs separated by semicolons",
    )
    group.add_argument("--bias", type=vector, metavar="B", help="default 1; one number, or one per output")
    group = parser.add_argument_group("problem: your own table")
    group.add_argument("--csv", metavar="FILE", help="a CSV file with a header row")
    group.add_argument("--x", type=columns, metavar="COL[,COL…]", help="its input columns")
    group.add_argument("--y", type=columns, metavar="COL[,COL…]", help="its output columns")
    group = parser.add_argument_group("problem: both kinds")
    group.add_argument("--no-bias", action="store_true", help="a model without a bias")
    group.add_argument(
        "--standardize",
        action="store_true",
        help="train on columns of mean 0 and deviation 1, report in your own units",
    )
    group.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="of noise, initial weights and sample order (default 0)"
    )
    group.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="precision (default float32)")


def problem_from(arguments: argparse.Namespace, on_progress: Callable[[float], object] | None = None) -> Problem:
    """The problem that the options of `add_problem_options` ask for."""
    from pathlib import Path

    import torch

    from bpcompare.csv_data import read_csv
    from bpcompare.problem import line

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
        type=names,
        default=("manual", "autograd", "adam"),
        metavar="M[,M…]",
        help="manual, autograd, adam, or SOURCE+RULE: formula, autograd, graph, finite_difference, moments + a rule "
        "by hand (GradientDescent, Adam, AdamNoBiasCorrection, AdamEpsInside, AdamSwappedBetas, AdamMomentumOnly, "
        "AdamRMSPropOnly) or a torch.optim class, written in full where it shares a name (default "
        "manual,autograd,adam)",
    )
    group.add_argument("--lr", type=positive_number, default=0.1, metavar="R", help="learning rate (default 0.1)")
    group.add_argument("--epochs", type=whole_number, default=50, metavar="N", help="passes (default 50)")
    group.add_argument(
        "--batch-size", type=whole_number, metavar="N", help="samples per step, 1 is per-sample (default: all)"
    )


MOST_RATES = 100_000


def rates(text: str) -> tuple[float, ...]:
    """Learning rates: A:B:log:N or A:B:lin:N, or numbers above 0 separated by commas; rising, each once."""
    parts = text.split(":")
    if len(parts) == 1:
        return tuple(sorted({positive_number(part) for part in text.split(",")}))
    if len(parts) != 4 or parts[2] not in ("log", "lin"):
        raise argparse.ArgumentTypeError(f"must read A:B:log:N, A:B:lin:N or R,R,…; got {text!r}")
    low, high, count = positive_number(parts[0]), positive_number(parts[1]), whole_number(parts[3])
    if not (low < high and 2 <= count <= MOST_RATES):
        raise argparse.ArgumentTypeError(f"must rise from A to B in 2 to {MOST_RATES:,} rates; got {text!r}")
    if parts[2] == "lin":
        return tuple(low + (high - low) * i / (count - 1) for i in range(count))
    return tuple(low * (high / low) ** (i / (count - 1)) for i in range(count))


def settings(arguments: argparse.Namespace) -> dict[str, object]:
    """What was asked for, without where it was written to."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    return {name: value for name, value in given.items() if name not in ("out", "format", "quiet")}


def number_from_zero(text: str) -> float:
    """A finite number of at least 0."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0; got {text!r}")
    return value


def seed(text: str) -> int:
    """A whole number that `torch.manual_seed` takes."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2**63 − 1; got {text!r}")
    return value


def vector(text: str) -> list[float]:
    """Finite numbers, separated by commas."""
    return [number(part) for part in text.split(",")]


def matrix(text: str) -> list[list[float]]:
    """Rows of finite numbers, all of one length, separated by semicolons."""
    rows = [vector(row) for row in text.split(";")]
    if len({len(row) for row in rows}) > 1:
        raise argparse.ArgumentTypeError(f"must have as many numbers for every output; got {text!r}")
    return rows


def names(text: str) -> tuple[str, ...]:
    """Names, separated by commas."""
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise argparse.ArgumentTypeError(f"must be names separated by commas; got {text!r}")
    return parts


def columns(text: str) -> tuple[str, ...]:
    """Column names, separated by commas; a name with a comma is quoted as in the file."""
    import csv

    parts = tuple(part.strip() for row in csv.reader([text]) for part in row)
    if not parts or not all(parts):
        raise argparse.ArgumentTypeError(f"must be column names separated by commas; got {text!r}")
    return parts

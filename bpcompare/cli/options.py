"""Options that several commands share, and the checks of their values."""

import argparse
import math
from pathlib import Path

FORMATS = ("png", "svg", "pdf")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """``--out``, ``--format`` and ``--quiet``."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--out",
        type=folder,
        default=Path("outputs"),
        metavar="DIR",
        help="folder for the results (default outputs)",
    )
    group.add_argument(
        "--format",
        type=formats,
        default=("png",),
        metavar="F[,F…]",
        help="picture formats: png, svg, pdf (default png)",
    )
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")


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

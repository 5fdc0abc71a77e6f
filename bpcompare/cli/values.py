"""What may be given to an option: each kind of value is read from its text, or refused with a sentence."""

from __future__ import annotations

import argparse
import math
import re

from bpcompare.language import _, listed
from bpcompare.training.defaults import LARGEST_LR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_RATES = 100_000
LARGEST_WHOLE = 2**63 - 1  # what 64 bits hold
LONGEST_WAIT = 86_400.0  # seconds, a day
DIGITS = 17  # a float64 holds no more


def whole_number(text: str) -> int:
    """A whole number of at least 1."""
    return _integer(text, 1, LARGEST_WHOLE, "2**63 − 1")


def whole_numbers(text: str) -> list[int]:
    """Whole numbers of at least 1, separated by commas."""
    return [whole_number(part) for part in text.split(",")]


def seed(text: str) -> int:
    """A whole number that `torch.manual_seed` takes."""
    return _integer(text, 0, LARGEST_WHOLE, "2**63 − 1")


def digits(text: str) -> int:
    """How many significant digits to write."""
    return _integer(text, 1, DIGITS)


def dots_per_inch(text: str) -> int:
    """How finely a picture is drawn."""
    return _integer(text, 30, 600)


def _integer(text: str, least: int, most: int, written: str = "") -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        rule = _(
            "must be a whole number from {least} to {most}; got {text!r}", least=least, most=written or most, text=text
        )
        raise argparse.ArgumentTypeError(rule)
    return value


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(_("must be a finite number; got {text!r}", text=text))
    return value


def positive_number(text: str) -> float:
    """A finite number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(_("must be above 0; got {text!r}", text=text))
    return value


def rate(text: str) -> float:
    """A learning rate."""
    value = positive_number(text)
    if value > LARGEST_LR:
        raise argparse.ArgumentTypeError(
            _("must be above 0 and at most {largest_lr:g}; got {text!r}", largest_lr=LARGEST_LR, text=text)
        )
    return value


def seconds(text: str) -> float:
    """A time to wait, of at most a day."""
    value = positive_number(text)
    if value > LONGEST_WAIT:
        raise argparse.ArgumentTypeError(
            _(
                "must be above 0 and at most {longest_wait:g} seconds; got {text!r}",
                longest_wait=LONGEST_WAIT,
                text=text,
            )
        )
    return value


def number_from_zero(text: str) -> float:
    """A finite number of at least 0."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(_("must be at least 0; got {text!r}", text=text))
    return value


def vector(text: str) -> list[float]:
    """Finite numbers, separated by commas."""
    return [number(part) for part in text.split(",")]


def matrix(text: str) -> list[list[float]]:
    """Rows of finite numbers, all of one length, separated by semicolons."""
    rows = [vector(row) for row in text.split(";")]
    if len({len(row) for row in rows}) > 1:
        raise argparse.ArgumentTypeError(_("must have as many numbers for every output; got {text!r}", text=text))
    return rows


def rates(text: str) -> tuple[float, ...]:
    """Learning rates: A:B:log:N or A:B:lin:N, or numbers above 0 separated by commas; rising, each once."""
    parts = text.split(":")
    if len(parts) == 1:
        return tuple(sorted({rate(part) for part in text.split(",")}))
    if len(parts) != 4 or parts[2] not in ("log", "lin"):
        raise argparse.ArgumentTypeError(_("must read A:B:log:N, A:B:lin:N or R,R,…; got {text!r}", text=text))
    low, high, count = rate(parts[0]), rate(parts[1]), whole_number(parts[3])
    if not (low < high and high / low < math.inf and 2 <= count <= MOST_RATES):
        raise argparse.ArgumentTypeError(
            _("must rise from A to B in 2 to {most_rates:,} rates; got {text!r}", most_rates=MOST_RATES, text=text)
        )
    if parts[2] == "lin":
        return tuple(low + (high - low) * i / (count - 1) for i in range(count))
    return tuple(low * (high / low) ** (i / (count - 1)) for i in range(count))


def part(text: str) -> tuple[int, int]:
    """A:B, from place A, counted from 0, up to before place B."""
    found = re.fullmatch(r"(\d{1,18}):(\d{1,18})", text)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if first >= last:
        raise argparse.ArgumentTypeError(_("must be A:B, two whole numbers with A < B; got {text!r}", text=text))
    return first, last


def names(text: str) -> tuple[str, ...]:
    """Names, separated by commas."""
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise argparse.ArgumentTypeError(_("must be names separated by commas; got {text!r}", text=text))
    return parts


def columns(text: str) -> str:
    """Column names or patterns; which, is known once the file's header is."""
    if not text.strip(" ,"):
        raise argparse.ArgumentTypeError(_("must be column names separated by commas; got {text!r}", text=text))
    return text


def table(text: str) -> str:
    """The path of a CSV file, or the name of a sample table; refused before PyTorch loads if there is neither."""
    from bpcompare import datasets
    from bpcompare.errors import TableError

    try:
        datasets.find(text)
    except TableError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def among(*known: str) -> Callable[[str], tuple[str, ...]]:
    """Reads names that are ``known``, separated by commas, each once."""

    def read(text: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    _("must be among {known}; got {name!r}", known=listed(known), name=name)
                )
        return found

    return read


def device(text: str) -> str:
    """Where to calculate; whether it is here, is known once PyTorch is loaded."""
    from bpcompare.problem.device_names import is_device_name

    if not is_device_name(text):
        raise argparse.ArgumentTypeError(_("must be cpu, cuda, cuda:N, mps or auto; got {text!r}", text=text))
    return text


def folder(text: str) -> Path:
    """A folder's path; the empty text is none."""
    from pathlib import Path

    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(_("must name a folder; got {text!r}", text=text))
    return Path(text)

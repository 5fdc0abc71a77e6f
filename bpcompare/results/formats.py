"""What all files of results have in common: JSON and CSV as bytes, the versions, the problem, pairs of methods."""

import csv
import dataclasses
import functools
import importlib.metadata
import io
import json
import platform
from collections.abc import Iterable, Mapping, Sequence

import numpy
import torch

from bpcompare import __version__
from bpcompare.comparison.agreement import Agreement
from bpcompare.comparison.device import Distance
from bpcompare.language import english
from bpcompare.problem.problem import Problem
from bpcompare.training import processes


def described(problem: Problem) -> dict[str, object]:
    """What was learned: its name, its size and its columns."""
    return {
        "name": problem.name,
        "samples": problem.samples,
        "in_features": problem.in_features,
        "out_features": problem.out_features,
        "x_names": problem.x_names,
        "y_names": problem.y_names,
    }


def between(agreement: Mapping[str, Agreement], race: Mapping[str, Mapping[float, object]]) -> dict[str, object]:
    """What is known of pairs of methods: agreement and race."""
    return {
        "agreement": {pair: dataclasses.asdict(found) for pair, found in agreement.items()},
        "race": {pair: {str(fraction): epochs for fraction, epochs in times.items()} for pair, times in race.items()},
    }


def beside_cpu(found: Mapping[str, Distance] | None) -> dict[str, object]:
    """How far each method is from its run on the CPU; nothing where it ran there, null where nobody knows."""
    if found is None:
        return {"against_cpu": None}
    return {"against_cpu": {name: dataclasses.asdict(one) for name, one in found.items()}} if found else {}


_version_of = functools.cache(importlib.metadata.version)  # it reads some hundred lines


def versions(device: str = "") -> dict[str, object]:
    """What the last digits of a result depend on; ``device`` is the name of one that is not the CPU."""
    return {
        "bpcompare": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "matplotlib": _version_of("matplotlib"),
        "threads": torch.get_num_threads(),
        **({"workers": processes.count()} if processes.count() > 1 else {}),
        **({"device": device} if device else {}),
    }


def json_bytes(document: Mapping[str, object]) -> bytes:
    """A document as JSON, UTF-8, in English; nan and infinity, which JSON does not have, are refused."""
    return (json.dumps(english(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def csv_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    r"""A table as CSV, UTF-8, its texts `defused`.

    Example:
        >>> csv_bytes([["method", "loss"], ["=1+1", 0.5]])
        b"method,loss\n'=1+1,0.5\n"
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([defused(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return buffer.getvalue().encode()


def defused(text: str) -> str:
    """``text`` with an apostrophe before it if a spreadsheet would run it as a formula.

    Example:
        >>> defused("=1+1"), defused("speed")
        ("'=1+1", 'speed')

    Source: OWASP, CSV Injection: cells that begin with = + - @, a tab or a carriage return.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text

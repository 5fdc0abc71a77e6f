"""Reading ten million rows: against pandas with the checks that a careful user writes, and the memory it takes."""

import csv
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from ratio import apart, paired, peak, python

Columns = tuple[torch.Tensor, torch.Tensor]

ROWS = 10_000_000


def table(path: Path, number: Callable[[float], str], rows: int) -> Path:
    """A table of two columns, a block of 10,000 drawn rows again and again."""
    random.seed(0)
    block = "".join(f"{number(random.random())},{number(random.gauss(0, 1))}\n" for _ in range(10_000))
    with path.open("w") as file:
        file.write("x,y\n")
        for _ in range(rows // 10_000):
            file.write(block)
    return path


def by_bpcompare(path: Path) -> Columns:
    from bpcompare.problem.csv_reader import read_csv

    problem = read_csv(path, ["x"], ["y"])
    return problem.x, problem.y


def by_pandas(path: Path) -> Columns:
    """The same columns, with the checks that pandas leaves to its user: it accepts rows that are too short or long."""
    import pandas

    with path.open(newline="") as file:
        header = next(csv.reader(file))
    if any(header.count(name) != 1 for name in ("x", "y")):
        raise ValueError("each column must stand in the header once")
    read = pandas.read_csv(path)
    if not isinstance(read.index, pandas.RangeIndex):
        raise ValueError("rows are longer than the header")
    columns = []
    for name in ("x", "y"):
        if read[name].dtype.kind not in "fi":
            raise ValueError(f"{name} holds what is no number")
        values = read[name].to_numpy(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds what is not finite, or rows are too short")
        columns.append(torch.from_numpy(values.astype(np.float32)).unsqueeze(1))
    return columns[0], columns[1]


def compared(what: str, path: Path) -> None:
    """The row for a table, each reader in a process of its own."""
    with apart(partial(by_bpcompare, path)) as ours, apart(partial(by_pandas, path)) as theirs:
        paired(what, "pandas.read_csv and checks", ours, theirs, pairs=7, goal=1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        short = table(Path(folder, "short.csv"), "{:.6f}".format, ROWS)
        read = f"from bpcompare import read_csv; read_csv({str(short)!r}, 'x', 'y').x"
        peak("CSV, 10⁷ rows: memory", python("-c", read), goal=1)
        assert all(map(torch.equal, by_bpcompare(short), by_pandas(short)))
        compared("CSV, 10⁷ rows, 6 decimals", short)
        full = table(Path(folder, "full.csv"), repr, ROWS // 10)
        compared("CSV, 10⁶ rows, all 17 digits", full)

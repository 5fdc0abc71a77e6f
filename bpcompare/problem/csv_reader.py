"""A user's CSV file becomes a problem, or is refused with file, line, column and cell.

Nothing is guessed: a file with two possible meanings is refused.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bpcompare import datasets
from bpcompare.garbage import no_garbage_collection
from bpcompare.problem import estimates
from bpcompare.problem.csv_columns import Columns
from bpcompare.problem.csv_dialect import Dialect
from bpcompare.problem.csv_encoding import open_text
from bpcompare.problem.csv_rows import Rows
from bpcompare.problem.from_data import from_data
from bpcompare.problem.problem import Problem

AS_USUAL = Dialect()
KEPT = 2**24  # bytes
SPARE = 1.05  # room for more rows than the first ones let expect, so that the numbers need not be moved

OnProgress = Callable[[float], object]


@dataclass(frozen=True)
class Table:
    """The columns asked for, (N, columns) float64, their names, and how many rows were left out."""

    x: Tensor
    y: Tensor
    x_names: tuple[str, ...]
    y_names: tuple[str, ...]
    skipped: int = 0


def read_csv(
    path: Path | str,
    x: Columns,
    y: Columns,
    *,
    encoding: str | None = None,
    decimal: str = ".",
    comment: str | None = None,
    skip_missing: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    bias: bool = True,
    standardize: bool = False,
    on_progress: OnProgress | None = None,
) -> Problem:
    r"""The problem of predicting columns ``y`` of a CSV file from its columns ``x``.

    The delimiter is a comma, a semicolon or a tab, whichever gives the columns asked for; the first row names the
    columns. Cells are quoted or not; numbers have no thousands separators, no units and no percent signs.

    Args:
        path: The file, or the name of a sample table (see `bpcompare.datasets`) where there is no such file.
        x: Names of the input columns. A text that is a column's name as it stands means that column; otherwise it is
            taken apart at its commas. ``"all"`` means every column that is not in y; ``*`` and ``?`` stand for any
            text and for one character, as in ``"c*"``.
        y: The same for the output columns.
        encoding: The file's encoding, such as "gbk"; None for UTF-8 (with or without a byte order mark) or UTF-16 with
            one.
        decimal: "." or ",": the sign before the decimals.
        comment: Lines that begin with this text, such as "#", are left out.
        skip_missing: Whether to leave out the rows in which a cell asked for is missing (empty, NA, N/A, #N/A, NaN,
            NULL or None); the problem's ``skipped`` says how many. Otherwise such a cell is an error.
        seed: Random seed for the initial parameters.
        dtype: The precision of training.
        bias: Whether the model has one.
        standardize: Whether to train on standardised columns.
        on_progress: Called now and then with the fraction of the file that has been read.

    Raises:
        TableError: The file is not such a table; the message names line, column and cell.
        LimitError: The table would not fit into memory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "cars.csv"
        ...     _ = path.write_text("speed;dist\n4,5;2\n7;NA\n9;8\n")
        ...     problem = read_csv(path, "speed", "dist", decimal=",", skip_missing=True)
        >>> problem.measured_x.tolist(), problem.skipped
        ([[4.5], [9.0]], 1)
    """
    dialect = Dialect(encoding, decimal, comment, skip_missing)
    file = datasets.find(path)
    table = read_table(file, x, y, on_progress, dialect)
    return from_data(
        table.x,
        table.y,
        name=file.name,
        seed=seed,
        dtype=dtype,
        bias=bias,
        standardize=standardize,
        x_names=table.x_names,
        y_names=table.y_names,
        skipped=table.skipped,
    )


def read_table(
    path: Path, x: Columns, y: Columns, on_progress: OnProgress | None = None, dialect: Dialect = AS_USUAL
) -> Table:
    """The named columns of a CSV file as float64 tensors; see `read_csv` for what is accepted and what is raised."""
    # Rows are plain lists of text, never cycles; looking for cycles in them takes longer than reading them.
    with open_text(path, dialect.encoding) as (binary, text), no_garbage_collection():
        _keep_freed_memory()
        reader = Rows(path, text, x, y, dialect)
        size = max(path.stat().st_size, 1)
        with closing(reader.chunks()) as chunks:  # an error ends what they have begun
            for number, _ in enumerate(chunks, 1):
                read = min(binary.tell() / size, 1.0)
                if number & (number - 1) == 0:  # ever more seldom: a look at the memory takes as long as a chunk
                    rows = int(reader.count / max(read, 1e-9))
                    estimates.table(rows, len(reader.wanted)).check()
                    reader.reserve(int(SPARE * rows))
                if on_progress:
                    on_progress(read)
    inputs, outputs = (torch.from_numpy(side.whole()) for side in (reader.inputs, reader.outputs))
    return Table(inputs, outputs, tuple(reader.x), tuple(reader.y), reader.skipped)


def _keep_freed_memory() -> None:
    """Has glibc keep up to so much freed memory for the next array; new pages cost as much as a block's arithmetic.

    It keeps twice the largest piece that was ever freed.
    """
    torch.empty(KEPT, dtype=torch.uint8)

import contextlib
import os
from codecs import BOM_UTF8
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bpcompare.errors import TableError
from bpcompare.problem import csv_backwards, csv_plain, csv_rows, csv_second_half
from bpcompare.problem.csv_dialect import Dialect
from bpcompare.problem.csv_plain import plain_numbers
from bpcompare.problem.csv_reader import read_table

COLUMNS = 3
DIGITS = st.integers(10, 10**26 - 1).map(lambda number: str(number)[1:])  # 1 to 25, zeros in front, too
SIGN = st.sampled_from(["", "-"])
WHOLE = st.integers(0, 2**64 - 1).map(str)
DECIMALS = st.builds("{}.{}".format, WHOLE, DIGITS)
POWER = st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 280))
PLAIN = st.builds("{}{}{}".format, SIGN, DECIMALS, POWER | st.just("")) | st.floats(
    allow_nan=False, allow_infinity=False
).map(repr)
ANY = st.one_of(
    PLAIN,
    st.floats().map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.text("0123456789.-+eE_, \"';\t#x¼٣", max_size=12),
    st.sampled_from(["", "NA", "nan", "-", ".", "-.", "1.2.3", "--1", "1-", "1 2", "1_0", "007", "+1", ".5", "5."]),
    st.sampled_from(["-0", "-0 ", " -0.0", "-0e3", "1e-400", "1e999", "9007199254740993"]),
    st.sampled_from(['"1"', '"1\n2"', "null", "true", "[1]", "[]", "{}"]),
)
LINE_END = st.sampled_from(["\n", "\r\n", "\r"])


@pytest.fixture(params=["simdjson", "float"])
def reader(request):
    """With simdjson, where it is installed, and without."""
    if request.param == "simdjson" and csv_plain.simdjson is None:
        pytest.skip("simdjson is not installed")
    with without_simdjson() if request.param == "float" else contextlib.nullcontext():
        yield


def without_simdjson():
    return mock.patch.object(csv_plain, "simdjson", None)


def by_both_readers(read):
    """What ``read`` gives with simdjson, where it is installed, and without: one drawn table for both."""
    found = [read()]
    with without_simdjson():
        return [*found, read()]


def bits(numbers):
    if isinstance(numbers, bytes):
        return np.frombuffer(numbers, np.int64).tolist()
    return np.ascontiguousarray(numbers, np.float64).view(np.int64).ravel().tolist()


@settings(deadline=None)
@given(st.lists(st.tuples(*[PLAIN] * COLUMNS), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_plain_numbers_are_to_the_bit_what_float_makes_of_each_cell(rows, line_end, closed):
    text = line_end.join(map(",".join, rows)) + line_end * closed
    for found in by_both_readers(lambda: plain_numbers(text.encode(), ",", ".", COLUMNS)):
        assert found is not None
        assert bits(found) == bits([[float(cell) for cell in row] for row in rows])


@settings(deadline=None)
@given(st.lists(st.tuples(*[PLAIN] * COLUMNS), min_size=1, max_size=4))
def test_with_a_decimal_comma_they_are_the_same(rows):
    text = "".join(";".join(row).replace(".", ",") + "\n" for row in rows)
    for found in by_both_readers(lambda: plain_numbers(text.encode(), ";", ",", COLUMNS)):
        assert bits(found) == bits([[float(cell) for cell in row] for row in rows])


@settings(deadline=None)
@given(st.lists(st.lists(ANY, min_size=1, max_size=3), min_size=1, max_size=4))
@example([["1.5", "9007199254740993"]])  # 2⁵³ + 1
@example([["-0", "1"], ["-0 ", "0"]])
@example([["1", "2,3"], ["4"]])  # as many cells as two rows of two
@example([["[1", "2]"]])
@example([["1e999", "1"]])
@example([["0", "-0"], ["1e-0", "5e-324"]])
@example([["1\r", "2"], ["1", "\r2"]])  # line ends that JSON takes for blanks
def test_what_is_not_plain_is_never_taken_for_a_number(rows):
    text = "".join(",".join(row) + "\n" for row in rows)
    for found in by_both_readers(lambda: plain_numbers(text.encode(), ",", ".", 2)):
        if found is not None:
            cells = [line.split(",") for line in text.split("\n")[:-1]]
            assert all(len(row) == 2 for row in cells)
            assert bits(found) == bits([[float(cell) for cell in row] for row in cells])


def read_every_way(path, dialect, block):
    """What the reader gives by its fast ways, and what it gives without them: tables or faults."""

    def read():
        try:
            table = read_table(path, "b", "a", dialect=dialect)
        except TableError as error:
            return str(error)
        return bits(table.x), bits(table.y), table.skipped

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_rows, "BLOCK", block)
        fast = by_both_readers(read)
        patched.setattr(csv_rows, "plain_numbers", lambda *_: None)
        patched.setattr(csv_rows.Rows, "_plain_beginning", lambda self: iter(()))
        return [*fast, read()]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(PLAIN, min_size=2, max_size=2) | st.lists(ANY, min_size=0, max_size=3), min_size=1, max_size=8),
    LINE_END,
    st.sampled_from(
        [Dialect(), Dialect(skip_missing=True), Dialect(decimal=","), Dialect(comment="#"), Dialect(comment="x")]
    ),
    st.sampled_from([1, 5, 40]),
    st.integers(0, 3),
    st.sampled_from([b"", BOM_UTF8]),
)
def test_the_reader_gives_the_same_table_or_the_same_fault_without_the_fast_way(
    path, rows, end, dialect, block, ends, mark
):
    sign = ";" if dialect.decimal == "," else ","
    lines = [f"a{sign}b", *(sign.join(row) for row in rows)]
    path.write_bytes(mark + (end.join(lines) + end * ends).encode())
    one, other, careful = read_every_way(path, dialect, block)
    assert one == other == careful


def from_the_end(patched, block, most):
    """The end of every table is converted as by another process, but in this one, and not more than ``most`` bytes."""

    def start(_, *options, stdin, stdout):
        with os.fdopen(os.dup(stdin.fileno()), "rb") as file, os.fdopen(os.dup(stdout.fileno()), "wb") as numbers:
            csv_backwards.convert(file, numbers, *options)
        os.truncate(stdout.fileno(), min(most, os.fstat(stdout.fileno()).st_size))
        return SimpleNamespace(wait=lambda: 0, kill=lambda: None)

    for name, value in {"LEAST": 0, "cores": lambda: 2, "start": start}.items():
        patched.setattr(csv_second_half, name, value)
    patched.setattr(csv_backwards, "BLOCK", block)


FAULTS = [
    b"1,2\n",
    b"1;2\n",
    b"1,\xff\n",
    b"1,\xc3\xa9\n",
    b"\n",
    b"1\r2\n",
    b"1,2\r\n",
    b'"1\n2",3\n',
    b"1,2,3\n",
    b"# 1\n",
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1_000), st.sampled_from(FAULTS)), max_size=3),
    st.sampled_from([Dialect(), Dialect(skip_missing=True), Dialect("utf-8", comment="#"), Dialect("cp1252")]),
    st.sampled_from([2_000, 4_000]),
    st.none() | st.tuples(st.sampled_from([200, 4_000]), st.integers(0, 20_000)),
)
def test_the_same_rows_or_the_same_fault_wherever_two_processes_meet(path, faults, dialect, block, halved):
    lines = [b"0.25,-1.5e3\n"] * 1_000
    for place, line in faults:
        lines.insert(place, line)
    path.write_bytes(b"a,b\n" + b"".join(lines))
    with pytest.MonkeyPatch.context() as patched:
        if halved:
            from_the_end(patched, *halved)
        one, other, careful = read_every_way(path, dialect, block)
    assert one == other == careful


@pytest.mark.usefixtures("reader")
@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs the names of open files")
def test_a_pipe_is_told_of_in_the_same_way(monkeypatch):
    told = []
    for plain_beginning in (csv_rows.Rows._plain_beginning, lambda self: iter(())):
        reading, writing = os.pipe()
        os.write(writing, b"a,b\n1,2\n")
        os.close(writing)
        monkeypatch.setattr(csv_rows.Rows, "_plain_beginning", plain_beginning)
        with pytest.raises(TableError) as caught:
            read_table(Path(f"/dev/fd/{reading}"), "b", "a")
        os.close(reading)
        told.append(str(caught.value).removeprefix(f"/dev/fd/{reading}"))
    assert told[0] == told[1]


@pytest.mark.usefixtures("reader")
def test_a_large_table_is_converted_without_the_careful_reader(path, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(20_000, 3, generator=generator, dtype=torch.float64).mul(1e5).round().div(1e5)
    path.write_text("a,b,c\n" + "".join(f"{a:.5f},{b:.5f},{c:.5f}\n" for a, b, c in numbers.tolist()))
    monkeypatch.setattr(csv_rows.Rows, "_convert", None)
    table = read_table(path, "a,c", "b")
    assert torch.equal(table.x, numbers[:, [0, 2]])
    assert torch.equal(table.y, numbers[:, 1:2])


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("mark", [b"", BOM_UTF8])
def test_the_plain_beginning_of_a_file_never_becomes_text(path, monkeypatch, mark):
    lines = b"1.5,2\r\n" * 20_000
    path.write_bytes(mark + "vitesse é,b\r\n".encode() + lines + b"3,\n" + lines)
    texts = []
    rows = csv_rows.Rows
    monkeypatch.setattr(rows, "_convert", lambda self, found, line: texts.append((self.text.tell(), line)))
    table = read_table(path, "b", "vitesse é", dialect=Dialect(skip_missing=True))
    assert len(texts) == 1
    assert torch.equal(table.x, torch.full_like(table.x, 2))

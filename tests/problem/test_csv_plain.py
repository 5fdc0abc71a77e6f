import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bpcompare.errors import TableError
from bpcompare.problem import csv_plain, csv_rows
from bpcompare.problem.csv_dialect import Dialect
from bpcompare.problem.csv_plain import plain_numbers
from bpcompare.problem.csv_reader import read_table

COLUMNS = 3
DIGITS = st.text("0123456789", min_size=1, max_size=25)
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


@pytest.fixture(params=["simdjson", "float"], autouse=True, scope="module")
def reader(request):
    """With simdjson, where it is installed, and without."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "float":
            patched.setattr(csv_plain, "simdjson", None)
        elif csv_plain.simdjson is None:
            pytest.skip("simdjson is not installed")
        yield request.param


def bits(numbers):
    return np.ascontiguousarray(numbers, np.float64).view(np.int64).tolist()


@given(st.lists(st.tuples(*[PLAIN] * COLUMNS), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_plain_numbers_are_to_the_bit_what_float_makes_of_each_cell(rows, line_end, closed):
    text = line_end.join(map(",".join, rows)) + line_end * closed
    found = plain_numbers(text, ",", ".", COLUMNS)
    assert found is not None
    assert bits(found) == bits([[float(cell) for cell in row] for row in rows])


@given(st.lists(st.tuples(*[PLAIN] * COLUMNS), min_size=1, max_size=4))
def test_with_a_decimal_comma_they_are_the_same(rows):
    text = "".join(";".join(row).replace(".", ",") + "\n" for row in rows)
    found = plain_numbers(text, ";", ",", COLUMNS)
    assert bits(found) == bits([[float(cell) for cell in row] for row in rows])


@given(st.lists(st.lists(ANY, min_size=1, max_size=3), min_size=1, max_size=4))
@example([["1.5", "9007199254740993"]])  # 2⁵³ + 1
@example([["-0", "1"], ["-0 ", "0"]])
@example([["1", "2,3"], ["4"]])  # as many cells as two rows of two
@example([["[1", "2]"]])
@example([["1e999", "1"]])
@example([["1\r", "2"], ["1", "\r2"]])  # line ends that JSON takes for blanks
def test_what_is_not_plain_is_never_taken_for_a_number(rows):
    text = "".join(",".join(row) + "\n" for row in rows)
    found = plain_numbers(text, ",", ".", 2)
    if found is not None:
        cells = [line.split(",") for line in text.split("\n")[:-1]]
        assert all(len(row) == 2 for row in cells)
        assert bits(found) == bits([[float(cell) for cell in row] for row in cells])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.csv"


@settings(max_examples=150)
@given(
    st.lists(st.lists(PLAIN, min_size=2, max_size=2) | st.lists(ANY, min_size=0, max_size=3), min_size=1, max_size=8),
    LINE_END,
    st.sampled_from(
        [Dialect(), Dialect(skip_missing=True), Dialect(decimal=","), Dialect(comment="#"), Dialect(comment="x")]
    ),
    st.sampled_from([1, 5, 40]),
    st.booleans(),
)
def test_the_reader_gives_the_same_table_or_the_same_fault_without_the_fast_way(
    path, rows, end, dialect, block, closed
):
    sign = ";" if dialect.decimal == "," else ","
    lines = [f"a{sign}b", *(sign.join(row) for row in rows)]
    path.write_bytes((end.join(lines) + end * closed).encode())
    results = []
    with pytest.MonkeyPatch.context() as patched:
        for fast in (True, False):
            patched.setattr(csv_rows, "BLOCK", block)
            patched.setattr(csv_rows, "plain_numbers", plain_numbers if fast else lambda *_: None)
            try:
                table = read_table(path, "b", "a", dialect=dialect)
                results.append((bits(table.x), bits(table.y), table.skipped))
            except TableError as error:
                results.append(str(error))
    assert results[0] == results[1]


def test_a_large_table_is_converted_without_the_careful_reader(path, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(20_000, 3, generator=generator, dtype=torch.float64).mul(1e5).round().div(1e5)
    path.write_text("a,b,c\n" + "".join(f"{a:.5f},{b:.5f},{c:.5f}\n" for a, b, c in numbers.tolist()))
    monkeypatch.setattr(csv_rows.Rows, "_convert", None)
    table = read_table(path, "a,c", "b")
    assert torch.equal(table.x, numbers[:, [0, 2]])
    assert torch.equal(table.y, numbers[:, 1:2])

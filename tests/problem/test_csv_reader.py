import contextlib
import csv
import gc
import io
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.errors import TableError
from bpcompare.problem import csv_rows as module
from bpcompare.problem.csv_reader import read_csv, read_table


@pytest.fixture
def table(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


GOOD = {
    "comma": b"a,b\n1,2\n3,4.5\n",
    "semicolon": b"a;b\n1;2\n3;4.5\n",
    "tab": b"a\tb\n1\t2\n3\t4.5\n",
    "CRLF": b"a,b\r\n1,2\r\n3,4.5\r\n",
    "CR": b"a,b\r1,2\r3,4.5\r",
    "no newline at the end": b"a,b\n1,2\n3,4.5",
    "blank lines at the end": b"a,b\n1,2\n3,4.5\n\n\r\n",
    "UTF-8 with a byte order mark": b"\xef\xbb\xbfa,b\n1,2\n3,4.5\n",
    "UTF-16 little endian": "\ufeffa,b\n1,2\n3,4.5\n".encode("utf-16-le"),
    "UTF-16 big endian": "\ufeffa,b\n1,2\n3,4.5\n".encode("utf-16-be"),
    "quoted headers and cells": b'"a","b"\n"1","2"\n"3","4.5"\n',
    "spaces around": b" a , b \n 1 , 2\n3, 4.5 \n",
    "other columns, of text": b'name,b,a\n"x, y",2,1\n"line\nbreak",4.5,3\n',
    "exponents and signs": b"a,b\n+1e0,2\n.3e1,45E-1\n",
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_every_layout_that_is_accepted_gives_the_same_numbers(table, content):
    found = read_table(table(content), ["a"], ["b"])
    assert found.x.tolist() == [[1.0], [3.0]]
    assert found.y.tolist() == [[2.0], [4.5]]


BAD = {
    "empty file": (b"", "the file is empty"),
    "empty first line": (b"\na,b\n1,2\n", "line 1: the file is empty"),
    "only a header": (b"a,b\n", "has a header but no rows"),
    "no header": (b"1,2\n3,4\n", "line 1: the header is missing.*'1', '2'"),
    "unknown column": (b"a,c\n1,2\n", "line 1: there is no column 'b'; the columns are 'a', 'c'"),
    "duplicate column": (b"a,b,b\n1,2,3\n", "line 1: column 'b' stands there 2 times"),
    "short row": (b"a,b\n1,2\n3\n", "line 3: the row has 1 cell, the header has 2"),
    "long row": (b"a,b\n1,2,3\n", "line 2: the row has 3 cells, the header has 2"),
    "blank line between": (b"a,b\n1,2\n\n3,4\n", "line 3: the line is blank"),
    "empty cell": (b"a,b\n1,2\n3,\n", "line 3, column 'b': the cell is empty"),
    "cell of spaces": (b"a,b\n1,  \n", "line 2, column 'b': the cell is empty"),
    "text": (b"a,b\n1,two\n", "line 2, column 'b': the cell reads 'two', which is not a number"),
    "nan": (b"a,b\n1,NaN\n", "line 2, column 'b': the cell reads 'NaN', a missing value and not a finite"),
    "inf": (b"a,b\n-inf,2\n", "line 2, column 'a': the cell reads '-inf', which is not a finite"),
    "overflow": (b"a,b\n1,1e999\n", "'1e999', which is not a finite number of double precision"),
    "thousands": (b'a,b\n1,"1,234"\n', "'1,234'; write numbers with a decimal point"),
    "thousands by a space": (b"a,b\n1,1 234\n", "'1 234'; write numbers with a decimal point"),
    "thousands by an apostrophe": (b"a;b\n1;1'234.5\n", "without thousands separators"),
    "decimal comma": (b"a;b\n1;2,5\n", "line 2, column 'b': the cell reads '2,5'; write numbers with a decimal point"),
    "underscore": (b"a,b\n1,1_000\n", "'1_000'; write numbers"),
    "digits of another script": ("a,b\n1,١٢\n", "which is not a number"),
    "after a cell with a line break": (b'a,b,c\n1,2,"x\ny"\n3,z,w\n', "line 4, column 'b': the cell reads 'z'"),
    "open quote": (b'a,b\n"1,2\n', "line 2: unexpected end of data; close every quote"),
    "Latin-1": ("a,b\n1,2\n3,é\n".encode("latin-1"), "line 3: this is not UTF-8 text"),
    "UTF-16 cut off": ("\ufeffa,b\n1,2\n".encode("utf-16-le")[:-1], "this is not UTF-16 text"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "not UTF-8, nor UTF-16 with a byte order mark"),
    "UTF-32": ("\ufeffa,b\n1,2\n".encode("utf-32-le"), "not UTF-8, nor UTF-16 with a byte order mark"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_what_is_not_a_table_of_numbers_is_refused_with_its_place(table, content, message):
    with pytest.raises(TableError, match=message) as caught:
        read_table(table(content), ["a"], ["b"])
    assert "table.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_place_is_right_in_every_chunk(table, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 16)
    for bad in range(20):
        lines = ["a,b", *(f"{i},{i}" if i != bad else f"{i},oops" for i in range(20))]
        with pytest.raises(TableError, match=f"line {bad + 2}, column 'b'"):
            read_table(table("\n".join(lines)), ["a"], ["b"])


def test_blank_lines_before_a_later_chunk_are_refused(table, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 4)
    with pytest.raises(TableError, match="line 3: the line is blank"):
        read_table(table("a,b\n1,2\n\n\n\n3,4\n"), ["a"], ["b"])
    assert len(read_table(table("a,b\n1,2\n\n\n\n\n"), ["a"], ["b"]).x) == 1


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["α", "x y", 'say "x"', "a,b", "$x$"]),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_the_csv_module_writes_is_read_back_exactly(path, rows, delimiter, newline, quoting, encoding, name):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    writer.writerow([name, "target"])
    writer.writerows([repr(a), repr(b)] for a, b in rows)
    path.write_bytes(text.getvalue().encode(encoding))
    table = read_table(path, [name], ["target"])
    assert table.x[:, 0].tolist() == [a for a, _ in rows]
    assert table.y[:, 0].tolist() == [b for _, b in rows]


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_bytes_whatever_raise_anything_but_the_declared_error(path, content):
    path.write_bytes(b"a,b\n" + content)
    with contextlib.suppress(TableError):
        assert read_table(path, ["a"], ["b"]).x.isfinite().all()


def test_huge_finite_numbers_whose_sum_overflows_are_accepted(table):
    assert len(read_table(table("a,b\n1e308,1\n1e308,2\n"), ["a"], ["b"]).x) == 2


def test_several_columns_keep_the_order_asked_for(table):
    found = read_table(table("a,b,c,d\n1,2,3,4\n5,6,7,8\n"), ["d", "a"], ["c", "b"])
    assert found.x.tolist() == [[4, 1], [8, 5]]
    assert found.y.tolist() == [[3, 2], [7, 6]]


def test_the_delimiter_is_the_one_under_which_the_columns_exist(table):
    assert read_table(table('"a;1",b\n1,2\n'), ["a;1"], ["b"]).y.tolist() == [[2.0]]
    assert read_table(table("x,1;y,1\n1;2\n"), ["x,1"], ["y,1"]).x.tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (["a"], ["a"], "column 'a' is asked for twice"),
        (["a", "b", "a"], ["c"], "column 'a' is asked for twice"),
        ([], ["a"], "--x and --y must name at least one column each"),
    ],
)
def test_columns_must_be_named_once_each(table, x, y, message):
    with pytest.raises(TableError, match=message):
        read_table(table("a,b,c\n1,2,3\n"), x, y)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(TableError, match=r"nowhere\.csv cannot be read: No such file"):
        read_table(tmp_path / "nowhere.csv", ["a"], ["b"])
    with pytest.raises(TableError, match="cannot be read: Is a directory"):
        read_table(tmp_path, ["a"], ["b"])


def test_a_pipe_is_refused_as_one():
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as pipe:
        pipe.write("a,b\n1,2\n")
        pipe.flush()
        with pytest.raises(TableError, match="is a pipe, which can be read only once"):
            read_table(Path(f"/dev/fd/{reader}"), ["a"], ["b"])


def test_the_problem_has_names_and_no_truth(table):
    problem = read_csv(table("speed,dist\n4,2\n7,4\n9,9\n", "cars.csv"), ["speed"], ["dist"], standardize=True)
    assert (problem.name, problem.x_names, problem.y_names, problem.truth) == ("cars.csv", ("speed",), ("dist",), None)
    assert problem.x.dtype == torch.float32
    assert problem.measured_x.dtype == torch.float64


def test_progress_reaches_the_end_and_garbage_collection_is_restored(table):
    seen = []
    read_table(table("a,b\n" + "1,2\n" * 10_000), ["a"], ["b"], seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert gc.isenabled()

"""Tables as people have them: every accepted way of writing gives the same numbers, the rest is refused."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare import datasets
from bpcompare.errors import InputError, TableError
from bpcompare.problem import csv_encoding
from bpcompare.problem.csv_columns import choose
from bpcompare.problem.csv_dialect import Dialect
from bpcompare.problem.csv_encoding import likely_encoding
from bpcompare.problem.csv_reader import read_csv, read_table
from bpcompare.problem.from_data import from_data
from bpcompare.theory.least_squares import least_squares

numbers = st.floats(allow_nan=False, allow_infinity=False)
names = st.sampled_from(["速度", "vitesse", "スピード", "speed, km/h", "c*", "all", "α β"])


@given(
    st.lists(st.tuples(numbers, numbers, st.booleans()), min_size=1, max_size=20),
    names,
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "gb18030"]),
    st.sampled_from([(".", ","), (".", ";"), (",", ";"), (",", "\t"), (",", ",")]),
    st.integers(0, 10**6),
)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_a_table_in_any_accepted_dialect_reads_back_to_the_same_numbers(path, rows, name, encoding, signs, seed):
    decimal, separator = signs
    draw = random.Random(seed)
    lines = [f'"{name}"{separator}"y"']
    kept = []
    for a, b, missing in rows:
        lines += ["# a comment; with, signs"] * draw.randrange(2)
        cells = [repr(a).replace(".", decimal), repr(b).replace(".", decimal)]
        if missing:
            cells[draw.randrange(2)] = draw.choice(["", "NA", "nan", " null "])
        else:
            kept.append((a, b))
        lines.append(separator.join(f'"{cell}"' for cell in cells))
    path.write_bytes("\n".join(lines).encode(encoding))
    dialect = Dialect(encoding, decimal, "#", skip_missing=True)
    if not kept:
        with pytest.raises(TableError, match="no rows of data"):
            read_table(path, name, "y", dialect=dialect)
        return
    table = read_table(path, name, "y", dialect=dialect)
    assert list(zip(table.x[:, 0].tolist(), table.y[:, 0].tolist(), strict=True)) == kept
    assert table.skipped == len(rows) - len(kept)
    assert table.x_names == (name,)


def write(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("12 %", "take the sign out"),
        ("12%", "take the sign out"),
        ("3 km/h", "a number with a unit"),
        ("€3.50", "a number with a unit"),
        ("2024-01-31", "a date or a time"),
        ("31.1.2024", "a date or a time"),
        ("2024年1月31日", "a date or a time"),
        ("12:30", "a date or a time"),
        ("31 Jan 2024", "a date or a time"),
        ("\u22125", "minus sign"),
        ("", "--skip-missing"),
        ("NA", "--skip-missing"),
        ("'2,5", "not a number"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place_and_what_to_do(tmp_path, cell, told):
    with pytest.raises(TableError, match=rf"t\.csv, line 3, column 'b': .*{told}"):
        read_table(write(tmp_path, f"a;b\n1;2\n3;{cell}\n"), ["a"], ["b"])


def test_a_decimal_comma_is_never_guessed(tmp_path):
    path = write(tmp_path, "a;b\n1;2,5\n")
    with pytest.raises(TableError, match="--decimal ,"):
        read_table(path, "a", "b")
    assert read_table(path, "a", "b", dialect=Dialect(decimal=",")).y.item() == 2.5
    for cell in ("2.5", "1.234,5", "1.234"):
        with pytest.raises(TableError, match="line 2, column 'b'"):
            read_table(write(tmp_path, f"a;b\n1;{cell}\n"), "a", "b", dialect=Dialect(decimal=","))


def test_a_header_that_can_be_read_in_two_ways_is_refused(tmp_path):
    with pytest.raises(TableError, match="can be read with ',' and with ';'"):
        read_table(write(tmp_path, "x,y,q;x;y\n1,2,3\n"), "x", "y")


@pytest.mark.parametrize(
    ("text", "encoding", "likely"),
    [
        ("速度,距离\n4,2\n", "gbk", "gbk"),
        ("Länge,Größe\n4,2\n", "latin-1", "cp1252"),
        ("スピード,キョリ\n4,2\n", "shift_jis", "shift_jis"),
        ("Скорость,путь\n4,2\n", "cp1251", "cp1251"),
    ],
)
def test_an_encoding_is_suggested_and_read_only_when_it_is_named(tmp_path, text, encoding, likely):
    path = write(tmp_path, text, encoding)
    x, y = text.splitlines()[0].split(",")
    with pytest.raises(TableError, match=f"line 1: this is not UTF-8 text.*--encoding {likely} "):
        read_table(path, x, y)
    assert read_csv(path, x, y, encoding=likely).x_names == (x,)
    assert likely_encoding(text.encode(encoding)) == likely


@pytest.mark.parametrize("name", ["klingon", "rot13", "hex", "idna", "undefined", "cp037", "", "\0", "x" * 10_000])
def test_an_encoding_that_is_none_is_refused(name):
    with pytest.raises(TableError, match="--encoding must be"):
        Dialect(name)


def test_a_byte_order_mark_that_says_otherwise_is_told(tmp_path):
    with pytest.raises(TableError, match="byte order mark of UTF-8"):
        read_table(write(tmp_path, "a,b\n1,2\n", "utf-8-sig"), "a", "b", dialect=Dialect("gbk"))
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,\xff\n")
    with pytest.raises(TableError, match="line 2: this is not UTF-8 text"):
        read_table(path, "a", "b")


def test_an_encoding_that_wants_a_mark_is_refused_where_there_is_none(tmp_path):
    with pytest.raises(TableError, match="line 1: this is not UTF-16 text"):
        read_table(write(tmp_path, "a,b\n1,2\n", "utf-8"), "a", "b", dialect=Dialect("utf-16"))


def test_comment_lines_are_left_out_and_lines_keep_their_numbers(tmp_path):
    text = '# one\na,b,c\n1,2,"line\n# no comment"\n  # two\n3,x,y\n'
    with pytest.raises(TableError, match="line 6, column 'b'"):
        read_table(write(tmp_path, text), "a", "b", dialect=Dialect(comment="#"))
    table = read_table(write(tmp_path, text.replace("x", "4")), "a", "b", dialect=Dialect(comment="#"))
    assert table.y.tolist() == [[2.0], [4.0]]
    with pytest.raises(TableError, match="--comment '#'"):
        read_table(write(tmp_path, "# one\na,b\n1,2\n"), "a", "b")


@pytest.mark.parametrize("sign", ["", " ", "4", "-", ",", ";", '"', ".5"])
def test_a_comment_sign_that_a_row_could_begin_with_is_refused(sign):
    with pytest.raises(TableError, match="--comment must be"):
        Dialect(comment=sign)


@pytest.mark.parametrize(
    ("x", "y", "chosen"),
    [
        ("all", "dist", (["c1", "c2", "speed, km/h"], ["dist"])),
        ("c*", "dist", (["c1", "c2"], ["dist"])),
        ("c?,dist", "speed, km/h", (["c1", "c2", "dist"], ["speed, km/h"])),
        ("speed, km/h", "dist", (["speed, km/h"], ["dist"])),
        ('"speed, km/h",c1', "dist", (["speed, km/h", "c1"], ["dist"])),
        (["speed, km/h"], "c*", (["speed, km/h"], ["c1", "c2"])),
        ("all", "all", None),
        ("c1", "c1", None),
        ("c1,,c2", "dist", None),
    ],
)
def test_columns_are_chosen_by_name_or_pattern(x, y, chosen):
    header = ["c1", "c2", "speed, km/h", "dist"]
    if chosen is None:
        with pytest.raises(TableError):
            choose(header, x, y)
    else:
        assert choose(header, x, y) == chosen


def test_a_column_that_is_called_all_is_that_column():
    assert choose(["all", "b", "y"], "all", "y") == (["all"], ["y"])


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(path):
    path.write_bytes(b"a," * 6_000_000)
    with pytest.raises(TableError, match="a line of more than 10 million bytes"):
        read_table(path, "a", "b")


def test_messages_quote_little_of_a_file(tmp_path):
    header = ",".join(f"{'n' * 5_000}{i}" for i in range(30))
    for text in (header + "\n1\n", f"a,b\n1,{'z' * 100_000}\n"):
        with pytest.raises(TableError) as caught:
            read_table(write(tmp_path, text), "a", "b")
        assert len(str(caught.value)) < 2_500
    assert csv_encoding.LONGEST_LINE < 300_000_000


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "\x00", "a\u2028b", "a\u202eb", "", "  ", "\ud800"])
def test_a_name_with_control_characters_is_refused_wherever_it_comes_from(tmp_path, name):
    with pytest.raises(InputError, match="x_names"):
        from_data([[1.0]], [[1.0]], x_names=[name])


def test_a_header_with_a_line_break_in_a_name_is_refused(tmp_path):
    with pytest.raises(TableError, match=r"column 1.*control character '\\n'"):
        read_table(write(tmp_path, '"a\nb",c\n1,2\n'), "all", "c")


@pytest.mark.parametrize(
    ("name", "x", "y", "loss", "rows"),
    [  # NIST's certified residual sums of squares; cars: R's lm, 11353.52
        ("norris", "x", "y", 26.6173985294224 / 36, 36),
        ("longley", "all", "employed", 836424.055505915 / 16, 16),
        ("cars", "speed", "dist", 11353.5210510949 / 50, 50),
    ],
)
def test_a_sample_table_has_its_published_residuals(tmp_path, monkeypatch, name, x, y, loss, rows):
    monkeypatch.chdir(tmp_path)
    problem = read_csv(name, x, y)
    assert problem.samples == rows
    assert least_squares(problem.measured_x, problem.measured_y).loss == pytest.approx(loss, rel=1e-7)


def test_a_file_comes_before_a_sample_table_and_a_near_name_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "norris").mkdir()
    assert datasets.find("norris") == datasets.path("norris")
    with pytest.raises(TableError, match="sample table is called cars"):
        datasets.find("cars.csv")
    with pytest.raises(TableError, match="cars, longley, norris"):
        datasets.find("nowhere.csv")
    (tmp_path / "cars").write_text("a,b\n1,2\n")
    assert read_csv("cars", "a", "b").samples == 1


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[1.0], [2.0, 3.0]], [["a"]], [[1j]], None, [], "text", [[True]]])
def test_what_is_not_rows_of_numbers_is_refused(bad):
    with pytest.raises(InputError):
        from_data(bad, [[1.0], [2.0]])

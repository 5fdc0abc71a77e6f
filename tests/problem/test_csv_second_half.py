"""Another process converts the second half of a table: it helps, and is never needed, missed or left behind."""

import pytest

from bpcompare.errors import LimitError, TableError
from bpcompare.problem import csv_reader, csv_second_half
from bpcompare.problem.csv_dialect import Dialect

LINES = [f"{i}.5;{-i},25;{i}e-3\n".replace(".", ",") for i in range(30_000)]


@pytest.fixture
def processes(monkeypatch):
    """Those that were started, for tables of any size."""
    started = []

    def start(*arguments, **streams):
        started.append(real(*arguments, **streams))
        return started[-1]

    real = csv_second_half.start
    for name, value in {"LEAST": 0, "HEAD_START": 0, "cores": lambda: 2, "start": start}.items():
        monkeypatch.setattr(csv_second_half, name, value)
    return started


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a;b;c\n" + "".join(LINES))
    return path


def read(path, on_progress=None):
    return csv_reader.read_table(path, "c", "a", on_progress, Dialect(decimal=","))


def test_the_rows_of_both_processes_stand_in_the_order_of_the_file(path, processes):
    seen = []
    table = read(path, seen.append)
    assert [process.returncode for process in processes] == [0]
    assert table.x[:, 0].tolist() == [float(f"{i}e-3") for i in range(len(LINES))]
    assert table.y[:, 0].tolist() == [i + 0.5 for i in range(len(LINES))]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_fault_of_the_second_half_has_its_line(path, processes):
    path.write_text(path.read_text().replace("29999e-3", "x"))
    with pytest.raises(TableError, match="line 30001, column 'c'"):
        read(path)
    assert [process.returncode for process in processes] == [1]


def test_rows_that_come_while_it_reads_are_read_too(path, processes, monkeypatch):
    real = csv_second_half.SecondHalf.is_plain

    def is_plain(half):
        plain = real(half)
        with path.open("a") as file:
            file.write("1;2;3\n4;5\n")
        return plain

    monkeypatch.setattr(csv_second_half.SecondHalf, "is_plain", is_plain)
    with pytest.raises(TableError, match="line 30003: the row has 2 cells"):
        read(path)


@pytest.mark.parametrize("error", [LimitError, KeyboardInterrupt])
def test_an_error_ends_the_process(path, processes, error):
    def progress(_):
        raise error

    with pytest.raises(error) as caught:  # and with it what it has gone through
        read(path, progress)
    assert [process.returncode is not None for process in processes] == [True]
    assert caught.traceback


def test_a_process_that_is_lost_is_not_missed(path, processes, monkeypatch):
    monkeypatch.setattr(csv_second_half.SecondHalf, "is_plain", lambda half: half.process.kill() or half.process.wait())
    whole = read(path)
    assert len(whole.x) == len(LINES)


def test_where_no_process_can_be_started_one_reads_alone(path, processes, monkeypatch):
    def start(*_, **__):
        raise BlockingIOError

    monkeypatch.setattr(csv_second_half, "start", start)
    assert len(read(path).x) == len(LINES)


@pytest.mark.parametrize(("name", "value"), [("LEAST", 2**26), ("cores", lambda: 1)])
def test_a_small_table_or_one_processor_takes_no_second_process(path, processes, monkeypatch, name, value):
    monkeypatch.setattr(csv_second_half, name, value)
    assert len(read(path).x) == len(LINES)
    assert processes == []

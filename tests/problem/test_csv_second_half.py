"""Another process converts a table from its end: it helps, and is never needed, missed or left behind."""

import time

import pytest

from bpcompare.errors import LimitError, TableError
from bpcompare.problem import csv_reader, csv_rows, csv_second_half
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
    for name, value in {"LEAST": 0, "cores": lambda: 2, "start": start}.items():
        monkeypatch.setattr(csv_second_half, name, value)
    return started


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a;b;c\n" + "".join(LINES))
    return path


@pytest.fixture
def patient(monkeypatch, processes):
    """This process waits at the first row until the other has done what it can; how many rows that were."""
    rows = []

    def begin(half, place):
        processes[-1].wait(60)
        return real_begin(half, place)

    def blocks(half, place):
        for numbers in real_blocks(half, place):
            rows.append(len(numbers))
            yield numbers

    real_begin, real_blocks = csv_second_half.SecondHalf.begin, csv_second_half.SecondHalf.blocks
    monkeypatch.setattr(csv_second_half.SecondHalf, "begin", begin)
    monkeypatch.setattr(csv_second_half.SecondHalf, "blocks", blocks)
    return rows


def read(path, on_progress=None):
    return csv_reader.read_table(path, "c", "a", on_progress, Dialect(decimal=","))


def test_the_rows_of_both_processes_stand_in_the_order_of_the_file(path, processes, patient):
    seen = []
    table = read(path, seen.append)
    assert [process.returncode for process in processes] == [0]
    assert len(LINES) / 2 < sum(patient) < len(LINES)
    assert table.x[:, 0].tolist() == [float(f"{i}e-3") for i in range(len(LINES))]
    assert table.y[:, 0].tolist() == [i + 0.5 for i in range(len(LINES))]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_they_meet_where_they_are_while_both_still_work(path, processes, monkeypatch):
    def begin(half, place):
        while len(half.found) == 1:
            time.sleep(0.001)
            real(half, place)
        processes[-1].kill()
        return real(half, place)

    real = csv_second_half.SecondHalf.begin
    monkeypatch.setattr(csv_second_half, "OFTEN", 0)
    monkeypatch.setattr(csv_second_half.SecondHalf, "begin", begin)
    monkeypatch.setattr(csv_rows, "BLOCK", 1000)
    assert read(path).y[:, 0].tolist() == [i + 0.5 for i in range(len(LINES))]


def test_rows_that_both_have_read_are_kept_once(path, processes, patient, monkeypatch):
    def begin(half, place):
        return real(half, place) if place > 500_000 else half.end

    monkeypatch.setattr(csv_second_half, "OFTEN", 0)
    real = csv_second_half.SecondHalf.begin
    monkeypatch.setattr(csv_second_half.SecondHalf, "begin", begin)
    assert read(path).y[:, 0].tolist() == [i + 0.5 for i in range(len(LINES))]
    assert 0 < sum(patient) < len(LINES) / 2


@pytest.mark.parametrize("row", [0, 20_000, 29_999])
def test_a_fault_has_its_line_wherever_it_stands(path, processes, patient, row):
    path.write_text(path.read_text().replace(f";{row}e-3", ";x"))
    with pytest.raises(TableError, match=f"line {row + 2}, column 'c'"):
        read(path)
    assert sum(patient) < len(LINES) - row


@pytest.mark.parametrize(("last", "fault"), [("", "line 30003: the row has 2"), ("7;8;9", "line 30002: the row has 5")])
def test_rows_that_come_while_it_reads_are_read_too(path, processes, patient, monkeypatch, last, fault):
    def blocks(half, place):
        with path.open("a") as file:
            file.write("1;2;3\n4;5\n")
        return real(half, place)

    with path.open("a") as file:
        file.write(last)
    real = csv_second_half.SecondHalf.blocks
    monkeypatch.setattr(csv_second_half.SecondHalf, "blocks", blocks)
    with pytest.raises(TableError, match=fault):
        read(path)
    assert sum(patient) > len(LINES) / 2


@pytest.mark.parametrize("error", [LimitError, KeyboardInterrupt])
def test_an_error_ends_the_process(path, processes, error):
    def progress(_):
        raise error

    with pytest.raises(error) as caught:  # and with it what it has gone through
        read(path, progress)
    assert [process.returncode is not None for process in processes] == [True]
    assert caught.traceback


def test_a_process_that_is_lost_is_not_missed(path, processes, monkeypatch):
    def begin(half, place):
        processes[-1].kill()
        processes[-1].wait()
        return real(half, place)

    real = csv_second_half.SecondHalf.begin
    monkeypatch.setattr(csv_second_half.SecondHalf, "begin", begin)
    assert len(read(path).x) == len(LINES)


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

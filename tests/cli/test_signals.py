import os
import signal

import pytest

from bpcompare.cli import signals, steps

SENTENCES = (  # before and after the files of a run are in their places
    "bpcompare: interrupted; earlier results are as they were",
    "bpcompare: interrupted; the results of this run are written",
)


@pytest.fixture(autouse=True)
def _handled(monkeypatch):
    monkeypatch.setattr(signal, "SIG_IGN", None)  # under nohup and in the background, some are ignored
    signals.nothing_written()
    with signals.handled_by(signals.interrupt):
        yield
    signals.nothing_written()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_the_files_are_in_their_places(number, tmp_path, monkeypatch):
    replace = type(tmp_path).replace

    def interrupted(path, target):
        signal.raise_signal(number)  # to this thread: os.kill may choose another, and be late
        return replace(path, target)

    before = signals.sentence()
    monkeypatch.setattr(type(tmp_path), "replace", interrupted)
    with pytest.raises(signals.Interrupted) as stop:
        steps.written(tmp_path, {"a": b"1", "b": b"2", "c": b"3"}, quiet=True)
    assert stop.value.exit_code == 128 + number
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2", "c": b"3"}
    assert (before, signals.sentence()) == SENTENCES


def test_a_signal_before_that_leaves_the_files_as_they_were(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", lambda _: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(signals.Interrupted):
        steps.written(tmp_path, {"a": b"1"}, quiet=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}
    assert signals.sentence() == SENTENCES[0]

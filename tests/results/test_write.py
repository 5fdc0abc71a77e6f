import errno
import fcntl
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from bpcompare.errors import OutputError
from bpcompare.results import write
from bpcompare.results.write import check_folder, write_files


def test_files_are_written_whole_with_the_usual_rights(tmp_path):
    paths = write_files(tmp_path / "a" / "b", {"x.txt": b"one", "y.txt": b"two"})
    assert [path.read_bytes() for path in paths] == [b"one", b"two"]
    umask = os.umask(0)
    os.umask(umask)
    assert paths[0].stat().st_mode & 0o777 == 0o666 & ~umask
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == ["x.txt", "y.txt"]


def test_a_failure_while_writing_leaves_the_old_files_and_no_scraps(tmp_path, monkeypatch):
    write_files(tmp_path, {"a.txt": b"old", "b.txt": b"old"})
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"no space left on device.*folder"):
        write_files(tmp_path, {"a.txt": b"new", "b.txt": b"new"})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.txt": b"old", "b.txt": b"old"}


def test_an_interruption_while_writing_leaves_the_old_files_and_no_scraps(tmp_path, monkeypatch):
    write_files(tmp_path, {"a.txt": b"old"})

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path, {"a.txt": b"new"})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.txt": b"old"}


def test_files_take_their_place_in_the_order_given(tmp_path, monkeypatch):
    placed = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda part, target: (placed.append(target.name), replace(part, target)))
    write_files(tmp_path, {"loss.png": b"1", "history.csv": b"2", "comparison.json": b"3"})
    assert placed == ["loss.png", "history.csv", "comparison.json"]


def test_a_folder_is_tried_and_left_as_it_was(tmp_path):
    check_folder(tmp_path / "new" / "deep", ["a.txt"])
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_known_beforehand(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "taken" / "loss.png").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"/file\b.*folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="not a directory"):
        check_folder(tmp_path / "file" / "below")
    with pytest.raises(OutputError, match=r"/taken/loss\.png .*place"):
        check_folder(tmp_path / "taken", ["loss.png"])


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    job = "import os, signal, pathlib; from bpcompare.results import write\n"
    job += "write._place = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    job += f"write.write_files(pathlib.Path({str(tmp_path)!r}), {{'a.txt': b'new'}})"
    assert subprocess.run([sys.executable, "-c", job], timeout=60).returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir())
    write_files(tmp_path, {"b.txt": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_two_runs_do_not_write_at_the_same_time(tmp_path):
    other = os.open(tmp_path, os.O_RDONLY)
    with write._only_writer(tmp_path), pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_written_to_and_what_others_left_is_not_touched(error, tmp_path, monkeypatch):
    of_a_run_that_may_live = tmp_path / f"{write.TEMPORARY}0123" / "new"
    of_a_run_that_may_live.mkdir(parents=True)

    def none(descriptor, operation):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", none)
    (path,) = write_files(tmp_path, {"a.txt": b"new"})
    assert path.read_bytes() == b"new"
    assert of_a_run_that_may_live.is_dir()


def test_a_lock_that_fails_otherwise_ends_the_run(tmp_path, monkeypatch):
    def broken(descriptor, operation):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(OutputError, match="input/output error"):
        write_files(tmp_path, {"a.txt": b"new"})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_another_run_makes_at_the_same_moment_is_used(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "theirs.txt").write_bytes(b"theirs")
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path, **how: path.name != "out" and exists(path, **how))
    write_files(tmp_path / "out", {"a.txt": b"new"})
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.txt", "theirs.txt"}


def test_no_descriptor_and_no_new_folder_is_left(tmp_path):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    write_files(tmp_path / "a" / "b", {"a.txt": b"new"})
    check_folder(tmp_path / "c" / "d", ["a.txt"])
    assert descriptors() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_signals_are_held_back_while_the_files_take_their_places_and_not_before(tmp_path, monkeypatch):
    events = []

    @contextmanager
    def undisturbed():
        events.append("begins")
        yield
        events.append("ends")

    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("synced"), fsync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda path, to: (events.append(to.name), replace(path, to)))
    write_files(tmp_path, {"a.txt": b"1", "b.txt": b"2"}, undisturbed)
    assert events == ["synced", "synced", "begins", "synced", "a.txt", "b.txt", "ends"]

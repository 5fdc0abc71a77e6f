"""Writes results: the files of one run together, each whole or not at all.

A reader of the output folder never sees half a file. All files of a run are written and synced before the first
of them takes its place, and a run that fails leaves the results of the run before it. A killed run is taken back by
the next: what stood in the places of its files stands there again, and nothing of it is left.
"""

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

from bpcompare.errors import OutputError, reason
from bpcompare.language import _
from bpcompare.results.stage import TEMPORARY, Stage, clear


def check_folder(folder: Path, names: Iterable[str] = ()) -> None:
    """Says before the work begins whether its results could be written: tries, and takes back what it tried.

    Args:
        folder: Where the results are to go; it may not exist yet.
        names: The files to be written there.

    Raises:
        OutputError: The folder or one of the files cannot be written, with the reason.

    Example:
        >>> check_folder(Path("."), ["comparison.json"])
    """
    with ExitStack() as stack:
        try:
            _make_folder(folder, stack)
            stack.enter_context(tempfile.TemporaryFile(dir=folder, prefix=TEMPORARY))
        except OSError as error:
            raise _cannot_write(folder, error) from error
        for name in names:
            if (folder / name).is_dir():
                raise OutputError(
                    _("{file} cannot be written: it is a folder; move it or choose another place", file=folder / name)
                )


def write_files(
    folder: Path, files: Mapping[str, bytes], undisturbed: Callable[[], AbstractContextManager[object]] = nullcontext
) -> list[Path]:
    """Writes ``files`` (name → content) into ``folder`` and returns their paths, in the order given.

    All contents are written to a temporary folder inside ``folder`` and flushed to the disk; only then does each take
    its place by one atomic rename, in the order given. If one cannot, those before it give their places back to the
    files that stood there. Put the file that describes the others last: where it is new, so are they.

    Args:
        folder: Where to; it is made if it does not exist.
        files: The content of each file by its name.
        undisturbed: A context in which no signal interrupts; the files take their places in it.

    Raises:
        OutputError: Something could not be written; the files that stood there before still do, nothing is left.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.name for path in write_files(Path(folder), {"a.txt": b"alpha"})]
        ['a.txt']
    """
    with ExitStack() as stack:
        try:
            _make_folder(folder, stack)
            stack.enter_context(_only_writer(folder))
            stage = stack.enter_context(_stage(folder, files))
            for name, content in files.items():
                _write(stage.new / name, content)
            stack.enter_context(undisturbed())
            _place(stage)
        except OSError as error:
            raise _cannot_write(folder, error) from error
    return [folder / name for name in files]


def _make_folder(folder: Path, stack: ExitStack) -> None:
    """Makes a folder and those above it; what is new and still empty is removed when ``stack`` is left."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        stack.callback(_remove_if_empty, missing)  # before it is made: an interruption may come between
        missing.mkdir(exist_ok=True)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Waits until no other run writes into ``folder``, then takes back what a killed one left."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _locked(descriptor):  # else what is left may be of a run that lives
            clear(folder)
        yield
    finally:
        os.close(descriptor)  # which gives the lock back


def _locked(descriptor: int) -> bool:
    """Waits for the lock; False on a file system that has none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        return False
    return True


@contextmanager
def _stage(folder: Path, names: Iterable[str]) -> Iterator[Stage]:
    stage = Stage.unused(folder, names)
    try:
        stage.make()
        yield stage
    finally:
        stage.remove()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _place(stage: Stage) -> None:
    free = stage.keep()
    _write(stage.draft, json.dumps(free).encode())
    stage.place(free)
    stage.remove()


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        _(
            "the results cannot be written to {folder}: {reason}; choose another folder",
            folder=folder,
            reason=reason(error).lower(),
        )
    )

"""Writes results: the files of one run together, each whole or not at all.

A reader of the output folder never sees half a file. All files of a run are written and synced before the first
of them takes its place, and a run that fails leaves the results of the run before it. What a killed run left behind is
removed by the next.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bpcompare.errors import OutputError, reason
from bpcompare.language import _

TEMPORARY = ".bpcompare-"  # the first letters of a folder for files that are still being written


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
            stack.enter_context(tempfile.TemporaryFile(dir=folder))
        except OSError as error:
            raise _cannot_write(folder, error) from error
        for name in names:
            if (folder / name).is_dir():
                raise OutputError(
                    _("{file} cannot be written: it is a folder; move it or choose another --out", file=folder / name)
                )


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Writes ``files`` (name → content) into ``folder`` and returns their paths, in the order given.

    All contents are written to a temporary folder inside ``folder`` and flushed to the disk; only then does each take
    its place by one atomic rename, in the order given. If one cannot, those before it give their places back to the
    files that stood there. Put the file that describes the others last: where it is new, so are they.

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
            new, old = (stack.enter_context(_temporary_folder(folder)) for _ in range(2))
            for name, content in files.items():
                _write(new / name, content)
            _place(folder, new, old, list(files))
        except OSError as error:
            raise _cannot_write(folder, error) from error
    return [folder / name for name in files]


def _make_folder(folder: Path, stack: ExitStack) -> None:
    """Makes a folder and those above it; what is new and still empty is removed when ``stack`` is left."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(exist_ok=True)
        stack.callback(_remove_if_empty, missing)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Waits until no other run writes into ``folder``, then removes what a killed one left."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for left in folder.glob(f"{TEMPORARY}*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield
    finally:
        os.close(descriptor)  # which gives the lock back


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    """A folder inside ``folder``, so that a rename stays on one disk."""
    path = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _place(folder: Path, new: Path, old: Path, names: list[str]) -> None:
    """Moves each file from ``new`` to ``folder``; if one cannot be moved, puts back those that stood there."""
    placed: list[str] = []
    try:
        for name in names:
            if (folder / name).exists():
                _keep(folder / name, old / name)
            placed.append(name)  # before it is: an interruption may come between
            (new / name).replace(folder / name)
    except BaseException:
        for name in placed:
            with suppress(OSError):
                if (old / name).exists():
                    (old / name).replace(folder / name)
                elif not (new / name).exists():
                    (folder / name).unlink()
        raise


def _keep(path: Path, copy: Path) -> None:
    try:
        copy.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copy2(path, copy)


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        _(
            "the results cannot be written to {folder}: {reason}; choose another --out",
            folder=folder,
            reason=reason(error).lower(),
        )
    )

"""Writes results: each file whole or not at all.

A reader of the output folder never sees half a file, and a run that fails leaves the results of the run before it.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from bpcompare.errors import OutputError


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
            for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
                missing.mkdir()
                stack.callback(missing.rmdir)
            stack.enter_context(tempfile.TemporaryFile(dir=folder))
        except OSError as error:
            raise _cannot_write(folder, error) from error
        for name in names:
            if (folder / name).is_dir():
                raise OutputError(f"{folder / name} cannot be written: it is a folder; move it or choose another --out")


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"the results cannot be written to {folder}: {reason}; choose another --out")


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Writes ``files`` (name → content) into ``folder`` and returns their paths, in the order given.

    All contents are written to temporary files in the same folder and flushed to the disk; only then does each take
    its place by one atomic rename, in the order given. Put the file that describes the others last: where it is new,
    so are they.

    Raises:
        OutputError: Something could not be written; the files that stood there before still do.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.name for path in write_files(Path(folder), {"a.txt": b"alpha"})]
        ['a.txt']
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            parts = {name: _write_part(folder, content, stack) for name, content in files.items()}
            for name, part in parts.items():
                part.replace(folder / name)
        except OSError as error:
            raise _cannot_write(folder, error) from error
    return [folder / name for name in files]


def _write_part(folder: Path, content: bytes, stack: ExitStack) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=".bpcompare-", suffix=".part", dir=folder)
    part = Path(name)
    stack.callback(part.unlink, missing_ok=True)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(descriptor, 0o666 & ~_umask())  # mkstemp makes files that only their owner reads
        os.fsync(descriptor)
    return part


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

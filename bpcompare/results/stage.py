"""The temporary folder in which the files of a run wait for their places, and from which a killed run is taken back.

    .bpcompare-XXXX/new/      the new files, whole and synced, until each takes its place
                    old/      what stood in those places
                    journal   from the moment all that is there: files are taking their places; it names the places
                              in which nothing stood

Each step is one atomic call, so that a kill between any two leaves enough to put everything back. What a run made it
removes by name, which takes no file descriptor: there may be none left.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TEMPORARY = ".bpcompare-"  # the first letters of whatever is still being written


@dataclass(frozen=True)
class Stage:
    """One such temporary folder.

    Args:
        folder: Where the files of the run go.
        path: The temporary folder, inside ``folder``, so that a rename stays on one disk.
        names: The files of the run.
    """

    folder: Path
    path: Path
    names: tuple[str, ...]

    @classmethod
    def unused(cls, folder: Path, names: Iterable[str]) -> Stage:
        """One that has not been made yet."""
        return cls(folder, folder / f"{TEMPORARY}{secrets.token_hex(4)}", tuple(names))

    @property
    def new(self) -> Path:
        """Where the new files wait."""
        return self.path / "new"

    @property
    def old(self) -> Path:
        """Where the files are kept that they replace."""
        return self.path / "old"

    @property
    def journal(self) -> Path:
        """The file that is there while files take their places."""
        return self.path / "journal"

    @property
    def draft(self) -> Path:
        """The journal before it is whole."""
        return self.path / "draft"

    @property
    def interrupted(self) -> bool:
        """Whether files were taking their places, and not all of them did."""
        return self.journal.exists() and any((self.new / name).exists() for name in self.names)

    def make(self) -> None:
        """Makes the folders."""
        for path in (self.path, self.new, self.old):
            path.mkdir()

    def keep(self) -> list[str]:
        """Keeps what stands in the places of the files; returns the names of those in whose place nothing stands."""
        standing = [name for name in self.names if (self.folder / name).exists()]
        for name in standing:
            _keep(self.folder / name, self.old / name)
        return [name for name in self.names if name not in standing]

    def place(self, free: Iterable[str]) -> None:
        """Makes the draft the journal and moves each file to its place; if one cannot be moved, puts all back.

        Args:
            free: The places in which nothing stands; the draft names them.
        """
        self.draft.rename(self.journal)
        try:
            for name in self.names:
                (self.new / name).replace(self.folder / name)
        except BaseException:
            self.take_back(free)
            raise

    def take_back(self, free: Iterable[str] | None = None) -> None:
        """Puts everything back as it stood before, unless all files are in their places.

        It may be interrupted and called again: the journal goes last.

        Args:
            free: The places in which nothing stood; None to read them from the journal.

        Raises:
            OSError: A file could not be put back; the next run tries again.
        """
        if not self.interrupted:
            return
        for name in self._free() if free is None else free:
            if not (self.new / name).exists():
                (self.folder / name).unlink(missing_ok=True)
        for name in self.names:
            if (self.old / name).exists():
                _put_back(self.old / name, self.folder / name)
        self.journal.unlink()

    def _free(self) -> list[str]:
        """What the journal says; of one that was damaged nothing, and no path that leads elsewhere."""
        try:
            names = json.loads(self.journal.read_bytes())
        except ValueError:
            return []
        return [name for name in names if Path(name).name == name]

    def remove(self) -> None:
        """Removes the temporary folder, but not while something in it has to be put back."""
        if self.interrupted or not self.path.exists():
            return
        waiting = [folder / name for folder in (self.new, self.old) for name in self.names]
        for path in (self.journal, self.draft, *waiting):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        for path in (self.new, self.old, self.path):
            with suppress(OSError):
                path.rmdir()


def left_in(folder: Path) -> list[Stage]:
    """The temporary folders in ``folder``: of killed runs, if none is at work."""
    return [_left(folder, path) for path in _temporaries(folder) if path.is_dir()]


def _left(folder: Path, path: Path) -> Stage:
    parts = [part for part in (path / "new", path / "old") if part.is_dir()]
    return Stage(folder, path, tuple(sorted({file.name for part in parts for file in part.iterdir()})))


def _temporaries(folder: Path) -> list[Path]:
    """Unlike `Path.glob`, this does not pass over a folder that cannot be read."""
    return sorted(path for path in folder.iterdir() if path.name.startswith(TEMPORARY))


def clear(folder: Path) -> None:
    """Takes back what killed runs left unfinished in ``folder``, and removes the rest of them.

    Raises:
        OSError: Something could not be put back.
    """
    for stage in left_in(folder):
        stage.take_back()
        stage.remove()
        shutil.rmtree(stage.path, ignore_errors=True)
    for path in _temporaries(folder):
        if not path.is_dir():
            path.unlink(missing_ok=True)


def _keep(path: Path, copy: Path) -> None:
    try:
        copy.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copy2(path, copy)


def _put_back(kept: Path, place: Path) -> None:
    try:
        kept.replace(place)
    except OSError:  # it may be renaming that fails
        place.unlink(missing_ok=True)
        place.hardlink_to(kept)

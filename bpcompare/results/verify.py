"""Whether the files of a run stand together as they were written: the list that it wrote says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bpcompare.errors import InputError, reason
from bpcompare.language import _, listed
from bpcompare.results.stage import left_in
from bpcompare.results.sums import read_sums, sha256
from bpcompare.results.whole import is_whole

LISTS = ("comparison.sha256", "sweep.sha256", "reproduce.sha256")  # written last, each lists the files of its run


@dataclass(frozen=True)
class Verification:
    """What `verify` found in a folder.

    Args:
        folder: Where it looked.
        lists: The files that list the others.
        files: How many they list.
        missing: Files that are listed and not there.
        other: Files that are whole, but not those of this run: of an earlier or a later one, or edited.
        damaged: Files that are cut off or broken, or something else in their place, such as a folder.
        interrupted: Whether a run was stopped while its files took their places.
    """

    folder: Path
    lists: tuple[str, ...]
    files: int
    missing: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def state(self) -> Literal["whole", "mixed", "damaged"]:
        """``whole``: every file is there as listed; ``mixed``: of several runs; ``damaged``: something is lost."""
        if self.missing or self.damaged:
            return "damaged"
        return "mixed" if self.other else "whole"


def verify(folder: str | Path) -> Verification:
    """Compares the files of a folder with the lists that their runs wrote: name and SHA-256 of each.

    A file whose bytes differ is told apart by its form: one that is whole – every checksum of a PNG right, a CSV
    table with as many cells in every row, … – is of another run, or was edited; any other is damaged.

    Args:
        folder: Where a run wrote its results.

    Returns:
        What was found; ``state`` is whole, mixed or damaged.

    Raises:
        InputError: There is no folder, or nothing in it lists the files of a run.

    Example:
        >>> verify("outputs").state
        'whole'
    """
    folder = Path(folder)
    try:
        stages = left_in(folder) if folder.is_dir() else []
        interrupted = [stage for stage in stages if stage.interrupted]
        homes = {name: home for home in [*(stage.new for stage in interrupted), folder] for name in _lists_in(home)}
        if not homes:
            raise InputError(_no_set(folder))
        found = _compared(folder, homes)
    except OSError as error:
        place, why = error.filename or folder, reason(error).lower()
        raise InputError(_("{folder} cannot be read: {reason}", folder=place, reason=why)) from error
    return Verification(folder, **found, interrupted=bool(interrupted))


def _lists_in(folder: Path) -> list[str]:
    return [name for name in LISTS if (folder / name).is_file()]


def _no_set(folder: Path) -> str:
    if not folder.is_dir():
        return _("there is no folder {folder}; name the one that a run wrote to", folder=folder)
    return _(
        "{folder} has no {lists}, which list the files of a run; name the folder that one wrote to",
        folder=folder,
        lists=listed(LISTS),
    )


def _compared(folder: Path, homes: dict[str, Path]) -> dict[str, Any]:
    """What each list says, next to what is there; a list that waits for its place is missing from there."""
    expected: dict[str, str] = {}
    missing: list[str] = []
    other: list[str] = []
    damaged: list[str] = []
    for name, home in homes.items():
        if home != folder:
            missing.append(name)
        try:
            expected |= _listed(home / name)
        except ValueError:
            damaged.append(name)
    for name, known in expected.items():
        path = folder / name
        if not path.is_file():
            (damaged if path.is_dir() or path.is_symlink() else missing).append(name)
        elif sha256(content := path.read_bytes()) != known:
            (other if is_whole(name, content) else damaged).append(name)
    kinds = {"missing": tuple(missing), "other": tuple(other), "damaged": tuple(damaged)}
    return {"lists": tuple(homes), "files": len(expected), **kinds}


def _listed(path: Path) -> dict[str, str]:
    """What the list says.

    Raises:
        ValueError: It is damaged; of one that was cut off between two lines the last, of the JSON, is lost.
    """
    sums = read_sums(path.read_bytes())
    if [*sums][-1] != path.with_suffix(".json").name:
        raise ValueError(path)
    return sums

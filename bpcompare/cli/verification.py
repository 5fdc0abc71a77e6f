"""``compare --verify DIR``: whether the files in a folder are those of one run, and what to do if they are not."""

from __future__ import annotations

from bpcompare.language import _, listed, ngettext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bpcompare.results.verify import Verification


def run(folder: Path) -> int:
    """Prints what was found; 0 if the set is whole, 1 if not."""
    from bpcompare.results.verify import verify

    found = verify(folder)
    print(*sentences(found), sep="\n")
    return 0 if found.state == "whole" else 1


def sentences(found: Verification) -> Iterator[str]:
    """What was found, what that means, and what to do."""
    folder, lists = found.folder, listed(found.lists)
    if found.state == "whole":
        yield ngettext(
            "{folder}: whole; the {n} file that {lists} lists is as it was written",
            "{folder}: whole; the {n} files that {lists} lists are as they were written",
            found.files,
            folder=folder,
            lists=lists,
        )
    elif found.state == "mixed":
        yield _("{folder}: mixed; not all files are of the run that {lists} describes", folder=folder, lists=lists)
    else:
        yield _("{folder}: damaged; files of the run that {lists} describes are lost", folder=folder, lists=lists)
    if found.missing:
        yield _("  missing: {names}", names=listed(found.missing))
    if found.damaged:
        yield _("  cut off or broken: {names}", names=listed(found.damaged))
    if found.other:
        yield _("  of another run, or edited: {names}", names=listed(found.other))
    if found.interrupted:
        yield _("A run was stopped while its files took their places; the next run into this folder takes it back.")
    elif found.state != "whole":
        yield _("Run the same command again: it writes every file anew.")

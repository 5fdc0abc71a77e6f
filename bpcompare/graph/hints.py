"""How a right gradient comes about: the paths, what each adds, and which of them a learner has not followed."""

from __future__ import annotations

import numpy as np

from bpcompare.graph.changes import NOT_FOLLOWED, Change
from bpcompare.graph.notation import TEXT
from bpcompare.graph.operation import Array
from bpcompare.graph.paths import Path
from bpcompare.language import N_, _, listed


def named(change: Change, paths: list[Path]) -> str:
    """The change in a sentence; a path that is not followed by all its steps."""
    if change.kind == NOT_FOLLOWED and (missing := [path for path in paths if set(path.uses) & set(change.forgotten)]):
        names = listed(missing, N_(" and "))
        one, many = N_("the path {names} is not followed"), N_("the paths {names} are not followed")
        return _(one if len(missing) == 1 else many, names=names)
    return str(change)


def alone(right: Array, paths: list[Path], change: Change | None) -> str:
    """64 is the path x → z1 alone; the path x → z2 adds 16; 64 + 16 = 80."""
    if change is None or change.kind != NOT_FOLLOWED:
        return ""
    missing = [path for path in paths if set(path.uses) & set(change.forgotten)]
    kept = [path for path in paths if path not in missing]
    if not missing or not kept:
        return ""
    number, bracketed = TEXT.number, TEXT.bracketed
    yours = number(np.asarray(sum(path.share for path in kept)))
    one, many = N_("{yours} is the path {names} alone"), N_("{yours} is the paths {names} alone")
    start = _(one if len(kept) == 1 else many, yours=yours, names=listed(kept, N_(" and ")))
    adds = [_("the path {path} adds {share}", path=path, share=number(path.share)) for path in missing]
    total = " + ".join([yours, *(bracketed(path.share) for path in missing)])
    return listed([start, *adds, f"{total} {_equal(right, [w.share for w in paths])} {number(right)}"], N_("; "))


def shares(paths: list[Path], right: Array) -> str:
    """What each path gives, and their sum."""
    if not paths:
        return ""
    gives = [_("the path {path} gives {share}", path=path, share=TEXT.number(path.share)) for path in paths]
    if len(paths) == 1:
        return gives[0]
    first, *rest = (path.share for path in paths)
    total = " + ".join([TEXT.number(first), *map(TEXT.bracketed, rest)])
    return listed([*gives, f"{total} {_equal(right, [w.share for w in paths])} {TEXT.number(right)}"], N_("; "))


def _equal(right: Array, shares: list[Array]) -> str:
    return "=" if all(TEXT.value(np.asarray(part))[1] for part in [right, *shares]) else "≈"

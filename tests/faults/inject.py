"""System calls that fail on demand, and what then stands in the output folder."""

import builtins
import contextlib
import errno
import fcntl
import io
import os
import shutil
from unittest import mock

from bpcompare.errors import BpcompareError
from bpcompare.results.stage import TEMPORARY
from bpcompare.results.sums import to_sums
from bpcompare.results.verify import verify

PLACES = {  # each call: where Python looks it up
    "mkdir": [(os, "mkdir")],
    "open": [(os, "open"), (io, "open")],
    "write": [],  # by the files that `open` gives
    "fsync": [(os, "fsync")],
    "link": [(os, "link")],
    "rename": [(os, "rename"), (os, "replace")],
    "unlink": [(os, "unlink")],
    "rmdir": [(os, "rmdir")],
    "scandir": [(os, "scandir"), (os, "listdir")],
    "flock": [(fcntl, "flock")],
}
FAULT = OSError(errno.EIO, "Input/output error")


class Faults:
    """Counts the calls of each kind and lets some fail.

    Args:
        kind: Which call; None for all kinds, counted together.
        first: Which of them fails first, from 0; None for none.
        forever: Whether all after it fail, too.
        error: What a failing call raises.
    """

    def __init__(self, kind=None, first=None, forever=False, error=FAULT):
        self.kind, self.first, self.forever, self.error = kind, first, forever, error
        self.calls = dict.fromkeys(PLACES, 0)

    def called(self, kind):
        number = self.calls[kind] if self.kind else sum(self.calls.values())
        self.calls[kind] += 1
        if self.first is None or self.kind not in (kind, None):
            return
        if number == self.first or (self.forever and number > self.first):
            raise self.error

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        for kind, places in PLACES.items():
            for room, name in places:
                self.stack.enter_context(mock.patch.object(room, name, self.wrapped(kind, getattr(room, name))))
        return self

    def __exit__(self, *error):
        self.stack.close()

    def wrapped(self, kind, call):
        def wrapper(*arguments, **options):
            self.called(kind)
            found = call(*arguments, **options)
            if call is builtins.open and found.writable():
                return File(found, self)
            return found

        return wrapper


class Dead(BaseException):
    """Raised by every call of a process that was killed at one of them."""


class File:
    """An open file whose writing may fail."""

    def __init__(self, file, faults):
        self.file, self.faults = file, faults

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, content):
        self.faults.called("write")
        return self.file.write(content)


def files_of(mark, names=("loss", "fit", "history"), size=500):
    """A set of files of about ``size`` bytes, told apart by its mark, with the list of them last."""
    made = {f"{name}.csv": f"{mark},{name}\n".encode() * (size // 10) for name in names}
    made["comparison.json"] = b'{"mark": "%s"}' % mark.encode()
    return made | {"comparison.sha256": to_sums(made)}


def contents(folder):
    """The files of a folder and their contents, without temporaries."""
    if not folder.exists():
        return {}
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith(TEMPORARY)}


def temporaries(folder):
    """What is left of a run."""
    return [path.name for path in folder.glob(f"{TEMPORARY}*")] if folder.exists() else []


def state(folder, old, new):
    """``old``, ``new``, what `verify` says of anything else, or ``UNSEEN``."""
    found = contents(folder)
    if found == old:
        return "old"
    if found == new:
        return "new"
    try:
        said = verify(folder).state
    except BpcompareError:
        return "UNSEEN"
    return "UNSEEN" if said == "whole" else said


def prepared(folder, old):
    """A folder with the old set, or neither it nor the one above."""
    if not old or temporaries(folder):
        shutil.rmtree(folder.parent, ignore_errors=True)
    for name in contents(folder).keys() - old.keys():
        (folder / name).unlink()
    for name, content in old.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

"""Every error that bpcompare raises on purpose.

    BpcompareError
    ├── InputError          (ValueError)  a value, an option or a file cannot be used
    │   ├── TableError                    a CSV file, named with line, column and cell
    │   ├── ExpressionError               an expression that is not arithmetic on known names
    │   ├── LimitError                    a job that does not fit into memory or a day
    │   ├── MethodError                   a method of training that does not exist or cannot work here
    │   └── MarkingError                  a learner's file that cannot be marked
    ├── GradientError       (AssertionError) a hand-written backward is wrong; the text is the diagnosis
    ├── WorkerError         (RuntimeError) another process of a distributed run is lost
    └── OutputError         (OSError)     a result cannot be written

Each message is one sentence that names the thing, the rule, what came and what to do. On the command line it is
all that the user sees, with exit code 2.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from bpcompare.language import N_, _

ALIKE = 0.7  # of difflib's ratio: from here on, one name is taken for a misspelled other
MOST_NAMES, LONGEST_NAME = 1_000, 100  # what is searched for one: comparing takes its time


class BpcompareError(Exception):
    """The base of every error below; catch it to catch them all."""


class InputError(BpcompareError, ValueError):
    """A value, an option or a file that cannot be used."""


class TableError(InputError):
    """A CSV file that is not a table of finite numbers."""


class ExpressionError(InputError):
    """An expression that is not arithmetic on known names and functions."""


class LimitError(InputError):
    """A job that would not fit into this machine's memory, or into a day."""


class MethodError(InputError):
    """A gradient source or an update rule that does not exist, or that cannot work here."""


class MarkingError(InputError):
    """A learner's file or function that cannot be marked: it does not run, or gives no gradients."""


class GradientError(BpcompareError, AssertionError):
    """A hand-written backward that is wrong; the message names the mistake."""


class WorkerError(BpcompareError, RuntimeError):
    """Another process of a distributed run is lost."""


class OutputError(BpcompareError, OSError):
    """A result that cannot be written."""


SYSTEM = (  # what the operating system says most often
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("Operation not permitted"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("File exists"),
    N_("File name too long"),
    N_("No space left on device"),
    N_("Disk quota exceeded"),
    N_("Read-only file system"),
    N_("Input/output error"),
    N_("Too many open files"),
    N_("Connection refused"),
    N_("Illegal seek"),
    N_("Invalid argument"),
)


def reason(error: OSError | ValueError) -> str:
    """Why the system refused a call, in the language in use where it is a common reason.

    Example:
        >>> reason(FileNotFoundError(2, "No such file or directory"))
        'No such file or directory'
    """
    return _(str(getattr(error, "strerror", None) or error))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, small letters or large; None if none does.

    Example:
        >>> nearest("Hour", ["hours", "scores"]), nearest("weight", ["hours", "scores"])
        ('hours', None)
    """
    import difflib

    words = [word for word in itertools.islice(known, MOST_NAMES) if len(word) <= LONGEST_NAME]
    small = {word.lower(): word for word in words}
    name = name[:LONGEST_NAME]
    if as_written := difflib.get_close_matches(name, words, n=1, cutoff=ALIKE):
        return as_written[0]
    near = difflib.get_close_matches(name.lower(), small, n=1, cutoff=ALIKE)
    return small[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The end of an error message: the known name that looks most like ``name``; None if none does.

    Example:
        >>> did_you_mean("--epoch", ["--epochs", "--seed"])
        'did you mean --epochs?'
    """
    near = nearest(name, known)
    return _("did you mean {name}?", name=near) if near else None

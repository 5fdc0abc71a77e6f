"""Pictures as tests of numbers, words and exit codes want them: composed, but not rendered."""

import contextlib
from collections.abc import Iterator
from unittest import mock


@contextlib.contextmanager
def unrendered() -> Iterator[None]:
    """Within it the file of every figure is empty: to render it would take most of the time of a command.

    That every picture can be rendered is what tests/show is about.
    """
    with mock.patch("bpcompare.show.style.to_bytes", return_value=b""):
        yield

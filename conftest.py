"""Every test begins in English, whatever language the system asks for, and leaves none behind for the next."""

import os
from collections.abc import Iterator

import pytest

from bpcompare.language import set_language

for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
    if os.environ.get(variable, "").startswith("zh"):
        os.environ[variable] = "C.UTF-8"


@pytest.fixture(autouse=True)
def _speaks_english_again() -> Iterator[None]:
    """After the test; `set_language` also tells the processes that a test starts, by the environment."""
    asked = os.environ.get("LANGUAGE")
    yield
    set_language("en")
    os.environ.pop("LANGUAGE", None)
    if asked is not None:
        os.environ["LANGUAGE"] = asked

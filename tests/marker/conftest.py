"""What the tests of the marker share."""

import pytest
from kept_draws import DRAWS


@pytest.fixture(scope="session")
def process(sandbox):
    """One process for the files of all tests: loading PyTorch takes longer than marking."""
    return sandbox


@pytest.fixture(scope="session")
def draws():
    """The problems of the tests that mark with one seed: each is drawn, and worked out, once."""
    return DRAWS

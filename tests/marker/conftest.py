"""What the tests of the marker share."""

import pytest

from bpcompare.marker.sandbox_start import server


@pytest.fixture(scope="session")
def process():
    """One process for the files of all tests: loading PyTorch takes longer than marking."""
    with server() as running:
        yield running

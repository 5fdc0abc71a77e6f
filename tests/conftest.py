"""What the tests of several rooms share."""

import gc

import pytest
from pictures import unrendered

gc.set_threshold(200_000)  # as the command line does: else a fifth of loading PyTorch is a search for garbage


def pytest_collection_finish():
    """What is loaded by now stays, and no search for garbage need go through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def undrawn():
    """`pictures.unrendered` for a whole test."""
    with unrendered():
        yield

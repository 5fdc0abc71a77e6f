"""What the tests of several rooms share."""

import pytest
from pictures import unrendered


@pytest.fixture
def undrawn():
    """`pictures.unrendered` for a whole test."""
    with unrendered():
        yield

import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcompare.problem.growing import GrowingArray


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(0, 40))
def test_all_rows_stand_in_one_piece_in_their_order_whatever_was_reserved(lengths, reserved):
    rows = np.arange(3.0 * sum(lengths)).reshape(-1, 3)  # no number twice
    rows[1::4, 0], rows[2::4, 1], rows[3::4, 2] = -0.0, np.nan, np.inf
    numbers = GrowingArray(3)
    for block in np.split(rows, np.cumsum(lengths)):
        numbers.add(list(block.T))
        numbers.reserve(reserved)
    whole = numbers.whole()
    assert whole.tobytes() == rows.tobytes()
    assert whole.flags.c_contiguous


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's count of pages")
def test_room_that_is_not_used_takes_no_memory():
    def in_memory():
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

    numbers = GrowingArray(1)
    before = in_memory()
    numbers.reserve(10_000_000)
    numbers.add([np.ones(1_000_000)])
    assert in_memory() - before < 20_000_000

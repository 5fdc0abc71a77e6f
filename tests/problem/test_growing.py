import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bpcompare.problem.growing import GrowingArray

BLOCKS = st.lists(arrays(np.float64, st.tuples(st.integers(0, 9), st.just(3))), max_size=8)


@given(BLOCKS, st.integers(0, 40))
def test_all_rows_stand_in_one_piece_in_their_order_whatever_was_reserved(blocks, reserved):
    numbers = GrowingArray(3)
    for block in blocks:
        numbers.add(list(block.T))
        numbers.reserve(reserved)
    whole = numbers.whole()
    assert whole.tobytes() == np.concatenate([np.empty((0, 3)), *blocks]).tobytes()
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

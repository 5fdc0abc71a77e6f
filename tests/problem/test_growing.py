import numpy as np
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
    assert whole.base is None  # nothing is kept that is not used

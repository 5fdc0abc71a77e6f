import pytest
import torch
from close import assert_close

ONE = torch.tensor([1.0, 2.0], dtype=torch.float64)


def test_what_is_equal_to_rounding_is_close_in_lists_too():
    assert_close(ONE * (1 + 1e-9), ONE)
    assert_close([ONE, ONE[:1]], (ONE, ONE[:1]))


@pytest.mark.parametrize("given", [ONE + 1e-6, ONE.float(), ONE[None], ONE.new_tensor([1.0, torch.nan]), ONE[:1]])
def test_another_number_type_or_shape_is_refused(given):
    for pair in ((given, ONE), ([ONE, given], [ONE, ONE])):
        with pytest.raises(AssertionError):
            assert_close(*pair)

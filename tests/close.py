"""Tensors that are equal to rounding."""

import torch


def assert_close(given, right, *, rtol=1e-7, atol=1e-7, equal_nan=False, msg=""):
    """As `torch.testing.assert_close` in float64, whose first call loads a second's worth that no test needs."""
    if isinstance(right, list | tuple):
        for one, other in zip(given, right, strict=True):
            assert_close(one, other, rtol=rtol, atol=atol, equal_nan=equal_nan, msg=msg)
        return
    assert (given.shape, given.dtype) == (right.shape, right.dtype), msg
    near = torch.allclose(given, right, rtol=rtol, atol=atol, equal_nan=equal_nan)
    assert near, f"{msg}: {given} is not {right}"

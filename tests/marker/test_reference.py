"""Central differences against torch's own derivatives, at kinks, and against wrong backward passes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.errors import InputError
from bpcompare.marker.reference import referee, slope

F = torch.nn.functional
LOSSES = {
    "cross entropy": lambda x, w: F.cross_entropy(x @ w, torch.arange(len(x)) % w.shape[1]),
    "cross entropy in float32": lambda x, w: F.cross_entropy((x @ w).float(), torch.arange(len(x)) % w.shape[1]),
    "relu": lambda x, w: torch.relu(x @ w).sum() + (torch.relu(x @ w) ** 2).mean(),
    "layer norm": lambda x, w: (F.layer_norm(x @ w, (w.shape[1],)) ** 3).mean(),
    "maximum": lambda x, w: (x @ w).amax(1).sum(),
    "logarithm": lambda x, w: ((x @ w).abs() + 1e-3).log().sum(),
    "far from zero": lambda x, w: 1e6 + ((x @ w) ** 2).mean(),
}


def drawn(seed):
    generator = torch.Generator().manual_seed(seed)
    scale = 10 ** float(torch.empty(()).uniform_(-2, 2, generator=generator))
    shapes = ((7, 5), (5, 3))
    x, w = (torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes)
    return x * scale, w


def autograd(loss, *arguments):
    leaves = [argument.clone().requires_grad_() for argument in arguments]
    return [gradient.numpy() for gradient in torch.autograd.grad(loss(*leaves), leaves)]


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31))
def test_autograd_of_torchs_own_functions_is_never_overruled(name, seed):
    arguments = drawn(seed)
    for reference in referee(LOSSES[name], arguments, [0, 1], autograd(LOSSES[name], *arguments), seed):
        assert not reference.overruled
        assert np.array_equal(reference.lower, reference.upper)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31), error=st.sampled_from([-2.0, -0.5, -1e-3, 1e-4, 1.0]))
def test_a_gradient_with_one_wrong_entry_is_overruled_by_the_right_one(seed, error):
    loss, arguments = LOSSES["layer norm"], drawn(seed)
    right = autograd(loss, *arguments)
    wrong = right[1].copy()
    place = np.unravel_index(abs(wrong).argmax(), wrong.shape)
    wrong[place] *= 1 + error
    confirmed, found = referee(loss, arguments, [0, 1], [right[0], wrong], seed)
    assert not confirmed.overruled
    assert found.overruled
    np.testing.assert_allclose(found.lower[place], right[1][place], rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "lower", "upper"),
    [(abs, -1.0, 1.0), (lambda t: max(t, 0.0), 0.0, 1.0), (lambda t: 3 * t - 2 * abs(t), 1.0, 5.0)],
)
def test_both_slopes_of_a_kink_are_found(function, lower, upper):
    found = slope(function)
    assert found.kink
    assert (found.lower, found.upper) == (pytest.approx(lower, abs=1e-9), pytest.approx(upper, abs=1e-9))
    assert found.admits((lower + upper) / 2)
    assert not found.admits(upper + 0.1)
    assert not found.admits(lower - 0.1)


@pytest.mark.parametrize("distance", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
def test_a_kink_nearby_refutes_nothing(distance):
    assert slope(lambda t: abs(t + distance)).admits(1.0)


def test_where_nothing_is_finite_nothing_is_refuted():
    (found,) = referee(lambda x: x.log().sum(), [-torch.ones(2, dtype=torch.float64)], [0], [np.array([5.0, 5.0])])
    assert not found.overruled


def test_a_loss_that_draws_at_random_is_told():
    with pytest.raises(InputError, match="two values on the same arguments"):
        referee(lambda x: (x * torch.rand(3)).sum(), [torch.ones(3, dtype=torch.float64)], [0], [np.ones(3)])


def test_too_many_entries_to_difference_are_told():
    with pytest.raises(InputError, match="2001 entries"):
        referee(lambda x: (x**2).sum(), [torch.ones(2001, dtype=torch.float64)], [0], [np.ones(2001)])

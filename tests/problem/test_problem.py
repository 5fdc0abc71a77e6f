import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bpcompare.errors import InputError
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line


def test_the_default_line_draws_noise_and_model_as_the_tutorial_does():
    torch.manual_seed(0)
    x = torch.linspace(0, 1, 100).unsqueeze(1)
    y = 2 * x + 1 + 0.1 * torch.randn_like(x)
    model = nn.Linear(1, 1)
    problem = line()
    assert torch.equal(problem.x, x)
    assert torch.equal(problem.y, y)
    assert torch.equal(problem.model().weight, model.weight)
    assert torch.equal(problem.model().bias, model.bias)


def test_making_a_problem_leaves_the_global_random_state_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    line(seed=3)
    from_data(torch.ones(2, 1), torch.ones(2, 1))
    assert torch.equal(torch.rand(1), expected)


def test_every_model_starts_at_the_same_point_and_is_its_own():
    problem = line()
    first, second = problem.model(), problem.model()
    with torch.no_grad():
        first.weight += 1
    assert not torch.equal(first.weight, second.weight)
    assert torch.equal(second.weight, problem.start.weight)


def test_measured_data_keep_their_digits_when_training_in_float32():
    y = torch.tensor([[1.0], [2.000000001]], dtype=torch.float64)
    problem = from_data(torch.tensor([[0.1], [0.2]], dtype=torch.float64), y, dtype=torch.float32)
    assert problem.x.dtype == problem.model().weight.dtype == torch.float32
    assert torch.equal(problem.measured_y, y)


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_line_of_any_shape_is_its_truth_but_for_the_noise(n, inputs, outputs, dtype):
    weight = torch.arange(1.0, inputs * outputs + 1).view(outputs, inputs).tolist()
    problem = line(n, 0.0, weight, [0.5] * outputs, dtype=dtype)
    assert problem.x.shape == (n, inputs)
    assert problem.y.shape == (n, outputs)
    assert problem.model()(problem.x).shape == problem.y.shape
    fitted = problem.x @ problem.truth.weight.T + problem.truth.bias
    assert torch.allclose(fitted, problem.y, rtol=8 * torch.finfo(dtype).eps)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3), st.booleans())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_standardised_parameters_predict_the_same_in_the_users_units(seed, inputs, outputs, bias):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(12, inputs, generator=draw, dtype=torch.float64) * 50 + 7
    y = torch.randn(12, outputs, generator=draw, dtype=torch.float64) * 3 - 90
    problem = from_data(x, y, bias=bias, standardize=True, seed=seed)
    with torch.no_grad():
        model = problem.model()
        standardised = model(problem.x)
        offset = model.bias if bias else torch.zeros(outputs, dtype=torch.float64)
        weight, offset = problem.in_user_units(model.weight, offset)
    predicted = x @ weight.T + offset
    assert torch.allclose(predicted, problem.scaling.y_mean + problem.scaling.y_scale * standardised, rtol=1e-10)
    if bias:
        assert torch.allclose(problem.x.mean(0), torch.zeros(inputs, dtype=torch.float64), atol=1e-12)
    else:
        assert (offset == 0).all()
    assert torch.allclose(problem.x.square().mean(0), torch.ones(inputs, dtype=torch.float64))


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_gradients_in_the_users_units_are_autograds(seed, inputs, outputs):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(9, inputs, generator=draw, dtype=torch.float64) * 5 + 2
    y = torch.randn(9, outputs, generator=draw, dtype=torch.float64) * 3 - 4
    problem = from_data(x, y, standardize=True)
    model = problem.model()
    # The loss in the user's units as a function of the standardised parameters, each output by its own scale.
    residual = (model(problem.x) - problem.y) * problem.scaling.y_scale
    weight, bias = (p.detach() for p in model.parameters())
    weight, bias = (v.requires_grad_() for v in problem.in_user_units(weight, bias))
    loss = nn.functional.mse_loss(x @ weight.T + bias, y)
    assert loss.item() == pytest.approx(residual.square().mean().item(), rel=1e-9)
    loss.backward()
    nn.functional.mse_loss(model(problem.x), problem.y).backward()
    ours = problem.scaling.gradients_in_user_units(model.weight.grad, model.bias.grad)
    for got, expected in zip(ours, (weight.grad, bias.grad), strict=True):
        assert torch.allclose(got, expected, rtol=1e-8, atol=1e-9)


def test_a_constant_column_survives_standardising():
    problem = from_data(torch.full((7, 1), 0.1, dtype=torch.float64), torch.arange(7.0).unsqueeze(1), standardize=True)
    assert problem.x.abs().max() < 1e-15


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.ones(20), torch.ones(20, 1), r"x must have shape \(N, in_features\).*got \(20,\). Use x.unsqueeze\(1\)"),
        (torch.ones(20, 1), torch.ones(20), r"got \(20,\). Use y.unsqueeze\(1\).* broadcast to \(20, 20\)"),
        (torch.ones(20, 1), torch.ones(19, 1), r"y must have shape .* N = 20.*got \(19, 1\)"),
        (torch.ones(0, 1), torch.ones(0, 1), r"x must have shape .*N and in_features ≥ 1; got \(0, 1\)"),
        (torch.tensor([[1.0], [float("nan")]]), torch.ones(2, 1), r"x must be finite; x\[1, 0\] is nan"),
        (torch.ones(2, 1), torch.tensor([[1.0], [float("inf")]]), r"y must be finite; y\[1, 0\] is inf"),
    ],
)
def test_data_that_do_not_fit_are_refused_with_the_remedy(x, y, message):
    with pytest.raises(InputError, match=message):
        from_data(x, y)


def test_data_beyond_float32_are_refused_rather_than_made_infinite():
    huge = torch.tensor([[1e39], [2.0]], dtype=torch.float64)
    with pytest.raises(InputError, match=r"beyond torch\.float32"):
        from_data(huge, huge, dtype=torch.float32)
    assert from_data(huge, huge, dtype=torch.float32, standardize=True).x.isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": 0}, "samples must be a whole number from 1 to 2⁶³ − 1; got 0"),
        ({"weight": [1.0, 2.0]}, r"weight must be a number or a matrix \(out, in\); got shape \(2,\)"),
        ({"bias": [1.0, 2.0]}, r"bias must be one number or one per output \(1\); got 2"),
    ],
)
def test_a_line_that_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        line(**arguments)


@pytest.mark.parametrize(
    "name", ["a\x1b[2Jb", "\x00", "a\nb", "\x9b", "\u202e", "\ud800", "\u2028", "\ufffe", "\U0001ffff", " ", ""]
)
def test_a_column_s_name_is_one_line_that_can_be_printed(name):
    x = torch.tensor([[1.0], [2.0]])
    for option in ("x_names", "y_names"):
        with pytest.raises(InputError, match=f"^{option}: the name ") as refused:
            from_data(x, x, **{option: (name,)})
        assert str(refused.value).isprintable()


NUMBERS = [[1], [2], [4]]
KINDS = [list, np.array, torch.tensor, lambda rows: torch.tensor(rows, dtype=torch.float16), np.float32]


@pytest.mark.parametrize("kind", KINDS, ids=["list", "ints of NumPy", "ints of PyTorch", "float16", "float32"])
def test_numbers_that_say_nothing_of_the_precision_are_trained_in_float32(kind):
    problem = from_data(kind(NUMBERS), NUMBERS)
    assert problem.dtype == torch.float32
    assert problem.measured_x.tolist() == NUMBERS


@pytest.mark.parametrize(
    "x",
    [
        [[True], [False], [True]],
        torch.ones(3, 1) > 0,
        torch.ones(3, 1).to_sparse(),
        torch.ones(3, 1, dtype=torch.complex64),
        np.ma.array([[1.0], [2.0], [9e9]], mask=[[0], [0], [1]]),
        [["1"], ["2"], ["3"]],
        None,
        5,
    ],
    ids=["bools", "bools of PyTorch", "sparse", "complex", "masked", "texts", "nothing", "one number"],
)
def test_what_is_no_column_of_numbers_is_refused(x):
    with pytest.raises(InputError, match=r"^x must"):
        from_data(x, [[1], [2], [3]])


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 2.5},
        {"samples": "5"},
        {"samples": 0},
        {"seed": 10**30},
        {"seed": 1.5},
        {"noise": -1},
        {"noise": math.nan},
        {"weight": "a"},
        {"weight": [[1, 2], [3]]},
        {"weight": 1e300},
        {"weight": math.nan},
        {"bias": math.inf},
        {"dtype": torch.int32},
    ],
    ids=str,
)
def test_a_line_refuses_what_it_cannot_draw_by_its_name(wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=f"^{name} must"):
        line(**wrong)


@pytest.mark.parametrize("seed", ["a", 1.5, None, 2**64])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(InputError, match=r"^seed must"):
        from_data([[1.0]], [[1.0]], seed=seed)

"""Laws of a whole comparison: units cancel, and no order in which things are given changes a result."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.comparison.linear import compare
from bpcompare.problem.from_data import from_data
from bpcompare.sweeps.summary import Summary
from bpcompare.sweeps.sweep import sweep
from bpcompare.theory.least_squares import curvature, least_squares

ROUNDING = 1e-10  # float64, 20 epochs of numbers of about 1; a unit of 10³ with an offset of 10³ costs three digits
SOURCES = ["formula", "autograd", "graph", "moments"]
LAWS = settings(max_examples=20, deadline=None, derandomize=True)


def table(seed, outputs=1):
    """x (12, 2) and y (12, outputs), float64."""
    draw = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(12, n, generator=draw, dtype=torch.float64) for n in (2, outputs))


def close(one, other, rounding=ROUNDING):
    return torch.allclose(one, other, rtol=rounding, atol=rounding * max(1.0, other.abs().max().item()))


UNITS = {
    "a": st.floats(1e-3, 1e3),
    "c": st.floats(-1e3, 1e3),
    "b": st.floats(1e-3, 1e3),
    "d": st.floats(-1e3, 1e3),
}


@given(seed=st.integers(0, 10**6), rule=st.sampled_from(["GradientDescent", "Adam"]), **UNITS)
@LAWS
def test_units_cancel_where_columns_are_standardised(seed, rule, a, b, c, d):
    """x in other units, a·x + c, and y in others, b·y + d: the same steps, told in these units."""
    x, y = table(seed)
    c, d = a * c, b * d  # an offset of at most 10³ units of the column
    one, other = (
        compare(from_data(*columns, standardize=True), [f"formula+{rule}"], epochs=20).results[f"formula+{rule}"]
        for columns in ((x, y), (a * x + c, b * y + d))
    )
    assert close(other.losses / b**2, one.losses)
    assert close(other.weight * (a / b), one.weight)
    predicted = one.weight @ x.T + one.bias[:, None]
    assert close((other.weight @ (a * x + c).T + other.bias[:, None] - d) / b, predicted)
    assert other.status == one.status
    assert close(other.gaps / other.gaps[0], one.gaps / one.gaps[0])


@given(seed=st.integers(0, 10**6), a=st.floats(1e-3, 1e3), b=st.floats(1e-3, 1e3))
@LAWS
def test_the_optimum_and_the_limits_follow_the_units(seed, a, b):
    """w has the unit of y over that of x; the loss that of y²; without a bias, a rate that of 1/x²."""
    x, y = table(seed)
    one, other = least_squares(x, y), least_squares(a * x, b * y)
    assert close(other.weight * (a / b), one.weight)
    assert close(other.bias / b, one.bias)
    assert other.loss / b**2 == pytest.approx(one.loss, rel=ROUNDING)
    rates = [curvature(columns, bias=False).largest_stable_lr for columns in (x, a * x)]
    assert rates[1] * a**2 == pytest.approx(rates[0], rel=ROUNDING)


@given(seed=st.integers(0, 10**6), source=st.sampled_from(SOURCES), rule=st.sampled_from(["GradientDescent", "Adam"]))
@LAWS
def test_the_order_of_the_samples_changes_nothing_but_rounding(seed, source, rule):
    x, y = table(seed, outputs=2)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    name = f"{source}+{rule}"
    one, other = (compare(from_data(*rows), [name], epochs=20).results[name] for rows in ((x, y), (x[order], y[order])))
    assert close(other.losses, one.losses)
    assert close(other.weights, one.weights)
    assert close(other.biases, one.biases)


@given(seed=st.integers(0, 10**6), source=st.sampled_from(SOURCES), rule=st.sampled_from(["GradientDescent", "Adam"]))
@LAWS
def test_the_order_of_the_columns_is_that_of_the_weights(seed, source, rule):
    x, y = table(seed)
    problem, name = from_data(x, y), f"{source}+{rule}"
    start = problem.model()
    with torch.no_grad():
        start.weight.copy_(problem.start.weight.flip(1))
    turned = dataclasses.replace(from_data(x.flip(1), y), start=start)
    one, other = (compare(p, [name], epochs=20).results[name] for p in (problem, turned))
    assert close(other.losses, one.losses)
    assert close(other.weights.flip(2), one.weights)


METHODS = ["manual", "autograd", "adam", "graph+GradientDescent", "moments+Adam"]


def test_the_order_of_the_methods_changes_no_bit():
    problem = from_data(*table(0))
    alone = {name: compare(problem, [name], epochs=5).results[name] for name in METHODS}
    for names in (METHODS, METHODS[::-1], METHODS[2:] + METHODS[:2]):
        together = compare(problem, names, epochs=5)
        assert list(together.results) == names
        for name, result in together.results.items():
            assert torch.equal(result.weights, alone[name].weights)
            assert torch.equal(result.losses, alone[name].losses)


@given(st.permutations(range(4)), st.permutations([1e-3, 0.1, 0.5, 30.0]), st.permutations(["manual", "adam"]))
@settings(LAWS, max_examples=8)
def test_the_order_of_seeds_rates_and_methods_changes_no_bit_of_a_sweep(seeds, rates, methods):
    problems = [from_data(*table(seed), seed=seed) for seed in range(4)]
    ordered = sweep(problems, sorted(rates), ["adam", "manual"], epochs=10)
    other = sweep([problems[seed] for seed in seeds], rates, methods, epochs=10)
    places = [["adam", "manual"].index(name) for name in methods]
    assert other.rates.tolist() == sorted(rates)
    assert torch.equal(other.diverged_at, ordered.diverged_at[places][:, seeds])
    assert torch.equal(other.weights.nan_to_num(7.0), ordered.weights[places][:, seeds].nan_to_num(7.0))
    good = {row.method: row.highest_good_lr for row in Summary(ordered).best}
    assert {row.method: row.highest_good_lr for row in Summary(other).best} == good

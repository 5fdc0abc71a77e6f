"""Factors of sizes: what was drawn comes back, the cheapest of those that fit is told, none by chance."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.marker.hypotheses.graph_changes.size_factor import (
    ALONE,
    PLAIN,
    TERMS,
    TOGETHER,
    SizeFactor,
    fit,
    in_words,
)

SIZES = [
    {"n": n, "d": d, "k": k} for n, d, k in ((5, 2, 3), (7, 3, 11), (11, 5, 2), (13, 9, 4), (17, 4, 9), (19, 8, 5))
]


def values(factor, sizes=SIZES):
    return [
        factor.constant
        * math.prod((size[name.removesuffix(" − 1")] - name.endswith(" − 1")) ** power for name, power in factor.powers)
        for size in sizes
    ]


def test_plain_constants_are_small_numbers_and_their_inverses():
    assert {abs(one) for one in PLAIN} == {1, 2, 3, 4, 1 / 2, 1 / 3, 1 / 4}
    assert sorted(PLAIN) == sorted(-one for one in PLAIN)
    assert set(ALONE) == {sign * half / 2 for half in (1, 2, 3, 4) for sign in (1, -1)}
    assert set(TOGETHER) == {sign * half / 2 for half in (1, 2) for sign in (1, -1)}


ONE_SIZE = st.tuples(st.sampled_from("ndk"), st.sampled_from(ALONE)).map(lambda one: (one,))
LESS_ONE = st.tuples(st.sampled_from("ndk"), st.sampled_from([1.0, -1.0])).map(
    lambda one: ((one[0], one[1]), (one[0] + " − 1", -one[1]))
)
TWO_SIZES = st.tuples(
    st.sampled_from([("n", "d"), ("n", "k"), ("d", "k")]), st.sampled_from(TOGETHER), st.sampled_from(TOGETHER)
).map(lambda one: ((one[0][0], one[1]), (one[0][1], one[2])))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    constant=st.one_of(st.sampled_from(PLAIN), st.floats(0.11, 7.3), st.floats(-7.3, -0.11)),
    powers=st.one_of(st.just(()), ONE_SIZE, LESS_ONE, TWO_SIZES),
)
def test_a_drawn_factor_comes_back(constant, powers):
    found = fit(values(SizeFactor(constant, powers)), SIZES)
    assert found.constant == pytest.approx(constant, rel=1e-6)
    assert found.plain == (found.constant in PLAIN)
    assert (found.constant in PLAIN) >= (constant in PLAIN)
    assert found.powers == powers


def test_a_number_near_a_plain_one_is_that():
    assert fit([3 * (1 + 5e-8)] * 3, SIZES[:3]) == SizeFactor(3.0)
    assert not fit([3 * (1 + 5e-7)] * 3, SIZES[:3]).plain
    assert fit([2.0, 2 * (1 + 5e-8)], SIZES[:2]) == SizeFactor(2.0)
    assert fit([2.0, 2 * (1 + 5e-7)], SIZES[:2]) is None


@pytest.mark.parametrize("wrong", [[2.0, -2.0], [0.0, 0.0], [math.nan, 1.0], [math.inf, math.inf], []])
def test_what_has_no_sign_or_no_size_has_no_factor(wrong):
    assert fit(wrong, SIZES[: len(wrong)]) is None


@pytest.mark.parametrize(
    ("factor", "cost"),
    [
        (SizeFactor(), 0.0),
        (SizeFactor(-1.0), 0.8),
        (SizeFactor(0.37), 2.5),
        (SizeFactor(1.0, (("n", 1.0),)), 0.7),
        (SizeFactor(1.0, (("n", -0.5),)), 0.8),
        (SizeFactor(1.0, (("n", -2.0),)), 0.9),
        (SizeFactor(1.0, (("n", 1.5),)), 1.0),
        (SizeFactor(2.0, (("n", 1.0), ("d", 0.5))), 0.8 + 0.7 + 0.8),
        (SizeFactor(-3.0, (("n", 1.0), ("n − 1", -1.0))), 0.8 + 0.6),
    ],
)
def test_a_factor_costs_what_has_to_go_wrong_for_it(factor, cost):
    assert factor.cost == pytest.approx(cost)


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (SizeFactor(), "1"),
        (SizeFactor(2.0), "2"),
        (SizeFactor(0.123456789), "0.123457"),
        (SizeFactor(1.0, (("n", 1.0),)), "n"),
        (SizeFactor(-2.0, (("n", 1.0), ("d", -1.0))), "-2 · n · 1/(d)"),
        (SizeFactor(1.0, (("n", 0.5), ("d", -0.5))), "√(n) · 1/√(d)"),
        (SizeFactor(1.0, (("n", -2.0),)), "(n)^-2"),
        (SizeFactor(1.0, (("n", 1.5),)), "(n)^1.5"),
        (SizeFactor(1.0, (("n", -1.0), ("n − 1", 1.0))), "1/(n) · (n − 1)"),
        (SizeFactor(1.0, (("n − 1", -1.0),)), "1/(n − 1)"),
        (SizeFactor(1.0, ((TERMS + "mean", 1.0),)), "number of terms of mean"),
    ],
)
def test_a_factor_is_written_as_a_formula(factor, told):
    assert str(factor) == told


def test_what_is_counted_is_said_and_what_is_a_size_is_written_as_code():
    assert in_words("x.shape[0]") == "x.shape[0]"
    assert str(in_words(TERMS + "mean (in F.layer_norm)")) == "number of terms of mean (in F.layer_norm)"
    assert str(in_words(TERMS + "total")) == "number of terms of total"
    assert str(in_words(TERMS + "a constant")) == "number of terms of a constant"


def test_of_several_factors_that_fit_the_cheapest_is_told():
    # n is d², so that d is √n, and d² is n: one whole power of one size costs least.
    sizes = [{"n": d * d, "d": d} for d in (2, 3, 5, 7)]
    assert fit([float(d) for d in (2, 3, 5, 7)], sizes) == SizeFactor(1.0, (("d", 1.0),))
    assert fit([float(d * d) for d in (2, 3, 5, 7)], sizes) == SizeFactor(1.0, (("n", 1.0),))


def test_more_different_sizes_are_needed_than_numbers_are_free():
    n = SizeFactor(1.0, (("n", 1.0),))
    odd = SizeFactor(0.37, (("n", 1.0),))
    two = SizeFactor(1.0, (("n", 1.0), ("d", 1.0)))
    assert fit(values(n, SIZES[:2]), SIZES[:2]) == n
    assert fit(values(odd, SIZES[:2]), SIZES[:2]) is None
    assert fit(values(odd, SIZES[:3]), SIZES[:3]) == odd
    assert fit(values(two, SIZES[:2]), [{"n": s["n"], "d": s["d"]} for s in SIZES[:2]]) is None
    assert fit(values(two, SIZES[:3]), SIZES[:3]) == two
    alone = fit(values(n, SIZES[:1] * 3), SIZES[:1] * 3)
    assert (alone.constant, alone.powers) == (pytest.approx(5.0), ())  # of one size nothing is known
    assert fit([0.37], [{}]) == SizeFactor(0.37)


def test_sizes_that_do_not_differ_or_are_missing_or_zero_explain_nothing():
    same = [{"n": 4, "d": d} for d in (2, 3, 5)]
    assert fit([4.0] * 3, same) == SizeFactor(4.0)
    some = [{"n": 4}, {"n": 5, "d": 3}, {"n": 7, "d": 9}]
    assert fit([4.0, 5.0, 7.0], some) == SizeFactor(1.0, (("n", 1.0),))
    assert fit([1.0, 3.0, 9.0], [{"n": 4, "d": 1}, *some[1:]]) == SizeFactor(1.0, (("d", 1.0),))
    assert fit([0.5, 3.0, 9.0], [{"n": 4, "d": 0}, *some[1:]]) is None
    assert fit([1.0, 3 / 2, 9 / 8], [{"d": 1}, {"d": 3}, {"d": 9}]) is None  # d/(d − 1) at d = 1 is no number
    assert fit([2.0, 3 / 2, 9 / 8], [{"d": 2}, {"d": 3}, {"d": 9}]) == SizeFactor(1.0, (("d", 1.0), ("d − 1", -1.0)))

"""The factor by which an answer misses: its parts, what it costs, when it may not be told. Worked out by hand."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.marker.explanation import Explanation
from bpcompare.marker.factors import PLAIN, POWERS, Factor, Pair, fit, may_be_of_sizes, may_share_a_factor, ratio
from bpcompare.marker.meaning import names

# By what each mistake multiplies a gradient that is divided by N·out, as powers of the sizes.
EFFECTS = {
    "summed-not-averaged": [{"N": 1}, {"N": 1, "out": 1}],
    "divided-by-N-only": [{"out": 1}],
    "averaged-twice": [{"N": -1}, {"N": -1, "out": -1}],
    "divided-by-out-twice": [{"out": -1}],
    "divided-by-in": [{"in": -1}, {"in": -1, "out": 1}],  # too, or in the place of out
    "multiplied-by-in": [{"in": 1}],
    "divided-by-N-minus-1": [{"N": 1, "N−1": -1}],
    "divided-by-N-minus-2": [{"N": 1, "N−2": -1}],
    "divided-by-N-plus-1": [{"N": 1, "N+1": -1}],
}


def together(effects):
    powers = {}
    for effect in effects:
        for name, power in effect.items():
            powers[name] = powers.get(name, 0) + power
    return {item for item in powers.items() if item[1]}


@pytest.mark.parametrize("powers", POWERS, ids=lambda powers: "·".join(sorted(f"{n}^{p}" for n, p in powers)) or "1")
def test_the_powers_of_the_sizes_are_what_the_mistakes_named_for_them_do(powers):
    mistakes = POWERS[powers]
    assert any(together(effects) == set(powers) for effects in product(*(EFFECTS[name] for name in mistakes)))


@pytest.mark.parametrize("mistake", EFFECTS)
def test_what_a_mistake_does_by_itself_has_its_name(mistake):
    for effect in EFFECTS[mistake]:
        assert POWERS[frozenset(effect.items())] == (mistake,)


def test_plain_numbers_are_the_powers_of_two_up_to_eight_with_either_sign():
    assert set(PLAIN) == {sign * 2.0**power for sign in (1, -1) for power in range(-3, 4)}
    assert len(PLAIN) == 14
    assert [Factor(constant).plain for constant in (8.0, -0.125, 16.0, 0.0625, 3.0)] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("factor", "cost"),
    [
        (Factor(), 0.0),
        (Factor(-1.0), 1.0),  # a sign
        (Factor(2.0), 0.9),  # a 2 too many or too few
        (Factor(0.5), 0.9),
        (Factor(-4.0), 1.0 + 2 * 0.9),
        (Factor(3.0), 3.0),  # a number from elsewhere
        (Factor(-0.37), 3.0),
        (Factor(1.0, (("N", 1),)), 1.05),  # one name, and 0.05 for a size
        (Factor(1.0, (("N", 1), ("N−2", -1), ("out", 1))), 2.15),
        (Factor(2.0, (("n", 2),)), 0.9 + 2.0 + 0.1),  # sizes without a name
    ],
)
def test_a_factor_costs_what_has_to_go_wrong_for_it(factor, cost):
    assert factor.cost == pytest.approx(cost)


def test_only_the_factor_one_costs_nothing_and_a_number_from_elsewhere_costs_more_than_any_sign_or_two():
    others = [Factor(constant) for constant in PLAIN if constant != 1]
    assert all(0 < factor.cost <= 1 + 3 * 0.9 for factor in others)
    assert all(Factor(constant).cost < Factor(0.3).cost for constant in PLAIN if abs(math.log2(abs(constant))) < 3)


@pytest.mark.parametrize(
    ("factor", "parameters"),
    [
        (Factor(), 0),
        (Factor(-1.0), 0),  # a sign is no number that is free to choose
        (Factor(2.0), 1),
        (Factor(-0.3, (("N", 2), ("out", -1))), 4),
    ],
)
def test_each_power_and_each_constant_is_a_number_that_was_free_to_choose(factor, parameters):
    assert factor.parameters == parameters


def test_no_mistake_that_has_a_name_brings_a_size_in_twice():
    assert all(abs(power) == 1 for powers in POWERS for _, power in powers)


def test_known_is_a_plain_number_with_powers_that_have_a_name():
    assert Factor(-2.0, (("N", 1),)).known
    assert not Factor(0.3, (("N", 1),)).known
    assert not Factor(2.0, (("N", 2),)).known


def test_a_factor_has_its_value_at_the_sizes_of_a_problem_and_reads_as_a_product():
    factor = Factor(-0.5, (("N", 2), ("out", -1)))
    assert factor.at({"N": 3, "out": 4, "in": 9}) == -0.5 * 9 / 4
    assert str(factor) == "-0.5 · N^2 · out^-1"
    assert str(Factor(1.0, (("N", 1),))) == "N"
    assert str(Factor(2.0, (("N", 1),))) == "2 · N"
    assert {factor: factor.constant for factor in (Factor(), Factor(2.0))}[Factor(2.0)] == 2  # a value, fit for a key
    with pytest.raises(AttributeError):
        factor.constant = 3.0
    assert (str(Factor()), str(Factor(0.123456789))) == ("1", "0.123457")


def one(answer, guess, rounding=1e-12, **sizes):
    return Pair(np.array(answer), np.array(guess), np.full(len(guess), rounding), sizes)


def test_the_ratio_is_that_of_the_projection_with_its_uncertainty():
    # The length of (3, 4) is 5, of the rounding (0.01, 0.01) √2/100.
    assert ratio(one([-6.0, -8.0], [3.0, 4.0], 0.01)) == pytest.approx((-2.0, math.sqrt(2) / 500))


def test_the_rounding_allowed_grows_with_the_ratio():
    for apart, parallel in ((0.014, True), (0.016, False)):  # 3 times the guess may be off by 2·3·0.01 = 4·0.015
        found = ratio(one([9.0 + 4 * apart, 12.0 - 3 * apart], [3.0, 4.0], 0.01))
        assert (found is not None) == parallel


@pytest.mark.parametrize(("apart", "parallel"), [(0.0075, True), (0.0095, True), (0.0105, False), (0.02, False)])
def test_answers_are_parallel_within_twice_the_rounding(apart, parallel):
    # (4, −3) is at right angles to (3, 4); twice the guess may be off by 2·2·0.01 = 0.04 in each number.
    found = ratio(one([6.0 + 4 * apart, 8.0 - 3 * apart], [3.0, 4.0], 0.01))
    assert (found is not None) == parallel
    if parallel:
        assert found[0] == pytest.approx(2.0)


def test_nothing_against_nothing_is_no_ratio_and_no_contradiction():
    assert ratio(one([0.0, 0.0], [0.0, 0.0])) == (0.0, 0.0)
    assert ratio(one([0.0, 1.0], [0.0, 0.0])) is None
    assert ratio(one([0.0, 0.0], [1.0, 2.0])) is None
    assert ratio(one([np.nan, 0.0], [1.0, 2.0])) is None
    assert ratio(one([1.0, 0.0], [np.inf, 2.0])) is None
    assert fit([one([0.0], [0.0], N=4), one([12.0], [3.0], N=4), one([21.0], [3.0], N=7)]).powers == (("N", 1),)
    assert fit([one([0.0], [0.0], N=4)]) is None
    assert fit([]) is None


def test_two_calls_share_a_factor_where_it_is_one_number_for_one_size():
    small, same, other = (one([factor * 3.0], [3.0], 0.003, N=4) for factor in (2.0, 2.003, 2.01))
    assert may_share_a_factor(small, small)
    assert may_share_a_factor(small, same)  # each is known to 0.001, and 0.003/2.003 < 0.002
    assert not may_share_a_factor(small, other)
    assert not may_share_a_factor(small, one([-6.0], [3.0], 0.003, N=4))
    unsure, double = (one([factor * 3.0], [3.0], 0.9, N=4) for factor in (1.0, 2.0))
    assert may_share_a_factor(unsure, double)  # each known to 0.3: 1 apart, and 0.6 of the larger one is 1.2
    assert may_share_a_factor(double, unsure)
    assert may_share_a_factor(small, one([30.0], [3.0], 0.003, N=20))  # a power of N may explain it
    assert not may_share_a_factor(small, one([1.0], [0.0], 0.003, N=4))
    assert not may_share_a_factor(one([1.0], [0.0], 0.003, N=4), small)


def test_a_factor_is_told_only_with_one_sign_and_where_rounding_leaves_it_known():
    sizes = (4, 7, 9)
    assert fit([one([-3.0 * n], [3.0], N=n) for n in sizes]) == Factor(-1.0, (("N", 1),))
    assert fit([one([3.0 * n * (-1) ** n], [3.0], N=n) for n in sizes]) is None
    assert fit([one([3.0 * n], [3.0], 2e-6, N=n) for n in sizes]) == Factor(1.0, (("N", 1),))  # known to 7e-7
    assert fit([one([3.0 * n], [3.0], 4e-6, N=n) for n in sizes]) is None  # to 1.3e-6
    one_is_sure = [one([3.0 * n], [3.0], 1e-9 if n == 7 else 0.01, N=n) for n in sizes]
    assert fit(one_is_sure) == Factor(1.0, (("N", 1),))


def test_a_number_within_rounding_of_a_power_of_two_is_that_power():
    near, far = ([one([3.0 * 2 * (1 + error)], [3.0], 1e-7, N=n) for n in (4, 7, 9)] for error in (5e-10, 5e-9))
    assert fit(near).constant == 2.0
    assert fit(far).constant == pytest.approx(2 * (1 + 5e-9), rel=1e-12)
    assert fit(far).constant != 2.0


def test_of_several_factors_that_fit_the_simplest_is_told():
    # N is 4, 16 and 64, out 2, 4 and 8: N² / out² is N, and so is out².
    calls = [one([3.0 * n], [3.0], N=n, out=out) for n, out in ((4, 2), (16, 4), (64, 8))]
    assert fit(calls) == Factor(1.0, (("N", 1),))


def test_neighbours_of_n_only_divide_and_no_power_is_above_two():
    def calls(value):
        sizes = [
            {"N": n, "N−1": n - 1, "N+1": n + 1, "out": out} for n, out in ((4, 2), (7, 3), (9, 5), (12, 2), (30, 7))
        ]
        return [one([3.0 * value(**size)], [3.0], **size) for size in sizes]

    assert fit(calls(lambda **of: of["N"] / of["N−1"])) == Factor(1.0, (("N", 1), ("N−1", -1)))
    assert fit(calls(lambda **of: of["N"] ** 2 / of["out"] ** 2)) == Factor(1.0, (("N", 2), ("out", -2)))
    assert fit(calls(lambda **of: of["N"] ** 3)) is None
    assert fit(calls(lambda **of: of["N+1"])) is None
    assert fit(calls(lambda **of: of["N"] ** -3)) is None


SIZES = [(4, 2, 3), (7, 3, 5), (9, 5, 2), (12, 2, 7), (30, 7, 4), (11, 13, 8), (17, 4, 9), (5, 6, 6), (21, 9, 1)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    constant=st.one_of(st.sampled_from(PLAIN), st.floats(0.07, 9), st.floats(-9, -0.07)),
    powers=st.tuples(*[st.integers(-2, 2)] * 3).filter(lambda powers: sum(map(abs, powers)) <= 4),
    order=st.permutations(range(len(SIZES))),
    rounding=st.sampled_from([1e-14, 1e-12]),
)
def test_any_constant_and_powers_come_back_whatever_the_order_of_the_calls(constant, powers, order, rounding):
    names = ("N", "out", "in")
    calls = []
    for k in order:
        sizes = dict(zip(names, SIZES[k], strict=True))
        value = constant * math.prod(float(sizes[name]) ** power for name, power in zip(names, powers, strict=True))
        calls.append(one([3.0 * value, -5.0 * value], [3.0, -5.0], rounding, **sizes))
    found = fit(calls)
    assert found.constant == pytest.approx(constant, rel=1e-9)
    assert (found.constant in PLAIN) == (constant in PLAIN)
    assert dict(found.powers) == {name: power for name, power in zip(names, powers, strict=True) if power}


def test_no_more_than_four_powers_are_told_and_no_factor_with_as_many_numbers_as_problems():
    def calls(value, sizes=SIZES):
        return [one([3.0 * value(*size)], [3.0], **dict(zip(("N", "out", "in"), size, strict=True))) for size in sizes]

    assert fit(calls(lambda n, m, k: n**2 * m**2)).parameters == 4
    assert fit(calls(lambda n, m, k: n**2 * m**2 * k)) is None
    assert fit(calls(lambda n, m, k: 0.37 * n, SIZES[:3])).parameters == 2
    assert fit(calls(lambda n, m, k: 0.37 * n, SIZES[:2])) is None
    assert fit(calls(lambda n, m, k: 0.37, SIZES[:1])) is None
    assert fit(calls(lambda n, m, k: 2.0, SIZES[:1])) == Factor(2.0)  # has a meaning by itself


def test_what_two_calls_know_of_a_factor_is_added_up():
    sizes = (4, 7, 9)
    sure = {7: 1e-9}  # the others are known to a third of 0.01
    assert fit([one([3.0 * n * (1 + 0.002 * (n not in sure))], [3.0], sure.get(n, 0.01), N=n) for n in sizes])
    known = 3e-7  # each, and 1.5 times that apart: less than both together
    assert fit([one([3.0 * n * (1 + 1.5 * known * (n == 7))], [3.0], 3 * known, N=n) for n in sizes])
    assert not fit([one([3.0 * n * (1 + 2.5 * known * (n == 7))], [3.0], 3 * known, N=n) for n in sizes])
    assert fit([one([float(n)], [1.0], 1e-6, N=n) for n in sizes])  # known to 1e-6, just enough
    assert fit([one([3.0 * n], [3.0], 0.0, N=n) for n in sizes]) == Factor(1.0, (("N", 1),))
    exact = one([6.0, 3.0], [2.0, 1.0], 0.0, N=4)
    assert may_share_a_factor(exact, one([9.0, 6.0], [3.0, 2.0], 0.0, N=4))
    nothing = [one([0.0, 0.0], [0.0, 0.0], N=4) for _ in range(2)]
    assert may_share_a_factor(*nothing)


def pairs(factor, sizes=((4, 2), (7, 3), (9, 2))):
    guess = np.array([1.5, -2.0])
    return [Pair(guess * factor(n, m), guess, np.full(2, 1e-14), {"n": n, "m": m}) for n, m in sizes]


@pytest.mark.parametrize(
    ("factor", "constant", "powers"),
    [
        (lambda n, m: -0.5 * n, -0.5, (("n", 1),)),
        (lambda n, m: n / m, 1.0, (("n", 1), ("m", -1))),
        (lambda n, m: 0.37, 0.37, ()),
    ],
)
def test_a_factor_is_taken_apart_into_a_number_and_sizes(factor, constant, powers):
    found = fit(pairs(factor))
    assert found.constant == pytest.approx(constant)
    assert found.powers == powers


def test_what_is_no_factor_is_none():
    assert fit(pairs(lambda n, m: n + m)) is None
    assert fit(pairs(lambda n, m: n if n > 4 else -n)) is None
    zero = Pair(np.ones(2), np.zeros(2), np.full(2, 1e-14), {"n": 1, "m": 1})
    assert fit([zero]) is None
    lost = Pair(np.ones(1), np.ones(1), np.ones(1), {"n": 1, "m": 1})
    assert fit([lost]) is None


def test_two_values_are_those_of_one_factor_only_where_powers_of_the_sizes_make_one_of_the_other():
    one, other = np.array([1.0, 4.0, 0.5, 0.0, 1.0, 1.0]), np.array([1.0, 7.0, -1 / 3, 5.0, 1.3, 1.001])
    may_be = may_be_of_sizes(one, other, {"n": 4, "m": 2}, {"n": 7, "m": 3})
    assert may_be.tolist() == [True, True, True, True, False, False]


def test_a_factor_that_few_sizes_could_show_by_chance_is_none():
    assert fit(pairs(lambda n, m: 0.37 * n, sizes=((4, 2), (7, 2)))) is None
    assert fit(pairs(lambda n, m: 0.37 * n, sizes=((4, 2), (7, 2), (9, 3)))).powers == (("n", 1),)


def test_a_factor_reads_as_a_product():
    assert str(Factor(0.5, (("N", 1), ("out", -1)))) == "0.5 · N · out^-1"
    assert str(Factor()) == "1"
    assert Factor(2.0, (("N", 1),)).at({"N": 5}) == 10


def test_the_names_of_a_factor_are_its_meaning():
    assert names(Explanation((), 1.0, Factor(0.01, (("N", 1), ("out", 1))))) == ("hard-coded-N",)
    assert names(Explanation((), 1.0, Factor(0.3, ()))) == ("constant-factor",)
    assert names(Explanation((), 1.0, Factor(-8.0, (("in", 2),)))) == ("sign", "wrong-constant", "wrong-size-factor")


def test_a_factor_has_fewer_parameters_than_there_are_problems():
    sizes = ((4, 2), (7, 3), (9, 5))
    assert fit(pairs(lambda n, m: 0.37 * n / m, sizes=sizes)) is None
    assert fit(pairs(lambda n, m: n**2 / m, sizes=sizes)) is None
    assert fit(pairs(lambda n, m: 0.37 * n, sizes=sizes)).parameters == 2

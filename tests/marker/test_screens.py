"""What is worked out for many hypotheses at once is what each of them gives by itself."""

from functools import partial

import numpy as np
import pytest

from bpcompare.marker.calls import Call
from bpcompare.marker.explanation import fit_guesses, telling_first
from bpcompare.marker.factors import Pair, may_share_a_factor
from bpcompare.marker.hypotheses.combination_screen import plan, refuted_by_two
from bpcompare.marker.hypotheses.derivation_changes.last_step import _parallel
from bpcompare.marker.hypotheses.number_types import CASTS
from bpcompare.marker.hypotheses.number_values import STEPS
from bpcompare.marker.hypotheses.rounded_stages import BY_GROUP, ROUNDINGS, _missed, gradients
from bpcompare.marker.hypotheses.squared_error import _of_view
from bpcompare.marker.hypotheses.wrong_parts.view import View
from bpcompare.marker.memo import Memo
from bpcompare.marker.problems.linear_regression import draw, point

ANSWERS = ("grad_w", "grad_b")


@pytest.fixture(autouse=True)
def divisions():
    """As within the diagnosis: what is not finite is looked at again."""
    with np.errstate(all="ignore"):
        yield


def cast_of(rounding):
    if rounding.mistake != "rounded-on-the-way":
        return CASTS[rounding.place][1]
    step = [1.0, *STEPS.values()][rounding.place]
    return lambda array: np.round(array / step) * step


def by_itself(v, rounding):
    """The two gradients with one rounding, written out."""

    def held(stage, array):
        return cast_of(rounding)(array) if stage in rounding.group.stages else array

    x, w, b = held("x", v.x), held("w", v.w), held("b", v.b)
    prediction = held("prediction", held("product", x @ w.T) + b)
    delta = held("delta", 2 / v.y.size * held("residual", prediction - held("y", v.y)))
    terms = held("terms", delta[:, :, None] * held("x again", v.x)[:, None, :])
    return terms.sum(0), delta.sum(0)


def test_roundings_worked_out_together_are_those_of_each_to_the_last_bit():
    for problem in [p for p in draw(np.random.default_rng(3)) if p.dtype == "float64"][:24:8]:
        v = View.of(problem.inputs)
        for group, roundings in BY_GROUP.items():
            together = gradients(v, group)
            for rounding in roundings:
                for stack, alone in zip(together, by_itself(v, rounding), strict=True):
                    assert np.array_equal(stack[rounding.place], alone)
    assert sum(map(len, BY_GROUP.values())) == len(ROUNDINGS)


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_rounding_that_was_made_stays_open_and_few_others_do(answer):
    problem = point(np.random.default_rng(2), 29, 3, 2, "float64")
    made = next(one for one in ROUNDINGS if one.group.stages == ("residual",) and "2 decimals" in str(one.detail))
    given = by_itself(View.of(problem.inputs), made)[answer == "grad_b"]
    open_still = set(ROUNDINGS) - _missed(Call(problem, {answer: -3 * given}, {answer: "float64"}), answer, Memo())
    assert made in open_still
    assert len(open_still) < len(ROUNDINGS) / 20


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("mistakes", [1, 2])
def test_what_two_calls_refute_at_once_each_combination_refutes_by_itself(answer, mistakes):
    rng = np.random.default_rng(5)
    problems = [point(rng, 13, 1, 1, "float64") for _ in range(2)]
    memo = Memo()
    groups = plan(answer, mistakes).groups
    chosen = groups[-1].combinations[0]
    calls = [Call(p, {answer: np.ravel(-2 * chosen.of(View.of(p.inputs))[0])[:1].reshape(1)}) for p in problems]
    refuted = refuted_by_two(*calls, answer, mistakes, memo)
    everyone = [one for group in groups for one in group.combinations]
    assert chosen not in refuted
    assert len(refuted) > 0.5 * len(everyone)
    for one in everyone[::7]:
        if one in refuted:
            assert fit_guesses(calls, answer, _of_view(one.of, memo)) is None


def test_one_factor_is_asked_for_wherever_both_calls_have_the_same_sizes():
    pair = partial(Pair, guess=np.ones(2), rounding=np.full(2, 1e-14), sizes={"N": 3})
    assert may_share_a_factor(pair(np.full(2, 3.0)), pair(np.full(2, 3.0)))
    assert not may_share_a_factor(pair(np.full(2, 3.0)), pair(np.full(2, 4.0)))


def test_of_equal_calls_one_tells_as_much_as_all():
    first, other = (point(np.random.default_rng(k), 7, 2, 1, "float64") for k in (1, 2))
    made = {p: np.asarray(p.expected["grad_b"], dtype=np.float64) for p in (first, other)}
    calls = [Call(p, {"grad_b": made[p]}) for p in (first, first, other)]
    assert telling_first(calls, "grad_b") == [calls[0], calls[2]]
    late = Call(first, {"grad_b": made[first] + 1})
    assert telling_first([*calls, late], "grad_b") == [calls[0], calls[2], late]


@pytest.mark.parametrize(("one", "other"), [((4, 6), (6, 3)), ((4, 6), (6,)), ((1, 6), (6, 2))])
def test_pairs_of_operands_whose_product_is_the_answer_are_found_among_all(one, other):
    rng = np.random.default_rng(9)
    left, right = (rng.normal(size=(30, *shape)) for shape in (one, other))
    found = _parallel(True, left, right, -0.3 * (left[17] @ right[4]).ravel())
    assert found.tolist() == [[17, 4]]
    assert _parallel(True, left, right, rng.normal(size=(left[0] @ right[0]).size)).tolist() == []


def test_pairs_are_found_of_products_entry_by_entry_too():
    rng = np.random.default_rng(9)
    left, right = rng.normal(size=(30,)), rng.normal(size=(20, 5))
    right[7] = 2 * right[3]
    assert _parallel(False, left, right, 5 * right[3]).tolist() == [[k, j] for k in range(30) for j in (3, 7)]

"""Problems that are kept for several markings change nothing in any of them."""

from pathlib import Path

import pytest
from kept_draws import SEED

from bpcompare.marker.check import check_function
from bpcompare.marker.draws import Draws
from bpcompare.marker.exercises import EXERCISES, find
from bpcompare.show.marker_report import report


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)


def unnamed(x, y, w, b):
    grad_w, grad_b = gradients(x, y, w, b)
    return grad_w * w.cos(), grad_b.exp() * b[:1]


def two_mistakes(x, y, w, b):
    delta = 2 * (b - y) / y.numel()
    return -delta.T @ x * len(x), delta.mean(0)


def rounded(x, y, w, b):
    delta = 2 * (x @ w.T + b - y).round(decimals=2) / y.numel()
    return delta.T @ x, delta.sum(0)


def told(marking):
    verdicts = [
        (v.grade, v.largest, v.properties, [(f.scope, f.explanation, len(f.calls)) for f in v.findings])
        for v in marking.verdicts
    ]
    return report(marking, Path("mine.py")), repr(verdicts)


def test_markings_one_after_another_are_those_of_each_by_itself(draws):
    for function in (two_mistakes, unnamed, rounded):
        assert told(check_function(function, seed=SEED, draws=draws)) == told(check_function(function, seed=SEED))


@pytest.mark.parametrize("name", EXERCISES)
def test_problems_are_drawn_once_for_each_seed(name):
    draws, exercise = Draws(), find(name)
    one = draws.of(exercise, 1)
    assert draws.of(exercise, 1) is one
    assert draws.of(exercise, 2).problems[0] is not one.problems[0]
    assert (one.seed, one.worked_out) == (1, {})

"""A learner's answers: what counts as one, and when it is the right value rounded to what is written."""

import random
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
import torch

from bpcompare.errors import ExpressionError
from bpcompare.graph.answers import agrees, checked
from bpcompare.graph.derivation import derive
from bpcompare.graph.expression import build

HOMEWORK_3 = (
    "z1 = w1*x**2; z2 = w2*x; z = z1 + z2; ŷ = z + b; r = ŷ - y; loss = r**2",
    {"x": 2, "w1": 2, "w2": 2, "b": 1, "y": 9},
)


@pytest.mark.parametrize(
    ("answer", "value", "same"),
    [
        *(
            (32.0, 32.0, True),
            (0.186, 0.18583, True),
            (0.185, 0.18583, False),
            (0.19, 0.18583, False),
            (0.0, 0.0, True),
        ),
        *((32.001, 32.0, False), (31.999, 32.0, False), (1e-9, 0.0, False), (33.0, 32.0, False), (32.0, 31.7, False)),
        *((1000000.0, 1000001.0, False), (-8.0, 8.0, False), (1.25, 1.2549, True), (1.2, 1.249, False)),
        *((0.125, 0.1255, True), (0.125, 0.12551, False), (12.5, 12.5499, True), (125.0, 125.3, False)),
        *((0.33333333, 1 / 3, True), (0.3333334, 1 / 3, True), (0.3333337, 1 / 3, False), (5.0, 5.000001, True)),
        *((5.0, 4.999999, True), (-5.0, -5.000001, True), (4.9999999, 5.0, True)),
        *((5.0, 5.00001, False), (0.5, 0.50000005, True), (np.nan, np.nan, False), (1.0, np.inf, False)),
    ],
)
def test_the_tolerance_is_as_stated(answer, value, same):
    assert agrees(np.asarray(answer), np.asarray(value)) is same


def test_a_value_rounded_to_three_digits_or_more_agrees_and_its_neighbours_do_not():
    draw = random.Random(0)
    for _ in range(2_000):
        value, places = draw.uniform(-20, 20), draw.randrange(1, 5)
        unit = Decimal(1).scaleb(-places)
        rounded = Decimal(value).quantize(unit, ROUND_HALF_EVEN)
        for written in (rounded - unit, rounded, rounded + unit):
            if written.normalize().as_tuple().exponent == -places:  # else its last digit is 0: it has fewer
                is_rounded = written == rounded and len(written.normalize().as_tuple().digits) >= 3
                assert agrees(np.asarray(float(written)), np.asarray(value)) == is_rounded


@pytest.mark.parametrize(
    ("answer", "value", "same"),
    [
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0], [1.0, 3.0], False),
        ([1.0, 2.0], [[1.0, 2.0]], False),
        ([[5.0]], 5.0, True),
        (5.0, [5.0], True),
        ([5.0, 5.0], 5.0, False),
        ([1.0, 1e7], [2.0, 1e7], False),  # whole numbers are exact, ...
        ([1e-5, 1000.5], [2e-5, 1000.5], True),  # ... others good to a millionth of the largest
        ([1e-5, 1000.5], [1.2e-3, 1000.5], False),
    ],
)
def test_arrays_agree_entry_by_entry_in_one_shape(answer, value, same):
    assert agrees(np.asarray(answer), np.asarray(value)) is same


@pytest.mark.parametrize("answers", [{"q": 1}, {}, {"x": "1"}, {"x": float("nan")}, {"x": None}, {"x": []}, {"x": 1j}])
def test_what_is_no_answer_is_refused(answers):
    with pytest.raises(ExpressionError):
        derive(*HOMEWORK_3).mark(answers)


def test_refusals_name_what_was_asked_for():
    graph = build(*HOMEWORK_3)
    for answers, told in (
        ({"lost": 1}, "there is no step 'lost'.*did you mean loss"),
        ({"abcdef": 1}, "choose from w1, x"),
        ({}, "no answer was given; give one such as w1=2"),
        ({"x": "six"}, "the answer for x must be a finite number.*'six'"),
        ({"x": [1.0, np.inf]}, "the answer for x"),
        ({"x": [[1], [1, 2]]}, "the answer for x"),
    ):
        with pytest.raises(ExpressionError, match=told):
            checked(graph, answers)


def test_answers_are_read_from_the_output_on_by_either_spelling_and_through_text():
    graph = build("v = x*w; (v + v)**2", {"x": np.float64(1), "w": 2})
    names = {node.name: node for node in graph.nodes}
    assert "u₁" in names
    found = checked(graph, {"x": torch.tensor(0.1, requires_grad=True), "u1": np.float32(0.2), "v": 3})
    assert [(node.name, answer.item()) for node, answer in found.items()] == [("u₁", 0.2), ("v", 3.0), ("x", 0.1)]
    assert found.keys() == {names["u₁"], names["v"], names["x"]}

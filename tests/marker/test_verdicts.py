"""What the diagnosis says of calls that are made by hand: grades, parts, memory, edges. No learner's function runs."""

import numpy as np
import pytest

from bpcompare.marker.calls import Call, Problem
from bpcompare.marker.diagnosis import _enough, diagnose, explain
from bpcompare.marker.memo import Memo
from bpcompare.marker.verdict import EXACT, ROUNDING, WRONG, Known

KNOWN = Known(("g",))


def call(answer, expected, dtype="float64", operations=4, edge="", **sizes):
    """A call with one answer ``g``; the terms are the right numbers themselves."""
    right = np.array(expected, dtype=np.longdouble)
    sizes = sizes or {"N": 4, "in": 1, "out": right.size}
    problem = Problem(sizes, dtype, {}, {"g": right}, {"g": abs(right).astype(float)}, operations, edge=edge)
    return Call(problem, {"g": np.array(answer, dtype=np.float64)}, {"g": dtype})


def grade(*calls):
    (verdict,) = diagnose(calls, KNOWN)
    return verdict.grade, verdict.largest


def test_an_answer_is_exact_where_it_is_the_nearest_float32_and_not_one_unit_off():
    third = np.float32(1) / np.float32(3)
    below = np.nextafter(third, np.float32(0))
    longdouble = np.longdouble(1) / 3
    # float32(1/3) is 2⁻²⁵/3 too large; its neighbour 2·2⁻²⁵/3 too small, half of ε/3 = 2⁻²³/3.
    assert grade(call([third], [longdouble], "float32")) == (EXACT, pytest.approx(0.25))
    assert grade(call([below], [longdouble], "float32")) == (ROUNDING, pytest.approx(0.5))
    assert grade(call([third], [longdouble], "float32"), call([below], [longdouble], "float32"))[0] == ROUNDING
    assert grade(call([below], [longdouble], "float32"), call([third], [longdouble], "float32"))[0] == ROUNDING


def test_the_largest_difference_counts_in_units_of_the_largest_term():
    unit = 2.0**-52
    assert grade(call([1.0, 4 + 4 * unit], [1.0, 4.0])) == (ROUNDING, 1.0)
    assert grade(call([1 + 2 * unit, 4.0], [1.0, 4.0]), call([4 + 4 * unit], [4.0])) == (ROUNDING, 1.0)
    assert grade(call([4 + 8 * unit], [4.0]), call([4 + 4 * unit], [4.0])) == (ROUNDING, 2.0)


@pytest.mark.parametrize("answer", [[np.nan, 1.0], [np.inf, 1.0], [1.0], [1.0, 1.0, 1.0]])
def test_what_is_not_finite_or_has_other_numbers_is_wrong_without_a_bound(answer):
    assert grade(call(answer, [1.0, 1.0])) == (WRONG, np.inf)


def test_a_part_needs_three_numbers_and_two_shapes_to_be_diagnosed_on_its_own():
    def part(*sizes):
        return [call([1.0] * size, [1.0] * size, N=samples, out=size) for samples, size in sizes]

    assert not _enough(part((4, 1), (5, 1)), "g")  # two numbers fit many an explanation
    assert _enough(part((4, 1), (5, 2)), "g")
    assert _enough(part((4, 2), (5, 2)), "g")
    assert not _enough(part((4, 3)), "g")  # one shape: any power of its sizes would do
    assert not _enough(part((4, 3), (4, 3)), "g")


def test_memory_shows_in_the_whole_sequence_of_calls_only():
    calls = [call([0.25, 0.25], expected) for expected in ([1.0, 2.0], [3.0, -1.0], [0.5, 7.0])]
    found = explain(calls, "g", KNOWN, Memo(), in_order=True)
    assert found.mistakes == ("same-numbers-always",)
    part = explain(calls, "g", KNOWN, Memo())
    assert part is None or part.mistakes != ("same-numbers-always",)
    late = [call(before, now) for before, now in (([1.0], [1.0]), ([1.0], [3.0]), ([3.0], [0.7]), ([0.7], [5.1]))]
    assert explain(late, "g", KNOWN, Memo(), in_order=True).mistakes == ("one-call-late",)
    assert explain(late, "g", KNOWN, Memo()) is None


def test_each_edge_where_alone_an_answer_is_wrong_is_a_finding_of_its_own():
    usual = [call([1.0, 2.0], [1.0, 2.0]), call([3.0], [3.0])]
    edges = [call([7.0], [2.0], edge=edge) for edge in ("wrong-for-one-sample", "wrong-for-many-samples")]
    (verdict,) = diagnose([*usual, *edges, edges[0]], KNOWN)
    assert [(finding.explanation.mistakes, len(finding.calls)) for finding in verdict.findings] == [
        (("wrong-for-one-sample",), 2),
        (("wrong-for-many-samples",), 1),
    ]
    assert all(finding.scope == "" for finding in verdict.findings)


def test_what_is_wrong_everywhere_is_not_named_after_an_edge():
    calls = [
        call([2 * value], [value], edge=edge) for value, edge in ((1.5, ""), (2.5, ""), (3.7, "wrong-for-one-sample"))
    ]
    (verdict,) = diagnose(calls, KNOWN)
    assert verdict.grade == WRONG
    (finding,) = verdict.findings
    assert finding.explanation.factor.constant == 2
    assert len(finding.calls) == 2

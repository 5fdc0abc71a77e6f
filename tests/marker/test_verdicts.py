"""What the diagnosis says of calls that are made by hand: grades, parts, memory, edges. No learner's function runs."""

import dataclasses

import numpy as np
import pytest

from bpcompare.marker.calls import Call, Problem
from bpcompare.marker.diagnosis import _enough, diagnose, explain
from bpcompare.marker.explanation import Explanation
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


NOISE = np.random.default_rng(0)


def wrong(samples=4, outputs=3, dtype="float64"):
    """A call whose answer is noise, which nothing explains."""
    return call(NOISE.normal(size=outputs), NOISE.normal(size=outputs), dtype, N=samples, out=outputs, **{"in": 2})


def right(samples=4, outputs=3, dtype="float64"):
    numbers = NOISE.normal(size=outputs)
    return call(numbers.astype(dtype), numbers, dtype, N=samples, out=outputs, **{"in": 2})


def priced(hypotheses):
    """Hypotheses that may cost as little as 1, the least that one of an exercise's own costs."""
    return tuple((1.0, hypothesis) for hypothesis in hypotheses)


def findings(calls, *hypotheses, in_parts=()):
    (verdict,) = diagnose(calls, Known(("g",), priced(hypotheses), in_parts=priced(in_parts)))
    return [
        (finding.scope, finding.explanation.mistakes, finding.explanation.sure, len(finding.calls))
        for finding in verdict.findings
    ]


@pytest.mark.parametrize(
    ("whole", "told"), [(1.5, ("everywhere",)), (2.2, ("everywhere",)), (2.5, ("everywhere",)), (2.6, ("there",))]
)
def test_one_mistake_everywhere_may_cost_half_more_than_one_that_only_some_calls_show(whole, told):
    def hypothesis(calls, answer, memo):
        return Explanation(("everywhere",), whole) if len(calls) == 4 else Explanation(("there",), 2.0)

    calls = [wrong(dtype="float32"), wrong(5, dtype="float32"), right(), right(5)]
    (found,) = findings(calls, hypothesis)
    assert found == (("", told, True, 4) if told == ("everywhere",) else ("in float32", told, True, 2))


def test_two_parts_with_an_explanation_each_are_two_findings():
    def of_a_type(calls, answer, memo):
        types = {call.problem.dtype for call in calls}
        return Explanation((types.pop(),), 2.0) if len(types) == 1 else None

    calls = [wrong(4, dtype="float32"), wrong(5, dtype="float32"), wrong(4), wrong(5), wrong(6)]
    assert findings(calls, in_parts=(of_a_type,)) == [
        ("in float32", ("float32",), True, 2),
        ("in float64", ("float64",), True, 3),
    ]
    assert findings(calls) == [("", ("unknown",), False, 5)]
    assert findings(calls, of_a_type) == [("", ("unknown",), False, 5)]  # what may hold in parts is told apart


def test_what_explains_one_part_only_is_likely_and_the_rest_unknown():
    def of_float32(calls, answer, memo):
        return Explanation(("narrow",), 2.0) if {call.problem.dtype for call in calls} == {"float32"} else None

    calls = [wrong(4, dtype="float32"), wrong(5, dtype="float32"), wrong(4), wrong(5), right(6)]
    assert findings(calls, in_parts=(of_float32,)) == [
        ("in float32", ("narrow",), False, 2),
        ("in 2 of 5 calls", ("unknown",), False, 2),
    ]
    of_one_shape = [wrong(4, dtype="float32"), wrong(4, dtype="float32"), wrong(4), wrong(5)]
    assert findings(of_one_shape, in_parts=(of_float32,)) == [("", ("unknown",), False, 4)]


def two(answers, expected):
    """A call with the answers ``g`` and ``h``."""
    right = {name: np.array(numbers, dtype=np.longdouble) for name, numbers in zip("gh", expected, strict=True)}
    terms = {name: abs(numbers).astype(float) for name, numbers in right.items()}
    samples = 4 + int(abs(expected[0][0]) * 1000) % 7
    problem = Problem({"N": samples, "in": 1, "out": 2}, "float64", {}, right, terms, 4)
    return Call(problem, {name: np.array(numbers, float) for name, numbers in zip("gh", answers, strict=True)})


def named(mistakes, only="", **more):
    return lambda calls, answer, memo: Explanation(mistakes, 2.0, **more) if answer in only else None


def draw():
    return NOISE.normal(size=2)


def test_a_mistake_that_every_answer_should_show_is_likely_at_most_where_one_does_not():
    calls = [two((draw(), draw()), (draw(), draw())) for _ in range(4)]
    for shared, sure in ((frozenset({"m"}), False), (frozenset({"other"}), True)):
        first, second = diagnose(calls, Known(("g", "h"), priced([named(("m",), "g")]), shared=shared))
        assert (first.mistakes, second.mistakes) == (("m",), ("unknown",))
        assert first.findings[0].explanation.sure is sure
    both = diagnose(calls, Known(("g", "h"), priced([named(("m",), "gh")]), shared=frozenset({"m"})))
    assert [verdict.findings[0].explanation.sure for verdict in both] == [True, True]


def test_of_explanations_that_cost_the_same_the_one_that_another_answer_shows_is_told():
    calls = [two((draw(), draw()), (draw(), draw())) for _ in range(4)]
    hypotheses = (named(("m",), "g"), named(("k",), "h"), named(("m",), "h"), named(("l",), "h"))
    first, second = diagnose(calls, Known(("g", "h"), priced(hypotheses)))
    assert (first.mistakes, second.mistakes) == (("m",), ("m",))
    first, second = diagnose(calls, Known(("g", "h"), priced(hypotheses[1:])))
    assert second.mistakes == ("k",)  # nothing has been shown: the first
    first, second = diagnose(calls, Known(("g", "h"), priced([named(("k",), "g"), *hypotheses[1:]])))
    assert second.mistakes == ("k",)


def test_two_answers_in_each_others_place_are_called_swapped():
    numbers = [(draw(), draw()) for _ in range(4)]
    calls = [two((h, g), (g, h)) for g, h in numbers]
    verdicts = diagnose(calls, Known(("g", "h")))
    assert [(verdict.answer, verdict.mistakes, verdict.grade) for verdict in verdicts] == [
        ("g", ("swapped",), WRONG),
        ("h", ("swapped",), WRONG),
    ]
    assert all(verdict.largest == np.inf and len(verdict.findings[0].calls) == 4 for verdict in verdicts)
    assert [verdict.mistakes for verdict in diagnose([two((g, h), (g, h)) for g, h in numbers], Known(("g", "h")))] == [
        (),
        (),
    ]
    one_right = [two((h, h), (g, h)) for g, h in numbers]
    assert diagnose(one_right, Known(("g", "h")))[1].mistakes == ()
    twice = diagnose([two((2 * h, g), (g, h)) for g, h in numbers], Known(("g", "h")))
    assert twice[0].findings[0].explanation.factor.constant == 2
    assert twice[0].mistakes[0] == "swapped"


def test_a_wrong_shape_is_told_next_to_what_is_wrong_with_the_numbers():
    def column(factor, outputs):
        found = call(factor * np.ones(outputs), np.arange(1.0, outputs + 1), N=3 + outputs, out=outputs)
        numbers = factor * found.problem.expected["g"].astype(float)
        return Call(found.problem, {"g": numbers[:, None]}, {"g": "float64"})

    calls = [column(2.0, outputs) for outputs in (2, 3, 4)]
    (verdict,) = diagnose(calls, KNOWN)
    assert verdict.findings[0].explanation.factor.constant == 2
    assert verdict.findings[0].explanation.mistakes == ("wrong-shape",)
    usual = [Call(one.problem, {"g": one.answers["g"][:, 0]}, one.dtypes) for one in calls]
    assert diagnose(usual, KNOWN)[0].findings[0].explanation.mistakes == ()


def test_errors_that_hardly_exceed_rounding_fit_many_an_explanation_and_get_none():
    unit = 2.0**-52
    for units, told in ((30, None), (34, ("m",))):  # rounding is 4 operations; eight times that are 32 units
        calls = [call([1 + units * unit, 2.0, value], [1.0, 2.0, value], N=n) for n, value in ((4, 3.0), (5, 0.7))]
        found = explain(calls, "g", Known(("g",), priced([named(("m",), "g")])), Memo())
        assert (found and found.mistakes) == told


def test_a_hypothesis_is_asked_only_where_it_may_still_win():
    asked = []

    def costing(name, cost):
        def hypothesis(calls, answer, memo):
            asked.append(name)
            return Explanation((name,), cost)

        return hypothesis

    calls = [wrong(), wrong(5)]
    dear, equal, cheap = (3.1, costing("dear", 3.5)), (3.0, costing("equal", 3.0)), (1.0, costing("cheap", 3.0))
    found = explain(calls, "g", Known(("g",), (dear, equal, cheap)), Memo())
    assert asked == ["cheap", "equal"]  # the one that may cost least first; what costs as much is an alternative
    assert (found.mistakes, found.alternatives, found.cost) == (("equal",), (("cheap",),), 3.0)
    asked.clear()
    assert explain(calls, "g", Known(("g",), (equal, dear, cheap)), Memo(), below=3.0).mistakes == ("cheap",)
    assert asked == ["cheap"]
    asked.clear()
    assert explain(calls, "g", Known(("g",), (equal,)), Memo(), below=3.0) is None
    assert asked == []


def test_the_whole_sequence_of_calls_is_asked_for_memory():
    calls = [call([0.25, 0.25], expected) for expected in ([1.0, 2.0], [3.0, -1.0], [0.5, 7.0])]
    (verdict,) = diagnose(calls, KNOWN)
    assert verdict.mistakes == ("same-numbers-always",)


def test_one_number_in_any_nesting_has_no_wrong_shape_and_is_graded_as_the_number_that_it_is():
    def nested(factor, value, shape):
        problem = call([value], [value], N=3 + int(value), out=1).problem
        return Call(problem, {"g": np.full(shape, factor * value)}, {"g": "float64"})

    calls = [nested(2.0, value, shape) for value, shape in ((1.5, (1, 1)), (2.5, ()), (3.7, (1, 1, 1)))]
    (verdict,) = diagnose(calls, KNOWN)
    assert verdict.findings[0].explanation.mistakes == ()
    assert verdict.findings[0].explanation.factor.constant == 2
    assert grade(*(nested(1.0, value, shape) for value, shape in ((1.5, (1, 1)), (2.5, ())))) == (EXACT, 0.0)


def test_the_nearest_float32_is_told_from_the_number_itself():
    # float32(1/3) is the nearest float32, and no float64 neighbour of ⅓.
    third = np.longdouble(1) / 3
    assert grade(call([np.float32(third)], [third], "float32"))[0] == EXACT
    assert grade(call([np.float64(third)], [third], "float32"))[0] == ROUNDING
    assert grade(call([np.float64(third)], [third], "float64"))[0] == EXACT


def test_an_answer_that_never_came_is_not_measured():
    without = Call(call([1.0], [1.0]).problem)
    assert grade(without) == (EXACT, 0.0)


def of(problem_of, answer, dtype=""):
    """Another call of the same problem."""
    return Call(problem_of.problem, {"g": np.array(answer, float)}, {"g": dtype or problem_of.problem.dtype})


def drawn(*shapes):
    return [NOISE.normal(size=shape) + 3 * np.sign(NOISE.normal(size=shape)) for shape in shapes]


def answered(change, *shapes):
    """Calls of several sizes whose answers are the right ones, changed."""
    return [call(change(right), right, N=4 + n, out=right.size, **{"in": 2}) for n, right in enumerate(drawn(*shapes))]


def remembered():
    first, second, other = drawn(2, 2, 3)
    size = {"N": 5, "in": 1, "out": 2}
    return [call(first, first, **size), call(first, second, **size), call(other, other, N=7)]


def accumulating():
    first, second = drawn(2, 3)
    one, two = call(first, first, N=5), call(second, second, N=7)
    return [one, of(one, 2 * first), two, of(two, 2 * second)]


def late():
    a, b, c, d = (float(x) for (x,) in drawn(1, 1, 1, 1))
    return [call([before], [now]) for before, now in ((a, a), (a, b), (b, c), (c, d))]


def unrepeatable():
    one, two = call(*drawn(2, 2)), call(*drawn(3, 3), N=9)
    return [one, of(one, drawn(2)[0]), two]


def of_each_sample(right):
    shares = NOISE.normal(size=(6, len(right)))
    return shares + (right - shares.sum(0)) / 6


# What each of the general mistakes costs at least, and calls that show it.
AT_LEAST = {
    "factor": (0.0, lambda: answered(lambda right: right / 2, 2, 3, 4)),
    "always-zero": (0.1, lambda: answered(lambda right: 0 * right, 2, 3)),
    "rounded": (0.4, lambda: answered(lambda right: right.round(3), 2, 3)),
    "integer-division": (0.5, lambda: answered(np.trunc, 2, 3)),
    "half-precision": (0.5, lambda: [of(one, np.float16(one.answers["g"]), "float16") for one in scattered()]),
    "same-numbers-always": (0.5, lambda: [call([0.25, 0.25], right) for right in drawn(2, 2, 2)]),
    "accumulated": (0.5, accumulating),
    "remembers-first-call": (0.6, remembered),
    "one-call-late": (0.7, late),
    "clipped": (0.9, lambda: answered(lambda right: right.clip(-2, 2), 5, 6)),
    "transposed": (1.0, lambda: answered(np.transpose, (2, 3), (4, 3))),
    "variant": (1.0, lambda: answered(np.cos, 3, 4)),
    "not-summed-over-batch": (3.0, lambda: answered(of_each_sample, 2, 3)),
    "not-repeatable": (6.0, unrepeatable),
}


def scattered():
    """Numbers of several sizes, which no one step divides."""
    return answered(lambda right: right, 4, 5) and [
        call(right, right, N=4 + n) for n, right in enumerate([np.array([0.0123, 7.7, 0.31, 95.0]), drawn(5)[0] / 77])
    ]


@pytest.mark.parametrize("name", AT_LEAST)
def test_a_mistake_is_looked_for_only_where_it_may_cost_less_than_what_is_known(name):
    least, made = AT_LEAST[name]
    calls = made()
    variants = {"variant": lambda problem: {"g": np.cos(problem.expected["g"].astype(float))}}
    known = Known(("g",), variants=variants if name == "variant" else {})
    told = () if name == "factor" else (name,)
    found = explain(calls, "g", known, Memo(), in_order=True)
    assert found.mistakes[: len(told) or None] == told
    assert found.cost >= least
    assert explain(calls, "g", known, Memo(), in_order=True, below=least + 0.01) == found
    assert explain(calls, "g", known, Memo(), in_order=True, below=least) is None


@pytest.mark.parametrize(
    ("factor", "asked", "told"),
    [
        (0.5, False, ()),  # costs 0.9
        (-1.0, True, ()),  # 1, as much as the exercise's own: one is the other's alternative
        (-2.0, True, ("own",)),  # 1.9
    ],
)
def test_an_exercise_s_own_mistakes_are_looked_for_where_nothing_cheaper_than_one_explains(factor, asked, told):
    met = []

    def own(calls, answer, memo):
        met.append(answer)
        return Explanation(("own",), 1.0)

    calls = answered(lambda right: factor * right, 2, 3, 4)
    found = explain(calls, "g", Known(("g",), ((0.0, own),)), Memo())
    assert (bool(met), found.mistakes) == (asked, told)
    assert found.alternatives == ((("own",),) if factor == -1 else ())


def test_of_some_calls_only_a_mistake_is_looked_for_that_is_simpler_than_the_one_of_all():
    asked = []

    def costing(name, cost, only=0):
        def hypothesis(calls, answer, memo):
            asked.append((name, len(calls)))
            return Explanation((name,), cost) if len(calls) >= only else None

        return hypothesis

    calls = [wrong(dtype="float32"), wrong(5, dtype="float32"), right(), right(5)]
    whole, dear, cheap = (2.0, costing("whole", 2.6, 3)), (2.2, costing("dear", 2.6)), (2.0, costing("cheap", 9.0))
    (verdict,) = diagnose(calls, Known(("g",), (whole, dear, cheap)))
    assert verdict.mistakes == ("whole",)
    assert ("dear", 2) not in asked  # 2.2 is not half less than 2.6
    assert ("cheap", 2) in asked
    asked.clear()
    diagnose(calls[:2], Known(("g",), (whole,)))
    assert asked == [("whole", 2)]  # where all calls are wrong, some calls are no other question


def several(*rows):
    """Calls with the answers a, b, … : pairs of what came and what is right."""
    names = "abcdef"
    calls = []
    for row in rows:
        expected = {name: np.array(right, np.longdouble) for name, (_, right) in zip(names, row, strict=False)}
        terms = {name: abs(numbers).astype(float) for name, numbers in expected.items()}
        problem = Problem({"N": 4 + len(calls), "in": 1, "out": 2}, "float64", {}, expected, terms, 4)
        came = {name: np.array(given, float) for name, (given, _) in zip(names, row, strict=False)}
        calls.append(Call(problem, came))
    return calls


def test_any_two_answers_may_be_swapped_whatever_the_others_are():
    for wrong_one, told in ((False, ()), (True, ("unknown",))):
        rows = []
        for _ in range(4):
            a, b, c = draw(), draw(), draw()
            rows.append(((draw() if wrong_one else a, a), (c, b), (b, c)))
        found = diagnose(several(*rows), Known(("a", "b", "c")))
        assert [verdict.mistakes for verdict in found] == [told, ("swapped",), ("swapped",)]


def test_answers_are_not_swapped_where_one_of_them_is_right():
    rows = [((a, a), (a, 2 * a)) for a in (draw(), draw(), draw(), draw())]
    first, second = diagnose(several(*rows), Known(("a", "b")))
    assert (first.mistakes, second.mistakes) == ((), ("factor-2-missing",))
    assert second.findings[0].explanation.factor.constant == 0.5


def test_answers_that_are_swapped_stay_so_next_to_a_call_without_an_answer_and_one_at_an_edge():
    calls = several(*(((b, a), (a, b)) for a, b in zip(drawn(2, 2, 2), drawn(2, 2, 2), strict=True)))
    without = Call(calls[0].problem)
    edge = several(((draw(), draw()), (draw(), draw())))[0]
    edge = Call(dataclasses.replace(edge.problem, edge="wrong-for-one-sample"), edge.answers)
    found = diagnose([*calls, without, edge], Known(("a", "b")))
    assert [verdict.mistakes for verdict in found] == [("swapped",), ("swapped",)]
    assert all(len(verdict.findings[0].calls) == 3 for verdict in found)


def test_one_number_that_comes_several_times_has_a_wrong_shape_and_no_grade():
    calls = [call([2 * value] * 3, [value], N=n) for n, value in ((4, 1.5), (5, 2.5), (7, 3.7))]
    (verdict,) = diagnose(calls, KNOWN)
    assert "wrong-shape" in verdict.mistakes
    assert grade(call([1.5, 1.5], [1.5])) == (WRONG, np.inf)
    flat = answered(lambda right: 2 * right.ravel(), (2, 1), (3, 1))
    assert "wrong-shape" in diagnose(flat, KNOWN)[0].mistakes

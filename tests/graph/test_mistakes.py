"""What is said of an answer: what follows from another, what is wrong as a whole, and what the paths add."""

import re

import numpy as np
import pytest

from bpcompare.graph.answers import agrees
from bpcompare.graph.derivation import derive
from bpcompare.graph.expression import build
from bpcompare.graph.mistakes import Mistakes
from bpcompare.graph.node import backward
from bpcompare.graph.paths import paths_of

M, V = [[1.5, -2.0], [0.5, 3.0]], [2.0, 5.0]


def only(marking):
    (answer,) = [answer for answer in marking.answers if not answer.passed]
    return answer


def of_the_whole(text, values, name, answer):
    """What is said where no change of the graph is asked."""
    graph = build(text, values)
    gradients = backward(graph.output)
    (node,) = [node for node in graph.nodes if node.name == name]
    marker = Mistakes(graph, gradients, {node: np.asarray(answer, float)})
    return marker.of_the_whole(node, np.asarray(answer, float), gradients[node])


@pytest.mark.parametrize(
    ("text", "values", "name", "answer", "said"),
    [
        ("sum((W @ x)**2)", {"W": np.ones((2, 3)), "x": [1, 2, 3]}, "W", [[12, 12], [24, 24], [36, 36]], ["transpose"]),
        ("sum((W @ x)**2)", {"W": np.ones((2, 3)), "x": [1, 2, 3]}, "W", np.eye(3, 2), ["the shape is"]),
        ("sum(A*B)", {"A": M, "B": [[1, 2], [3, 4]]}, "A", [1, 2], ["the shape is"]),
        ("sum(A*B)", {"A": M, "B": [[1, 2], [3, 4]]}, "A", [[1, 3], [2, 4]], ["transpose"]),
        ("sum(A*B)", {"A": M, "B": [[1, 2], [3, 4]]}, "A", [[1, 3], [2, 5]], []),
        ("sum(p*b)", {"p": V, "b": 3}, "b", V, ["b was broadcast"]),
        ("sum(A*b)", {"A": M, "b": V}, "b", M, ["b was broadcast"]),
        ("sum(p*b)", {"p": V, "b": 3}, "b", [2.0, 6.0], ["the shape is"]),
        ("sum(p*b)", {"p": V, "b": 3}, "p", [[3.0], [3.0]], ["the shape is"]),
        ("sum(p*b)", {"p": V, "b": 3}, "p", [-3, -3], ["the sign"]),
        ("sum(p*b)", {"p": V, "b": 3}, "p", [3, -3], []),
        ("sum(p*b)", {"p": V, "b": 3}, "p", [6, 6], ["2 times"]),
        ("sum(p*b)", {"p": V, "b": -3}, "p", [-6, -6], ["2 times"]),
        ("sum(p*b)", {"p": V, "b": 3}, "p", [1.5, 1.5], ["0.5 times"]),
        ("sum(p*b)", {"p": V, "b": 3}, "p", [1.50003, 1.50003], []),
        ("sum(p*b)", {"p": [2, 5, 1], "b": 3}, "p", [9, 9, 9], ["3 times"]),
        ("sum(p*b)", {"p": [2, 5, 1], "b": 3}, "p", [1, 1, 1], ["0.333333 times"]),
        ("sum(p*b)", {"p": [2, 5, 1], "b": 3}, "p", [1, 1, 2], []),
        ("sum(p*b)", {"p": [2, 5, 1], "b": 3}, "p", [12, 12, 12], []),
        ("sum(p*b)", {"p": V, "b": [0, 3]}, "p", [0, 6], ["2 times"]),
        ("sum(p*b)", {"p": V, "b": [0, 3]}, "p", [6, 6], []),
        ("sum(p*b)", {"p": V, "b": [0, 0]}, "p", [1, 1], []),
        ("p*b", {"p": 2, "b": 3}, "p", [6, 6], ["the shape is"]),
        ("p*b", {"p": 2, "b": 3}, "p", 7, []),
    ],
)
def test_of_the_whole_answer_is_said_what_is_true(text, values, name, answer, said):
    found = of_the_whole(text, values, name, answer)
    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


def test_what_follows_from_two_wrong_lines_names_both_and_from_one_that_one():
    example = ("a = x*w; c = x + b; a*c", {"x": 2, "w": 3, "b": 4})
    found = derive(*example).mark({"a": 5, "c": 7, "x": 5 * 3 + 7})
    assert found.answers[-1].mistakes == ("it follows from your ∂f/∂c and ∂f/∂a; this step is right",)
    found = derive(*example).mark({"a": 5, "w": 10, "c": 7})
    assert {answer.name: answer.mistakes for answer in found.answers}["w"] == (
        "it follows from your ∂f/∂a; this step is right",
    )


def test_an_answer_does_not_follow_from_a_line_of_another_shape_nor_from_a_right_one():
    example = ("p = x*w; sum(p*p)", {"x": [1.0, 2.0], "w": 3})
    found = derive(*example).mark({"p": 5, "w": 15})  # what a 5 at both entries would give
    assert not any("follows" in mistake for answer in found.answers for mistake in answer.mistakes)
    found = derive(*example).mark({"p": [6, 12], "w": 60})
    assert not any("follows" in mistake for answer in found.answers for mistake in answer.mistakes)


def test_at_most_three_mistakes_are_named_and_the_same_one_once():
    values = {"x": 3, "a": 1, "b": 1, "c": 1, "d": 1}
    found = only(derive("x*a + x*b + x*c + x*d", values).mark({"x": 3}))  # any of four paths may be the forgotten one
    assert len(found.mistakes) == 3
    assert all("is not followed" in mistake for mistake in found.mistakes)
    same = only(derive("x*a + x*a + x*a + x*a", {"x": 3, "a": 1}).mark({"x": 3}))
    assert len(same.mistakes) == 1


def test_of_a_large_graph_no_changes_are_tried_and_the_paths_are_told():
    for steps, is_tried in ((196, True), (197, False)):  # with x, w, s0 and f 200 and 201 nodes
        text = ";".join(f"s{k + 1} = -s{k}" for k in range(steps))
        found = only(derive(f"s0 = x*w; {text}; s{steps} + x", {"x": 2, "w": 3}).mark({"x": 1}))
        assert any("is not followed" in mistake for mistake in found.mistakes) == is_tried
        assert found.hint


def total_of(hint):
    """The last sentence of a hint: the terms of its sum, the sign and the total."""
    terms, sign, total = re.fullmatch(r"(?:.*; )?(.+) ([=≈]) (.+)", hint).groups()
    numbers = [float(part.strip("()").replace("−", "-")) for part in terms.split(" + ")]
    return numbers, sign, float(total.replace("−", "-"))


@pytest.mark.parametrize(
    ("text", "values", "answer"),
    [
        ("a = x**2; c = 3*x; a + c + x", {"x": 2}, 99),
        ("a = x**2; c = -3*x; a + c + x", {"x": 2}, 99),
        ("a = x**2; c = -3*x; a + c + x", {"x": 2}, 4),
        ("a = x**2; c = sin(x); a*c + x", {"x": 0.7}, 99),
        ("a = x**2; c = sin(x); a*c + x", {"x": 0.7}, 1),
        ("a = x**2; c = 3*x; a + c + x", {"x": 2}, 5),
    ],
)
def test_the_sum_in_a_hint_is_true_and_its_sign_says_whether_it_is_exact(text, values, answer):
    marked = only(derive(text, values).mark({"x": answer}))
    terms, sign, total = total_of(marked.hint)
    assert len(terms) >= 2
    assert sum(terms) == pytest.approx(total, abs=0 if sign == "=" else 1e-5)
    assert total == pytest.approx(float(marked.right), rel=1e-5)
    assert (sign == "=") == all(term == round(term) for term in terms)
    assert not (marked.hint.startswith(f"{answer} is") and answer == 99)


def test_where_more_is_wrong_than_a_path_the_hint_tells_all_paths():
    marked = only(derive("a = x**2; c = 3*x; z = a + c; z**2", {"x": 1.3}).mark({"x": (1.69 + 3.9) * 2.6}))
    assert all(" is not followed and " in mistake for mistake in marked.mistakes)
    assert marked.mistakes
    assert marked.hint.count("gives") == 2
    assert "alone" not in marked.hint


def test_one_path_is_its_own_hint_and_the_output_has_none():
    assert only(derive("z = 3*x; z**2", {"x": 2}).mark({"x": 99})).hint == "the path x → z → f gives 36"
    assert only(derive("z = 3*x; z**2", {"x": 2}).mark({"f": 99})).hint == ""


@pytest.mark.parametrize("count", [3, 8, 9])
def test_the_shares_of_the_paths_add_up_and_many_are_cut_short(count):
    graph = build("+".join(f"{k}*x" for k in range(1, count + 1)), {"x": 2})
    gradients = backward(graph.output)
    paths = paths_of(graph, gradients, graph.inputs[0])
    assert sorted(float(path.share) for path in paths) == list(range(1, count + 1))
    assert all(path.is_whole == (count <= 8) for path in paths)
    assert all(str(path).endswith("→ …") != path.is_whole for path in paths)
    assert all(len(path.uses) > 1 for path in paths if path.is_whole)
    assert agrees(np.asarray(sum(path.share for path in paths)), gradients[graph.inputs[0]])

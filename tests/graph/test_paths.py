"""The steps without a name are called by their formulas, which are true and short."""

import re

import numpy as np
import pytest
from typed import value

from bpcompare.graph.expression import build
from bpcompare.graph.node import backward
from bpcompare.graph.paths import paths_of, written
from bpcompare.graph.scripts import on_the_line

NUMBERS = {"x": 0.7, "w": 1.3, "b": -0.4, "y": 0.9, "Linear": 2.0, "MSE": 3.0}
EXAMPLES = [
    "((x + w)*b - y)**2",
    "(x - w)/(b*y) + -x",
    "-(x*w)*2 - (b - -3)**3",
    "sin(cos(x)*w) + tanh(x/w - b)",
    "max(x + w, -b)*|y - x|",
    "x**w*2**b - (x/w)**(y + 1)",
    "z = x*w; z1 = z + b; (z1*z - y)*(z1 + z)",
    "sigmoid(w*x + b)*y",
    "1/(1/(1/(x + 1) + w) + b)",
    "(x*w)**2 + (x**2)**3 + (x**w)**2 - (x**2)**w + 2**(x*w) + (y/x)**b*0",
    "(-x)**3 - -(x - w) - (x - (w - y)) + x*(w*y) + x/(w*y) + x*w/y",
    "Linear*(MSE(x - w, y - b) + Linear(x + 1, w - 2, b)) + MSE",
]
ARRAYS = "sum(transpose(A @ B) @ C + transpose(transpose(A)*2)) + sum((A*B)**2*C)"


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_step_without_a_name_is_called_by_a_formula_that_is_true(text):
    graph = build(text, {name: number for name, number in NUMBERS.items() if re.search(rf"\b{name}\b", text)})
    names = {on_the_line(node.name): node.value for node in graph.nodes}
    for node in graph.nodes:
        called = written(node)
        np.testing.assert_allclose(value(on_the_line(called), **names), node.value, rtol=1e-12)
        assert len(called) <= 24
        if node.name[-1] not in "₀₁₂₃₄₅₆₇₈₉":
            assert called == node.name


@pytest.mark.parametrize(("wrapped", "called"), [(1, "sin(x)"), (2, "sin(sin(x))"), (3, "sin(sin(sin(x)))")])
def test_up_to_three_steps_are_written_into_one_another(wrapped, called):
    graph = build("sin(" * wrapped + "x" + ")" * wrapped + " + 1", {"x": 2})
    assert written(graph.output.parents[0]) == called


def test_of_more_steps_the_deepest_goes_by_its_name():
    graph = build("sin(sin(sin(sin(x)))) + 1", {"x": 2})
    assert written(graph.output.parents[0]) == "sin(sin(sin(v₁)))"
    assert written(graph.output.parents[0], depth=1) == "sin(v₃)"
    assert written(graph.output.parents[0], depth=0) == "v₄"


@pytest.mark.parametrize(("letters", "is_written"), [(19, True), (20, False)])
def test_a_formula_is_written_out_up_to_a_length(letters, is_written):
    graph = build(f"sin({'x' * letters}) + 1", {"x" * letters: 2})
    assert written(graph.output.parents[0]) == (f"sin({'x' * letters})" if is_written else "v₁")


@pytest.mark.parametrize("text", [*EXAMPLES, "a = x*x; c = a*a; d = c + a; d*d*w*y + b", "(x*w + x)*(x*b + x) + y"])
def test_each_path_begins_at_its_node_goes_on_from_step_to_step_and_they_end_where_all_have_met(text):
    graph = build(text, {name: number for name, number in NUMBERS.items() if re.search(rf"\b{name}\b", text)})
    gradients = backward(graph.output)
    for node in graph.nodes[:-1]:
        paths = paths_of(graph, gradients, node)
        assert len({path.uses for path in paths}) == len(paths)
        np.testing.assert_allclose(sum(path.share for path in paths), gradients[node], rtol=1e-12, atol=1e-12)
        for path in paths:
            assert path.uses[0].node is node
            assert all(a.consumer is b.node for a, b in zip(path.uses, path.uses[1:], strict=False))
            slope = gradients[path.uses[-1].consumer]
            for use in path.uses:
                slope = slope * use.partial.pull_back(1.0, use.consumer.value, *(p.value for p in use.consumer.parents))
            np.testing.assert_allclose(path.share, slope, rtol=1e-12)
        ends = {path.uses[-1].consumer for path in paths if path.is_whole}
        assert len(ends) <= 1
        inner = [{use.consumer for use in path.uses[:-1]} for path in paths if path.is_whole]
        for step in set.intersection(*inner) if len(inner) > 1 else ():  # they part again behind it
            assert len(paths_of(graph, gradients, step)) > 1


def test_a_step_of_arrays_is_called_by_a_formula_that_is_true():
    matrices = {"A": [[1.0, 2.0], [3.0, 4.0]], "B": [[0.5, -1.0], [2.0, 1.0]], "C": [[1.0, 3.0], [-2.0, 0.5]]}
    graph = build(ARRAYS, matrices)
    for node in graph.nodes:
        called = written(node)
        names = {on_the_line(other.name): other.value for other in graph.nodes}
        np.testing.assert_allclose(value(on_the_line(called), **names), node.value, rtol=1e-12)

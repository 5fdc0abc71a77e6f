"""The check of a derivation: it measures how far it is, in PyTorch and by a central difference, and says so."""

import math
from unittest import mock

import numpy as np
import pytest
import torch

from bpcompare.graph import verification as module
from bpcompare.graph.expression import build
from bpcompare.graph.node import backward, topological_order
from bpcompare.graph.operations import TABLE
from bpcompare.graph.verification import MAX_TRIED, Check, in_torch, verify

MATRIX, VECTOR = [[1.0, 2.0], [-3.0, 4.0]], [0.5, -2.0]
EVERY = [
    ("-x + x - x*w/x**w + x**2 + sinh(x) + cosh(x) + tan(x) + tanh(x) + exp(x)", {"x": 0.7, "w": 1.3}),
    ("a = x; a + log(x) + sqrt(x) + sin(x) + cos(x) + abs(x) + sigmoid(x) + relu(x)", {"x": 0.7}),
    ("max(x, w) + min(x, w) + Linear(x, w, b) + MSE(x, w)", {"x": 0.7, "w": 1.3, "b": 0.4}),
    ("MSE(Linear(A, B, v), A @ B)*mean(transpose(A))*sum(A @ v)", {"A": MATRIX, "B": MATRIX, "v": VECTOR}),
]


def test_pytorch_has_the_value_of_every_step_of_every_operation():
    seen = set()
    for example in EVERY:
        graph = build(*example)
        for node, tensor in in_torch(graph).items():
            np.testing.assert_allclose(tensor.detach(), node.value, rtol=1e-14)
            assert tensor.dtype == torch.float64
            assert tensor.requires_grad != node.constant
            seen.add(node.operation.name if node.operation else "to_the")
        assert verify(graph, backward(graph.output)).passed
    assert seen >= set(TABLE)


def moved(gradients, node, by, index=()):
    changed = {**gradients, node: np.array(gradients[node])}
    changed[node][index] += by
    return changed


@pytest.mark.parametrize(("weight", "scale"), [(3.0, 3.0), (0.25, 1.0), (-8.0, 8.0)])
@pytest.mark.parametrize("by", [1e-3, -2e-6])
def test_the_difference_is_relative_to_a_gradient_above_one(weight, scale, by):
    graph = build(f"{weight}*x + w", {"x": 2, "w": 1})
    gradients = moved(backward(graph.output), graph.inputs[0], by)
    check = verify(graph, gradients)
    assert check.torch == pytest.approx(abs(by) / scale, rel=1e-6)
    assert check.central == pytest.approx(abs(by) / scale, rel=1e-3)
    assert not check.passed


def test_the_largest_difference_of_all_counts_and_steps_count_for_pytorch_alone():
    graph = build("z = x*w; z + b", {"x": 1, "w": 1, "b": 1})
    right = backward(graph.output)
    for node in graph.nodes:
        check = verify(graph, moved(right, node, 0.5))
        assert check.torch == pytest.approx(0.5)
        assert check.central == pytest.approx(0.5 if node in graph.inputs else 0, abs=1e-9)
        assert not check.passed
    both = moved(moved(right, graph.inputs[0], 0.25), graph.inputs[1], -0.75)
    assert verify(graph, both).torch == pytest.approx(0.75)
    assert verify(graph, both).central == pytest.approx(0.75)


def test_a_billionth_passes_and_a_hundred_millionth_does_not():
    graph = build("x*w", {"x": 1, "w": 1})
    right = backward(graph.output)
    assert verify(graph, moved(right, graph.inputs[0], 0.9e-9)).passed
    assert not verify(graph, moved(right, graph.inputs[0], 1.1e-9)).passed


@mock.patch.object(module, "_torch_difference", mock.Mock(return_value=0.0))
def test_what_pytorch_confirms_and_the_central_difference_does_not_is_not_confirmed():
    graph = build("x*w", {"x": 2, "w": 3})
    right = backward(graph.output)
    assert verify(graph, moved(right, graph.inputs[0], 2e-5)).passed  # within 10⁻⁵ of 3
    assert not verify(graph, moved(right, graph.inputs[0], 4e-5)).passed
    kinked = build("abs(x)", {"x": 0})
    assert verify(kinked, moved(backward(kinked.output), kinked.inputs[0], 0.5)).passed


SLOPES = [  # text, x, the slope
    ("x**2", 3.0, 6.0),
    ("x**2", -1e6, -2e6),
    ("x**3", 1e-3, 3e-6),
    ("exp(x)", 20.0, math.exp(20.0)),
    ("exp(30*x)", 1.0, 30 * math.exp(30.0)),
    ("sin(1000*x)", 0.3, 1000 * math.cos(300.0)),
    ("1/x", 1e-4, -1e8),
    ("log(x)", 1e-6, 1e6),
    ("sqrt(x)", 1e-5, 0.5 / math.sqrt(1e-5)),
    ("x**1.5", 2e-5, 1.5 * math.sqrt(2e-5)),
    ("tan(x)", 1.57, 1 / math.cos(1.57) ** 2),
    ("1000000 + x", 2.0, 1.0),
]


@pytest.mark.parametrize(("text", "x", "slope"), SLOPES)
def test_the_central_difference_is_the_slope_within_what_it_says_of_its_rounding(text, x, slope):
    graph = build(text, {"x": x})
    found, noise = module._slope(graph, topological_order(graph.output), graph.inputs[0], 0)
    assert abs(found - slope) <= 1e-7 * max(1.0, abs(slope)) + noise
    assert noise <= 1e-2 * max(1.0, abs(slope))
    assert verify(graph, backward(graph.output)).passed


def tried(graph):
    """Which entries of which inputs the central difference looks at."""
    seen, slope = [], module._slope

    def noted(graph, nodes, node, index):
        seen.append((node.name, index))
        return slope(graph, nodes, node, index)

    with mock.patch.object(module, "_slope", noted):
        assert verify(graph, backward(graph.output)).passed
    return seen


def test_every_entry_of_short_inputs_is_tried():
    graph = build("sum(A*b) + c", {"A": np.ones((3, 2)), "b": 2, "c": 1})
    assert tried(graph) == [*(("A", index) for index in range(6)), ("b", 0), ("c", 0)]


def test_of_a_long_input_the_first_the_last_and_evenly_spaced_entries_are_tried():
    seen = [index for _, index in tried(build("mean(x**2)", {"x": np.ones(500)}))]
    assert (len(seen), seen[0], seen[-1]) == (MAX_TRIED, 0, 499)
    assert set(np.diff(seen)) <= {10, 11}


def test_of_many_inputs_the_first_the_last_and_evenly_spaced_ones_are_tried():
    graph = build("+".join(f"x{k}" for k in range(20)), {f"x{k}": 1.0 for k in range(20)})
    for most, names in ((4 * 5 * 39, ["x0", "x4", "x9", "x14", "x19"]), (1, ["x0"])):  # five of 20 inputs, in 39 steps
        with mock.patch.object(module, "MAX_EVALUATED", most):
            assert [name for name, _ in tried(graph)] == names


def test_one_entry_is_moved_and_the_others_stay():
    graph = build("sum(x*w)", {"x": [1.0, 2.0, 3.0], "w": [4.0, 5.0, 6.0]})
    nodes = topological_order(graph.output)
    assert module._evaluate(graph, nodes, graph.inputs[0], 1, 10.0) == 4 + 50 + 18
    assert graph.inputs[0].value.tolist() == [1.0, 2.0, 3.0]
    slopes = [module._slope(graph, nodes, graph.inputs[0], index)[0] for index in range(3)]
    assert slopes == pytest.approx([4, 5, 6])


MEASURED = "largest difference from torch float64 autograd"
EDGE = "there is no central difference here, at the edge of the domain"
KINK = "abs, relu at a kink, where a central difference sees the mean of two slopes"


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (Check(1e-12, 2e-9, (), True), f"Checked: {MEASURED} 1e-12, from a central difference 2e-09."),
        (Check(0.5, 2e-9, (), False), f"NOT CONFIRMED: {MEASURED} 0.5, from a central difference 2e-09."),
        (Check(0.0, None, (), True), f"Checked: {MEASURED} 0; {EDGE}."),
        (Check(0.0, 0.5, ("abs", "relu"), True), f"Checked: {MEASURED} 0, from a central difference 0.5; {KINK}."),
    ],
)
def test_a_check_says_what_was_measured(check, said):
    assert str(check) == said


def test_each_kind_of_kink_is_named_once():
    check = verify(
        graph := build("abs(x) + abs(x*2) + max(x, w) + relu(w + 1)", {"x": 0, "w": 0}), backward(graph.output)
    )
    assert check.kinks == ("abs", "max")

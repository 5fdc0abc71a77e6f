"""Every small change of a graph: what it says it does is what it computes, and none is missing."""

import functools
import itertools
import math
import re
from string import Template
from unittest import mock

import numpy as np
import pytest
from typed import value

from bpcompare.graph import changes as module
from bpcompare.graph.changed_graph import ChangedGraph
from bpcompare.graph.changes import COSTS, IN_PAIRS, Change, pairs_of, single_changes
from bpcompare.graph.derivation import derive
from bpcompare.graph.expression import build
from bpcompare.graph.node import backward
from bpcompare.graph.notation import TEXT
from bpcompare.graph.scripts import on_the_line
from bpcompare.graph.writer import uses

SAME = 1e-10  # relative; a few steps in float64
NUMBERS = {"x": 0.7, "w": 1.3, "b": 0.4, "y": 0.9}
M, N = [[1.0, 2.0], [-3.0, 4.0]], [[0.5, -1.0], [2.0, 3.0]]
V, U = [1.5, -2.0], [-0.5, 3.0]
SCALARS = [
    ("z = w*x + b; a = sigmoid(z); r = a - y; r**2", NUMBERS),
    ("c = x**3/(x + 2); m = max(c, w); m*tanh(x) - exp(b)*y + log(w)**2", NUMBERS),
    ("s = sqrt(x*x + x); q = x**w*cos(s); relu(q)*abs(y - b) + w*tan(s)/y", NUMBERS),
    ("Loss = MSE(Sigmoid(Linear(x, w, b)), y)", NUMBERS),
    ("sinh(x)*cosh(x) - sin(w)*min(b, y) + 2**b/-x - 1", NUMBERS),
]
ARRAYS = [
    ("r = W @ x + b - y; mean(r**2)", {"W": M, "x": V, "b": 0.5, "y": U}),
    ("h = tanh(A @ B); s = sum(h*transpose(A)); s**2 + sum(B*c)", {"A": M, "B": N, "c": [[2.0], [3.0]]}),
    (
        "MSE(sigmoid(Linear(x, W, b)), y)",
        {"x": [[1, 2], [3, 4], [0, 1]], "W": N, "b": U, "y": [[1, 0], [0, 1], [1, 1]]},
    ),
    ("x @ W @ z + x @ x", {"x": V, "W": M, "z": U}),
    ("sum(exp(A/4)*v + b) + mean(A)*sum(v)", {"A": N, "v": V, "b": [3.0]}),
]
EXAMPLES = [*SCALARS, *ARRAYS]
MEAN = "the mean over the $copies copies, in place of their sum"
WORDED = {  # what is said in words, from the gradient that arrives
    "the other argument's share": lambda use, g: g * ((g != g) + (not chosen(use))),
    "the first row of $grad": lambda use, g: g[0],
    "the last row of $grad": lambda use, g: g[-1],
}


def chosen(use):
    """Whether max or min has taken this argument, of two numbers that are not equal."""
    return use.consumer.value == use.node.value


def ids(example):
    return example[0][:20]


def names_of(graph):
    return {on_the_line(node.name): node.value for node in graph.nodes}


def as_typed(graph, use, text, g):
    """What a change says, typed into NumPy, times what arrives; shaped as it comes."""
    consumer, names = use.consumer, names_of(graph)
    if text in WORDED:
        return WORDED[text](use, g)
    if text == "left out":
        return g * np.ones(use.node.value.shape)
    if text == MEAN:
        return as_typed(graph, use, use.partial.text, g) / (consumer.value.size // use.node.value.size)
    first = consumer.parents[0].value
    sizes = {"n": first.size, "rows": len(np.atleast_1d(first)), "columns": first.shape[1] if first.ndim == 2 else 1}
    words = dict(zip("abc", map(TEXT.symbol, consumer.parents), strict=False))
    written = Template(text).substitute(**words, out=consumer.name, grad="arrives", gradient="arrives", **sizes)
    found = value(re.sub("^−", "−1·", on_the_line(written)), **names, arrives=g)  # NumPy has no −(a > b)
    return found if "$grad" in text.replace("$gradient", "") else g * found


def summed(array, shape):
    """Over the copies of a value of this shape, one axis after the other."""
    array = np.asarray(array)
    array = array if array.ndim else array * np.ones(shape)
    while array.ndim > len(shape):
        array = array.sum(0)
    for axis, length in enumerate(shape):
        if array.shape[axis] != length:
            array = array.sum(axis, keepdims=True)
    return array * np.ones(shape)


@pytest.mark.parametrize("example", EXAMPLES, ids=ids)
def test_every_change_computes_the_formula_that_it_shows(example):
    graph = build(*example)
    gradients = backward(graph.output)
    values = ChangedGraph(graph).values
    for change in single_changes(graph, set(graph.inputs)):
        for use, partial in change.partials:
            g, operands = gradients[use.consumer], [parent.value for parent in use.consumer.parents]
            pull = partial.pull_back.at(values) if hasattr(partial.pull_back, "at") else partial.pull_back
            shape = use.node.value.shape
            computed = fitting(lambda: summed(pull(g, use.consumer.value, *operands), shape))  # noqa: B023
            told = fitting(lambda: summed(as_typed(graph, use, partial.text, g), shape))  # noqa: B023
            assert (computed is None) == (told is None)
            if told is not None:
                np.testing.assert_allclose(computed, told, rtol=SAME, atol=SAME, err_msg=partial.text)


def fitting(make):
    """What it gives, or None where the shapes do not fit."""
    try:
        return np.asarray(make())
    except (ValueError, IndexError):
        return None


def by_paths(found, node, local, start):
    """The gradient as the sum over all paths of the products of local derivatives; numbers only."""
    if node is start:
        return 1.0
    return math.fsum(by_paths(found, use.consumer, local, start) * local(use) for use in found[node])


@pytest.mark.parametrize("example", SCALARS, ids=ids)
def test_the_gradients_of_a_changed_graph_are_the_sums_over_its_paths(example):
    graph = build(*example)
    found, changed = uses(graph), ChangedGraph(graph)
    changes = single_changes(graph, set(graph.inputs))
    pairs = itertools.islice(pairs_of(changes), 0, 200, 7)
    typed = functools.cache(lambda use, text: float(as_typed(graph, use, text, 1.0)))
    for change in [None, *changes, *pairs]:
        texts = {use: partial.text for use, partial in change.partials} if change else {}
        start = change.at if change and change.at else graph.output
        gradients = changed.gradients(change)
        for node in graph.inputs:
            expected = by_paths(found, node, lambda use: typed(use, texts.get(use, use.partial.text)), start)  # noqa: B023
            assert float(gradients.get(node, 0.0)) == pytest.approx(expected, rel=SAME, abs=SAME), str(change)


@pytest.mark.parametrize("example", EXAMPLES, ids=ids)
def test_without_a_change_the_gradients_are_those_of_the_engine(example):
    graph = build(*example)
    found, right = ChangedGraph(graph).gradients(), backward(graph.output)
    assert found.keys() == {node for node in right if not node.constant}
    for node, gradient in found.items():
        np.testing.assert_allclose(gradient, right[node], rtol=SAME)
        assert gradient.shape == node.value.shape


def test_a_fixed_gradient_is_taken_as_it_is():
    graph = build("z = w*x; r = z - y; r**2", {"w": 2, "x": 3, "y": 1})
    nodes = {node.name: node for node in graph.nodes}
    found = ChangedGraph(graph).gradients(fixed={nodes["z"]: np.asarray(5.0)})
    assert {name: float(found[node]) for name, node in nodes.items() if node in found} == {
        **{"f": 1, "r": 10, "z": 5, "y": -10, "w": 15, "x": 10},
    }


def test_shapes_that_do_not_fit_are_no_gradients_and_a_path_that_is_not_followed_brings_zeros():
    graph = build("sum(A @ B) + sum(A)", {"A": np.ones((2, 3)), "B": np.ones((3, 4))})
    kinds = {
        (change.partials[0][0].node.name, change.partials[0][0].consumer.name, change.partials[0][1].text): change
        for change in single_changes(graph, set(graph.inputs))
        if change.partials
    }
    assert ChangedGraph(graph).gradients(kinds["A", "v₁", "$grad @ $b"]) is None
    found = ChangedGraph(graph).gradients(kinds["A", "v₁", "0"])
    np.testing.assert_array_equal(found[graph.inputs[0]], np.ones((2, 3)))


def test_a_forgotten_path_through_a_matrix_product_is_named():
    marked = derive("p = A @ B; sum(p) + sum(A)", {"A": np.ones((2, 3)), "B": np.ones((3, 4))}).mark(
        {"A": np.ones((2, 3))}
    )
    assert [mistake.partition(" is")[0] for mistake in marked.answers[0].mistakes] == ["the path A → p → sum(p) → f"]


def shown(change):
    return [
        (use.node.name, use.consumer.name, use.number_of_argument, partial.text) for use, partial in change.partials
    ]


def test_all_changes_of_a_small_graph_are_listed_cheapest_first():
    graph = build("z = x*w; z - y", {"x": 2, "w": 3, "y": 1})
    found = single_changes(graph, set(graph.inputs))
    assert [change.cost for change in found] == sorted(change.cost for change in found)
    listed = {(change.kind, *map(tuple, shown(change))) for change in found if change.partials}
    edges = [("x", "z", 0), ("w", "z", 1), ("z", "f", 0), ("y", "f", 1)]
    assert listed == {
        *(("path not followed", (*edge, "0")) for edge in edges),
        *(("local derivative left out", (*edge, "left out")) for edge in edges),
        *(("sign too many", (*edge, text)) for edge, text in zip(edges, ("−$b", "−$a", "−1"), strict=False)),
        ("sign lost", ("y", "f", 1, "1")),
        *(("local derivative replaced", ("x", "z", 0, text)) for text in ("$a", "$a·$b")),
        *(("local derivative replaced", ("w", "z", 1, text)) for text in ("$b", "$a·$b")),
        *(("another operand", ("x", "z", 0, text)) for text in ("z", "x")),
        *(("another operand", ("w", "z", 1, text)) for text in ("z", "w")),
    }
    assert [change.at.name for change in found if not change.partials] == ["z"]


def test_only_what_reaches_the_wanted_nodes_is_changed():
    graph = build("z = x*w; q = b*b; z + q", {"x": 2, "w": 3, "b": 1})
    by_name = {node.name: node for node in graph.nodes}
    changed = {use.node.name for change in single_changes(graph, {by_name["x"]}) for use, _ in change.partials}
    assert changed == {"x", "z"}
    assert {change.at.name for change in single_changes(graph, {by_name["x"]}) if change.at} == {"z"}


@pytest.mark.parametrize("count", [2, 3, 4])
def test_of_more_than_two_uses_all_but_one_may_be_forgotten(count):
    graph = build(" + ".join(f"{k}*x" for k in range(2, count + 2)), {"x": 2})
    forgotten = [len(change.forgotten) for change in single_changes(graph, set(graph.inputs)) if change.forgotten]
    of_x = [change for change in single_changes(graph, set(graph.inputs)) if len(change.forgotten) > 1]
    assert (
        forgotten.count(count - 1)
        == len(of_x) + (count == 2) * len(forgotten)
        == (count if count > 2 else len(forgotten))
    )


def test_the_sum_over_copies_is_for_repeated_numbers_only():
    graph = build("q = p + b; sum(q*q)", {"p": [1.0, 2.0, 3.0], "b": 0.5})
    means = [change for change in single_changes(graph, set(graph.inputs)) if change.kind == module.NOT_UNDONE]
    assert [shown(change)[0][:2] for change in means] == [("b", "q")]
    assert "3 copies" in str(means[0])


def test_pairs_are_apart_and_come_cheapest_first():
    graph = build(*SCALARS[0])
    singles = single_changes(graph, set(graph.inputs))
    small = [change for change in singles if change.kind in IN_PAIRS]
    pairs = list(pairs_of(singles))
    expected = [
        (a, b)
        for a, b in itertools.combinations(small, 2)
        if not {u for u, _ in a.partials} & {u for u, _ in b.partials}
    ]
    assert len(pairs) == len(expected) > 100
    assert {pair.partials for pair in pairs} == {a.partials + b.partials for a, b in expected}
    costs = [pair.cost for pair in pairs]
    assert costs == sorted(costs)
    assert {pair.kind for pair in pairs} <= {f"{a} and {b}" for a in IN_PAIRS for b in IN_PAIRS}


@mock.patch.object(module, "MAX_PAIRS", new=10)
def test_there_are_not_too_many_pairs():
    graph = build(*SCALARS[0])
    assert len(list(pairs_of(single_changes(graph, set(graph.inputs))))) == 10


def test_of_two_changes_that_explain_the_same_the_smaller_is_the_cheaper():
    assert sorted(COSTS, key=COSTS.get) == [  # those of one cost in the order of the table
        *(module.NOT_FOLLOWED, module.LEFT_OUT, module.REPLACED, module.SIGN_LOST),
        *(module.SIGN, module.NOT_UNDONE, module.OPERAND, module.ONLY_LOCAL),
    ]
    assert COSTS[module.REPLACED] == COSTS[module.SIGN_LOST] < COSTS[module.SIGN]
    assert COSTS[module.SIGN] == COSTS[module.NOT_UNDONE] == COSTS[module.OPERAND]
    assert len({COSTS[kind] for kind in COSTS}) == 5


def test_a_pair_costs_more_than_any_single_change():
    assert all(
        Change(f"{a} and {b}", ()).cost == COSTS[a] + COSTS[b] + 4 > max(COSTS.values())
        for a in IN_PAIRS
        for b in IN_PAIRS
    )
    assert all(Change(kind, ()).cost == cost for kind, cost in COSTS.items())


@pytest.mark.parametrize("example", EXAMPLES, ids=ids)
def test_nearby_is_the_same_graph_at_values_within_a_fifth(example):
    text, values = example
    graph = build(text, values)
    near = ChangedGraph(graph).nearby(3)
    moved = {node.name: near.values[node] for node in graph.inputs}
    for node in graph.inputs:
        assert np.all(np.abs(moved[node.name] - node.value) <= 0.2 * np.abs(node.value) + 0.03 * (node.value == 0))
        assert np.all(moved[node.name] != node.value)
    for before, after in zip(graph.nodes, build(text, moved).nodes, strict=True):
        np.testing.assert_allclose(near.values[before], after.value, rtol=1e-12)
    assert not np.array_equal(near.values[graph.output], ChangedGraph(graph).nearby(4).values[graph.output])


def test_a_zero_is_moved_too_and_a_number_of_the_expression_is_not():
    graph = build("x*3 + y", {"x": 0, "y": 1})
    values = ChangedGraph(graph).nearby(0).values
    (three,) = [node for node in values if node.constant]
    assert values[graph.inputs[0]] == 0.03
    assert values[three] == 3


SENTENCES = [
    ("z = x*w; z**2", "w", "∂z/∂w = x is left out"),
    ("z = x*w; z**2", "w", "the path w → z is not followed"),
    ("z = x*w; z**2", "w", "∂f/∂z is 2z, not z"),
    ("z = x*w; z**2", "w", "∂f/∂z is 2z, not −(2·z)"),
    ("z = x*w; z**2", "w", "∂z/∂w is x, not w"),
    ("z = x*w; z**2", "w", "the derivation stops at z: what arrives there is not multiplied in"),
    ("z = tanh(x); z*w", "x", "∂z/∂x is 1 − tanh(x)², not 1 − x²"),
]


@pytest.mark.parametrize(("text", "name", "sentence"), SENTENCES)
def test_a_change_says_in_a_sentence_what_was_done(text, name, sentence):
    graph = build(text, {"x": 0.7, "w": 1.3})
    (wanted,) = [node for node in graph.inputs if node.name == name]
    assert sentence in [str(change) for change in single_changes(graph, {wanted})]


@pytest.mark.parametrize("example", EXAMPLES, ids=ids)
def test_no_sentence_of_a_change_that_changes_something_says_that_a_formula_is_not_itself(example):
    graph = build(*example)
    right = backward(graph.output)
    for change in single_changes(graph, set(graph.inputs)):
        found = ChangedGraph(graph).gradients(change)
        is_other = found and any(not np.allclose(found.get(node, 0.0), right[node]) for node in graph.inputs)
        if is_other and (formulas := re.fullmatch(r".* is (.+), not (.+)", str(change))):
            assert formulas[1] != formulas[2]

"""The picture in DOT: its nodes, edges and numbers are those of the graph."""

import re
from unittest import mock

import numpy as np
import pytest
from typed import value

from bpcompare.errors import InputError
from bpcompare.graph import dot as module
from bpcompare.graph.dot import check_size, escaped, to_dot
from bpcompare.graph.expression import build
from bpcompare.graph.node import backward, topological_order
from bpcompare.graph.writer import uses

M, V = [[1.0, 2.0], [-3.0, 4.0]], [0.5, -2.0]
EXAMPLES = [
    ("a = x**2; c = -3*x; a*c + x + w", {"x": 2, "w": 1}),
    ("x*x*x + 2*sin(x)", {"x": 0.5}),
    ("r = W @ x + b - y; mean(r**2)", {"W": M, "x": V, "b": 0.5, "y": V}),
    ("sum(A*b)", {"A": M, "b": [3.0]}),
    ("x + x + x + x + x", {"x": 0.3}),
]
NODE = re.compile(r'  n(\d+) \[label="(.*?)"(.*)\]')
EDGE = re.compile(r"  n(\d+) -> n(\d+)(?: \[(.*)\])?")


def ids(example):
    return example[0][:20]


def drawn(example, **options):
    graph = build(*example)
    gradients = backward(graph.output)
    text = to_dot(graph, gradients, **options)
    return graph, gradients, text.splitlines(), text


def in_order(graph):
    return [node for node in topological_order(graph.output) if not node.constant or node.value.ndim]


def number_in(text):
    return value(re.split(" [=≈] |: ", text)[-1])


@pytest.mark.parametrize("example", EXAMPLES, ids=ids)
def test_every_node_is_drawn_with_its_name_its_formula_and_its_value(example):
    graph, gradients, lines, _ = drawn(example)
    found = [match for match in map(NODE.fullmatch, lines) if match]
    assert [int(match[1]) for match in found] == list(range(len(in_order(graph))))
    for node, match in zip(in_order(graph), found, strict=True):
        name, number, *total = match[2].split(r"\n")
        assert name.partition(" = ")[0] == node.name
        assert (" = " in name) == (node.operation is not None)
        np.testing.assert_allclose(value(number), np.reshape(node.value, np.shape(value(number))), rtol=1e-5)
        assert ("peripheries=2" in match[3]) == (node is graph.output)
        assert ("rounded" in match[3]) == (node.operation is None)
        assert len(total) == (len(uses(graph).get(node, [])) > 1)
        for line in total:
            assert line.startswith(f"∂{graph.output.name}/∂{node.name} ")
            np.testing.assert_allclose(number_in(line), gradients[node].squeeze(), rtol=1e-5)
            terms, sign, result = re.fullmatch(r".*? [=≈] (.+) ([=≈]) (.+)", line).groups()
            if "…" not in line:
                exact = 1e-12 if sign == "=" else 1e-5
                np.testing.assert_allclose(value(terms), value(result), rtol=exact)
                assert terms.count(" + ") == len(uses(graph)[node]) - 1


@pytest.mark.parametrize("example", EXAMPLES, ids=ids)
def test_every_use_is_an_edge_forward_and_one_back_with_its_part_of_the_gradient(example):
    graph, gradients, lines, _ = drawn(example)
    place = {node: number for number, node in enumerate(in_order(graph))}
    edges = [(int(m[1]), int(m[2]), m[3] or "") for m in map(EDGE.fullmatch, lines) if m]
    forward = sorted((a, b) for a, b, look in edges if "dir=back" not in look)
    back = sorted((a, b) for a, b, look in edges if "dir=back" in look)
    every = [(place[use.node], place[use.consumer]) for found in uses(graph).values() for use in found]
    assert forward == back == sorted(every)
    for node, found in uses(graph).items():
        labels = [re.search('label="(.*)"', look)[1] for a, _, look in edges if a == place[node] and "dir=back" in look]
        assert all(label.startswith("part of ") == (len(found) > 1) for label in labels)
        assert all(f"∂{graph.output.name}/∂{node.name}" in label for label in labels)
        if found:
            np.testing.assert_allclose(sum(map(number_in, labels)), gradients[node].squeeze(), rtol=1e-5)


def test_an_array_that_is_a_constant_is_drawn_and_a_number_is_not():
    from bpcompare.graph.expression import Graph
    from bpcompare.graph.node import Node

    x = Node("x", 2.0)
    array = Node("data", V, constant=True)
    product = x * array * 3
    text = to_dot(Graph(product, (x,)), backward(product))
    assert "  n1 -> n2\n" in text
    assert text.count(" -> ") == 5
    assert 'label="3' not in text


def test_what_was_not_followed_stands_out_and_the_caption_is_below_the_legend():
    graph = build(*EXAMPLES[0])
    gradients = backward(graph.output)
    forgotten = uses(graph)[graph.inputs[0]][1:2]
    text = to_dot(graph, gradients, forgotten, caption='first "line"\nsecond')
    (edge,) = [line for line in text.splitlines() if "not followed: part of ∂f/∂x: " in line]
    assert "penwidth=4" in edge
    assert 'the gradients\\nfirst \\"line\\"\\nsecond"]' in text
    assert text.startswith('digraph "how f is computed" {\n')
    assert text.endswith("}\n")


@pytest.mark.parametrize(("uses_of_x", "shown"), [(2, 0), (3, 0), (4, 1)])
def test_of_more_than_three_parts_the_middle_ones_are_left_out(uses_of_x, shown):
    _, _, _, text = drawn(("+".join(f"{k}*x" for k in range(2, uses_of_x + 2)), {"x": 2}))
    assert text.count("…") == shown


@pytest.mark.parametrize("character", ['"', "\\", "\x07", "\n", "\u202e", "é"])
def test_a_label_holds_no_character_that_ends_it_or_that_no_picture_may_hold(character):
    shown = escaped(f"a{character}b")
    assert shown.isprintable()
    assert re.fullmatch(r'(?:[^"\\]|\\.)*', shown)
    assert shown.replace(r"\"", '"').replace(r"\\", "\\") == (
        f"a{character}b" if character.isprintable() else f"a{ascii(character)[1:-1]}b"
    )


@pytest.mark.parametrize(("nodes", "is_drawn"), [(150, True), (151, False)])
def test_as_many_nodes_are_drawn_as_stated(nodes, is_drawn):
    text = "digraph {\n" + "".join(f'  n{k} [label="x"]\n  n{k} -> n0 [label="y"]\n' for k in range(nodes)) + "}\n"
    if is_drawn:
        check_size(text)
    else:
        with pytest.raises(InputError, match=f"would have {nodes} nodes, and above 150"):
            check_size(text)


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (RuntimeError("cannot allocate memory"), True),
        (RuntimeError("MMAP failed"), True),
        (RuntimeError("no such file"), False),
    ],
)
def test_a_lack_of_memory_is_told_from_other_faults(error, is_memory):
    assert module._is_short_of_memory(error) == is_memory
    outer = RuntimeError("graphviz")
    outer.__cause__ = error
    assert module._is_short_of_memory(outer) == (is_memory and bool(str(error)))

    told = pytest.raises(InputError if is_memory else RuntimeError)
    with mock.patch.object(module, "_graphviz", side_effect=error), told:
        module.layout("digraph {}", "svg")

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from torch import nn

from bpcompare.errors import InputError
from bpcompare.graph.derivation import derive
from bpcompare.graph.dot import MAX_DRAWN, check_size, layout, to_dot, to_svg
from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node, backward, topological_order
from bpcompare.problem.line import line
from bpcompare.show import graph_figure, graph_pictures
from bpcompare.training.model_graph import loss_graph

HOMEWORK_3 = derive(
    "z1 = w1*x**2; z2 = w2*x; z = z1 + z2; ŷ = z + b; r = ŷ - y; loss = r**2",
    {"x": 2, "w1": 2, "w2": 2, "b": 1, "y": 9},
)
SIGNATURES = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
DOCS = Path(__file__).parents[2] / "docs"


def labels(dot):
    return re.findall(r'label="([^"]*)"', dot)


def test_values_stand_in_the_nodes_and_gradients_on_the_edges():
    found = labels(HOMEWORK_3.to_dot())
    for label in (
        r"z1 = w1·v₁\n8",
        r"z2 = w2·x\n4",
        r"z = z1 + z2\n12",
        r"ŷ = z + b\n13",
        r"r = ŷ − y\n4",
        r"loss = r²\n16",
    ):
        assert label in found
    for label in ("r = 8", "ŷ = 8", "z = 8", "z1 = 8", "z2 = 8", "w1 = 32", "w2 = 16", "b = 8", "y = −8"):
        assert f"∂loss/∂{label}" in found


def test_where_paths_meet_the_node_shows_the_sum_and_the_edges_their_parts():
    found = labels(HOMEWORK_3.to_dot())
    assert r"x\n2\n∂loss/∂x = 64 + 16 = 80" in found
    assert {"part of ∂loss/∂x: 64", "part of ∂loss/∂x: 16"} <= set(found)


def test_many_parts_are_shortened():
    assert "∂f/∂x = 1 + … + 1 = 5" in derive("s = x + x; s = s + x; s = s + x; s + x", {"x": 1}).to_dot()


def test_every_edge_goes_forward_in_black_and_back_in_dashed_red():
    dot = HOMEWORK_3.to_dot()
    forward = re.findall(r"^  (n\d+ -> n\d+) \[label=", dot, re.MULTILINE)
    back = re.findall(r"^  (n\d+ -> n\d+) \[dir=back, style=dashed, color=\"#c00000\"", dot, re.MULTILINE)
    assert sorted(forward) == sorted(back)
    assert len(forward) == 12


def test_the_svg_is_a_picture_that_names_its_fonts():
    root = ET.fromstring(HOMEWORK_3.to_svg())
    texts = ["".join(part.itertext()) for part in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "∂loss/∂w1 = 32" in texts
    assert any("red" in text for text in texts)  # the legend
    fonts = {part.get("font-family") for part in root.iter("{http://www.w3.org/2000/svg}text")}
    assert fonts == {"DejaVu Sans,Verdana,sans-serif"}
    assert HOMEWORK_3.to_svg().count("stroke-dasharray") == 12


@pytest.mark.parametrize("format", SIGNATURES)
def test_every_format_is_written_with_the_same_bytes_each_time(format):
    first, second = (graph_pictures.picture(HOMEWORK_3.to_dot(), format) for _ in range(2))
    assert first == second
    assert first.startswith(SIGNATURES[format])
    assert graph_pictures.picture(HOMEWORK_3.to_dot(), "gv").decode() == HOMEWORK_3.to_dot()


def test_the_drawn_figure_has_the_texts_where_graphviz_put_them():
    figure = graph_figure.figure(HOMEWORK_3.to_dot())
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert "∂loss/∂w1 = 32" in texts
    heights = [texts[label][1] for label in ("z = z1 + z2", "ŷ = z + b", "r = ŷ − y", "loss = r²")]
    assert heights == sorted(heights, reverse=True)
    dashed = [patch for patch in figure.axes[0].patches if patch.get_linestyle() in ("--", "dashed")]
    assert len(dashed) == 12


def test_text_stays_inside_its_box():
    figure = graph_figure.figure(HOMEWORK_3.to_dot())
    renderer = FigureCanvasAgg(figure).get_renderer()
    box = {
        n: p.get_window_extent(renderer) for n, p in enumerate(figure.axes[0].patches) if p.get_linestyle() == "solid"
    }
    for text in figure.axes[0].texts:
        if text.get_text().startswith(("z = ", "ŷ = ", "r = ", "loss = ", "∂loss/∂x = ")):
            extent = text.get_window_extent(renderer)
            around = [b for b in box.values() if b.contains(extent.x0, extent.y0) and b.contains(extent.x1, extent.y1)]
            assert around, text.get_text()


def test_above_150_nodes_the_picture_is_refused_with_a_reason():
    large = "digraph {\n" + "".join(f'  n{i} [label="{i}"]\n' for i in range(MAX_DRAWN + 1)) + "}"
    for draw in (check_size, graph_figure.figure, lambda dot: graph_pictures.picture(dot, "svg")):
        with pytest.raises(InputError, match=r"151\b.*\b150\b.*\.gv"):
            draw(large)
    check_size(large.replace('  n0 [label="0"]\n', ""))
    assert graph_pictures.picture(large, "gv").decode() == large


def test_torchviz_draws_the_published_nodes_with_stable_ids_and_our_names():
    # 「前向传播、反向传播教程」: AccumulateGrad, MulBackward0, MeanBackward0, leaf x (3), output z ()
    sources = []
    for _ in range(2):
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        z = (x * x).mean()
        sources.append(graph_pictures.torchviz_dot(z, {"x": x, "z": z}))
    assert sources[0] == sources[1]
    for label in ("AccumulateGrad", "MulBackward0", "MeanBackward0", '"x\n (3)"', '"z\n ()"'):
        assert f"label={label}" in sources[0]
    assert set(re.findall(r"^\t(\w+) \[label", sources[0], re.MULTILINE)) == {"t0", "t1", "t2", "t3", "t4"}
    assert not re.search(r"\d{6}", sources[0])


def test_torchvizs_picture_is_drawn_in_every_format():
    x = torch.ones(2, requires_grad=True)
    dot = graph_pictures.torchviz_dot(x.sum(), {"x": x})
    assert all(graph_pictures.picture(dot, format).startswith(start) for format, start in SIGNATURES.items())


def test_the_data_of_a_training_problem_are_drawn_without_a_gradient():
    model = nn.Linear(1, 1)
    loss, parameters = loss_graph(model, torch.ones(5, 1), torch.zeros(5, 1))
    dot = to_dot(Graph(loss, tuple(node for node, _ in parameters)), backward(loss))
    assert r"ŷ = x @ weightᵀ + bias" in dot
    assert "∂loss/∂weight" in dot
    assert "∂loss/∂x" not in dot
    assert dot.count("dir=back") == 3


def test_one_picture_after_another_is_drawn_the_same():
    # In a reused instance of Graphviz the second of these ends in a trap of the virtual machine.
    small = 'digraph {\n\tt0 [label="\n ()" shape=box style=filled]\n\tt1 -> t0\n}\n'
    first = {dot: layout(dot, "svg") for dot in (HOMEWORK_3.to_dot(), small)}
    for _ in range(3):
        for dot, picture in first.items():
            assert layout(dot, "svg") == picture


def test_ellipses_and_other_shapes_are_drawn_too():
    figure = graph_figure.figure(
        "digraph { a [style=filled, fillcolor=lightblue]; a -> b [style=dotted, arrowhead=dot] }"
    )
    assert len(figure.axes[0].patches) == 4


def test_a_constant_of_the_expression_is_not_a_node():
    assert "n2 [" not in derive("2*x", {"x": 1}).to_dot()
    assert Node("2", derive("2*x", {"x": 1}).graph.output.value).parents == ()


def test_the_picture_in_the_documentation_is_the_one_that_the_command_draws():
    assert (DOCS / "homework3.svg").read_text() == HOMEWORK_3.to_svg()


@pytest.mark.parametrize("name", ['speed "mph"', "back\\slash", "bell\x07", "line\nbreak", "<b>&", "\ud800", "权重"])
def test_a_column_of_any_name_makes_a_well_formed_picture(name):
    problem = replace(line(), x_names=(name,))
    loss, parameters, caption = graph_pictures.training_graph(problem)
    dot = to_dot(Graph(loss, tuple(parameters)), backward(loss), caption=caption)
    texts = "".join(ET.fromstring(to_svg(dot)).itertext())
    assert (name if name.isprintable() else ascii(name)[1:-1]) in texts


def test_standardised_columns_are_named_with_their_units():
    problem = replace(line(standardize=True), x_names=("speed",), y_names=("dist",))
    loss, parameters, caption = graph_pictures.training_graph(problem)
    names = [node.name for node in topological_order(loss)]
    assert {"speed′", "dist′"} <= set(names)
    assert "speed′ = (speed − 0.5)/0.291576" in caption  # of linspace(0, 1, 100): deviation √(101/(12·99))
    assert "standardised" in to_dot(Graph(loss, tuple(parameters)), backward(loss), caption=caption)
    expected = torch.nn.functional.mse_loss(problem.model()(problem.x), problem.y).item()
    assert loss.value == pytest.approx(expected, rel=1e-6)

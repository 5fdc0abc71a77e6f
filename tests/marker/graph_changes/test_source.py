"""Where a step stands in the user's forward, and what it is called."""

import linecache
import math

import pytest
import torch
from marker.graph_changes.one_step import drawn, graph
from torch.nn import functional as F

from bpcompare.marker.hypotheses.graph_changes.sentences import LONGEST, axes_listed, called, where
from bpcompare.marker.hypotheses.graph_changes.source import DECOMPOSITIONS, TORCH, Source, Sources


def forward(x, w):
    hidden = torch.tanh(x * w)
    scaled = (
        hidden *
        2.5
    )  # fmt: skip
    einsäulig = scaled.t(); summed = einsäulig.sum(1); out = F.softmax(summed, 0)  # fmt: skip  # noqa: E702
    first, second = out[0], out[1]
    return first * second + math.pi + x.sum()


LINE = forward.__code__.co_firstlineno


def steps():
    return graph(forward, [drawn(1, 3, 4), drawn(2, 3, 4)]).graph.steps


def source(op, occurrence=0):
    return [step.source for step in steps() if step.op == op][occurrence]


def test_a_step_stands_in_the_line_and_the_expression_that_the_user_wrote():
    assert source("tanh") == Source(__file__, LINE + 1, "torch.tanh(x * w)", "hidden")
    assert source("mul") == Source(__file__, LINE + 1, "x * w", "")
    assert source("mul", 1) == Source(__file__, LINE + 3, "hidden * 2.5", "scaled")
    assert source("t") == Source(__file__, LINE + 6, "scaled.t()", "einsäulig")
    assert source("sum") == Source(__file__, LINE + 6, "einsäulig.sum(1)", "summed")  # columns count bytes
    assert str(source("tanh")) == f"test_source.py:{LINE + 1}: torch.tanh(x * w)"
    assert source("mul", -1).text == "first * second"  # a tuple has no one name
    leaf = steps()[0]
    assert leaf.source is None
    assert leaf.inner is None


def test_a_step_of_a_fused_operation_stands_in_the_user_s_call_and_in_its_decomposition():
    (exponentials,) = [step for step in steps() if step.op == "exp"]
    assert (exponentials.source.text, exponentials.source.line) == ("F.softmax(summed, 0)", LINE + 6)
    assert exponentials.inner.text == "torch.exp(_safe(x, dim))"
    assert exponentials.inner.name == "exponentials"
    assert exponentials.inner.file.endswith("activations.py")
    assert all(
        step.inner is None for step in steps() if step.op in ("tanh", "t", "sum") and step.source.line < LINE + 6
    )


def test_a_line_of_a_decomposition_is_found_through_pytorch_s_own_python_and_only_there():
    def place(file):
        return compile("1", file, "eval"), 2, file  # its second instruction: the number

    mine, torch_s, frozen = place(__file__), place(f"{TORCH}/functional.py"), place("<frozen importlib>")
    apart = place(f"{DECOMPOSITIONS}activations.py")
    sources = Sources()
    for inside in ((), (torch_s,), (frozen, torch_s)):
        assert sources.of_decomposition((mine, apart, *inside)).file == apart[0].co_filename
        assert sources.of_decomposition((mine, *inside)) is None
        assert sources.of_decomposition((apart, mine, *inside)) is None
        assert sources.of_user((mine, apart, *inside)).file == __file__
    assert sources.of_user((torch_s, apart)) is None


def test_a_step_has_the_name_of_its_variable_its_expression_or_its_operation():
    names = [str(called(step)) for step in steps()]
    assert names[:6] == ["x0", "x1", "x * w", "hidden", "scaled", "einsäulig"]
    assert "exponentials (in F.softmax)" in names
    assert "total (in F.softmax)" in names
    assert "first * second" in names


def test_where_no_source_is_known_a_step_is_called_by_its_operation():
    code = "def forward(x, w):\n    h = x @ w\n    k = h.t() @ (x.t().reshape(-1, x.shape[0]).t())\n    return k * 2"
    space = {}
    exec(compile(code, "<nowhere>", "exec"), space)
    problem = graph(space["forward"], [drawn(1, 3, 4), drawn(2, 4, 2)])
    told = {step.op: str(called(step)) for step in problem.graph.steps}
    assert told["input"] == "x1"
    assert {step.source.text for step in problem.graph.steps if step.source} <= {""}
    assert all(where(step).startswith(("<nowhere>:", "")) for step in problem.graph.steps)


def test_what_is_only_laid_out_in_another_way_is_called_by_what_it_is():
    problem = graph(lambda x, w: x.t().unsqueeze(0) * 2 + (x * w).t(), [drawn(1, 3, 4), drawn(2, 3, 4)])
    told = [(step.op, str(called(step))) for step in problem.graph.steps if step.op in ("t", "unsqueeze")]
    assert told == [("t", "x0"), ("unsqueeze", "x0"), ("t", "(x * w).t()")]


@pytest.mark.parametrize(("length", "told"), [(LONGEST, LONGEST), (LONGEST + 1, LONGEST), (LONGEST + 40, LONGEST)])
def test_a_long_expression_is_cut(length, told):
    name, space = "w" * (length - 4), {}
    text = f"x * {name}"
    lines = [f"def forward(x, {name}):\n", f"    return {text}\n"]
    linecache.cache["<long>"] = (1, None, lines, "<long>")
    exec(compile("".join(lines), "<long>", "exec"), space)
    problem = graph(space["forward"], [drawn(1, 3), drawn(2, 3)])
    (step,) = [step for step in problem.graph.steps if step.op == "mul"]
    words = str(called(step))
    assert len(words) == told
    assert words == (text if length <= LONGEST else text[: LONGEST - 1] + "…")
    assert where(step) == f"<long>:2: {words}"


def test_axes_are_listed_by_their_numbers():
    assert str(axes_listed([1])) == "axis 1"
    assert str(axes_listed([0, -1])) == "axes 0 and -1"
    assert str(axes_listed([0, 1, 2])) == "axes 0 and 1 and 2"


def test_a_leaf_stands_where_it_is_first_used():
    problem = graph(lambda x, w: (x * 2) * (w + x), [drawn(1, 3), drawn(2, 3)])
    x, w = problem.graph.inputs
    assert where(x).endswith(": x * 2")
    assert where(w).endswith(": w + x")


def test_equal_functions_of_two_files_stand_in_two_places():
    code, made = "def forward(x):\n    return x * 2\n", []
    for file in ("<one>", "<other>"):
        linecache.cache[file] = (1, None, code.splitlines(keepends=True), file)
        exec(compile(code, file, "exec"), space := {})
        made.append(space["forward"])
    first, second = [s for s in graph(lambda x: made[1](made[0](x)), [drawn(1, 3)]).graph.steps if s.op == "mul"]
    assert made[0].__code__ == made[1].__code__
    assert first.key != second.key
    assert [where(step) for step in (first, second)] == ["<one>:2: x * 2", "<other>:2: x * 2"]

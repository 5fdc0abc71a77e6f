import random
import re
from unittest import mock

import numpy as np
import pytest
import torch

from bpcompare.errors import BpcompareError, ExpressionError
from bpcompare.graph import expression
from bpcompare.graph.derivation import derive
from bpcompare.graph.expression import MAX_STEPS, build
from bpcompare.graph.node import backward
from bpcompare.graph.operations import FUNCTIONS
from bpcompare.graph.parsing import MAX_CHARACTERS, MAX_DEPTH
from bpcompare.graph.shapes import MAX_ENTRIES
from bpcompare.graph.unknown_names import split_into

WELL_CONDITIONED = 1e-12  # relative to the largest gradient; float64 carries 1.1e-16 a step

NAMES = ("x", "y", "z")
BINARY = ("({} + {})", "({} - {})", "({} * {})", "({} / {})", "max({}, {})", "min({}, {})")
UNARY = ("sin", "cos", "tanh", "sigmoid", "relu", "abs", "exp", "sqrt", "log", "sinh", "cosh", "tan")


def drawn_expression(draw, leaves):
    """An expression in Python's words with so many numbers and names."""
    if leaves == 1:
        text = draw.choice(NAMES) if draw.random() < 0.7 else f"{draw.uniform(0.25, 2.0):.3f}"
    else:
        left = draw.randrange(1, leaves)
        sides = drawn_expression(draw, left), drawn_expression(draw, leaves - left)
        text = draw.choice(["({} + {})", "({} - {})", "({} * {})", "({} / {})", "max({}, {})", "min({}, {})"]).format(
            *sides
        )
    wrapped = draw.choice(["{}", "{}", "-{}", "({})**2", "({})**3", "({})**-1", f"{draw.choice(UNARY)}({{}})"])
    return wrapped.format(text)


def torch_value(text, tensors):
    def binary(function):
        return lambda a, b: function(*(torch.as_tensor(value, dtype=torch.float64) for value in (a, b)))

    functions = {
        name: (lambda f: lambda a: f(torch.as_tensor(a, dtype=torch.float64)))(getattr(torch, name)) for name in UNARY
    }
    functions |= {"max": binary(torch.maximum), "min": binary(torch.minimum)}
    return eval(text, {"__builtins__": {}}, {**functions, **tensors})


def is_near_corner(graph):
    """Whether rounding decides which side of a kink is taken."""
    for node in graph.nodes:
        values = [float(parent.value) for parent in node.parents]
        if not (node.operation and node.operation.kink) or len(set(node.parents)) < len(values):
            continue
        if abs(values[0] - (values[1] if len(values) == 2 else 0.0)) < 1e-9:
            return True
    return False


def test_a_drawn_expression_has_pytorchs_value_and_gradients():
    draw = random.Random(0)
    compared = sum(agrees_with_pytorch(drawn_expression(draw, draw.randrange(1, 9)), draw) for _ in range(700))
    assert compared > 400  # the others have no finite value, bend too sharply or lie at a kink


def agrees_with_pytorch(text, draw):
    """Whether the two could be compared; that they differ is a fault."""
    values = {name: draw.uniform(0.3, 1.7) for name in NAMES if name in text.replace("max", "").replace("exp", "")}
    tensors = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in values.items()}
    if not values:
        return False
    try:
        graph = build(text, values)
    except ExpressionError as error:
        if "no finite value" not in str(error):  # every drawn expression is one
            raise
        return False
    if is_near_corner(graph):
        return False
    expected = torch_value(text, tensors)
    expected.backward()
    with np.errstate(all="ignore"):
        gradients = backward(graph.output)
    largest = max(abs(float(gradient)) for gradient in gradients.values())
    if not largest < 1e3:  # beyond it a function bends too sharply to be well conditioned
        return False
    assert float(graph.output.value) == pytest.approx(expected.item(), rel=WELL_CONDITIONED, abs=WELL_CONDITIONED)
    for node in graph.inputs:
        slope = tensors[node.name].grad
        assert float(gradients[node]) == pytest.approx(float(slope), abs=WELL_CONDITIONED * max(1.0, largest))
    return True


def names_of(graph):
    return [node.name for node in graph.nodes]


def test_names_and_their_order_are_the_learners():
    graph = build("ŷ = w1*x + σ; r = ŷ - y\nloss = r**2", {"y": 1, "x": 2, "w1": 3, "σ": 4})
    assert names_of(graph) == ["w1", "x", "v₁", "σ", "ŷ", "y", "r", "loss"]
    assert [node.name for node in graph.inputs] == ["w1", "x", "σ", "y"]


def test_a_name_that_is_given_again_becomes_a_new_step():
    graph = build(";".join(["v = v + v"] * 3), {"v": 1})
    assert names_of(graph) == ["v", "v₂", "v₃", "v₄"]
    assert graph.output.value == 8.0


def test_steps_without_a_name_take_a_letter_that_the_learner_left_free():
    assert names_of(build("(v1 + u)**2*3", {"v1": 1, "u": 2})) == ["v1", "u", "t₁", "t₂", "f"]


def test_layers_name_their_nodes_as_in_the_source_engine():
    values = {"x": 3, "k": 0.3, "b": 0.3, "y": 0.6}
    assert names_of(build("MSE(Sigmoid(Linear(x, k, b)), y)", values)) == [
        *("x", "k", "b", "Linear", "Sigmoid", "y", "Loss"),
    ]
    assert names_of(build("Linear = Linear(x, k, b); MSE(Linear, y)", values))[3:] == ["Linear", "y", "Loss"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = x; a*a", ["x", "a", "f"]),  # a second name is a step of its own
        ("x = 2; f = x**2", ["x", "f"]),
        ("a = x*2; a", ["x", "a"]),
        ("+x", ["x", "f"]),
        ("2*3*x", ["x", "f"]),  # numbers are multiplied out, not drawn
        ("x*-2", ["x", "f"]),
        ("f*2", ["f", "f₂"]),
    ],
)
def test_small_things_are_read_as_meant(text, expected):
    values = {name: 3.0 for name in ("x", "f") if f"{name} = " not in text and name in text}
    assert names_of(build(text, values)) == expected


def test_comments_blank_lines_and_indentation_do_no_harm():
    assert build("\n  z = x*2  # twice\r\n\n\tz**2\n", {"x": 3}).output.value == 36.0


TWOS = [2, 2.0, np.float32(2), np.array(2), torch.tensor(2.0, requires_grad=True), [2.0], [[2]]]


@pytest.mark.parametrize("value", TWOS, ids=ascii)
def test_every_kind_of_number_is_a_value(value):
    assert build("sum(x*x)", {"x": value}).output.value == 4.0


@pytest.mark.parametrize(
    "value", ["2", None, 1j, [], [[1], [1, 2]], float("nan"), np.inf, 10**400, object(), np.ones((2, 2, 2))]
)
def test_what_is_no_number_is_refused_by_name(value):
    with pytest.raises(ExpressionError, match="the value of weight"):
        build("weight*2", {"weight": value})


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        ("x*w", {"x": 1}, "w has no value; add w="),
        ("x*w", {"X": 1, "w": 2}, "x has no value; did you mean X"),
        ("x*weight", {"x": 1, "wieght": 2}, "did you mean wieght"),
        ("x*2", {"x": 1, "q": 2}, "does not use q"),
        ("a = x*2; x*3", {"x": 1}, "a does not feed the last step, f"),
        ("log(x)", {"x": -1}, "log.x. has no finite value at x = −1"),
        ("x/(x - x)", {"x": 1}, "has no finite value"),
        ("foo(x)", {"x": 1}, "no function foo; the functions are Linear, MSE, Sigmoid, abs"),
        ("max(x)", {"x": 1}, "max takes 2 arguments; got 1; write max.a, b"),
        ("x - y", {"x": [1, 2], "y": [1, 2, 3]}, "shapes of x .2,. and y .3,. do not fit"),
        ("A @ x", {"A": [[1, 2]], "x": [1, 2, 3]}, "do not fit matmul"),
        ("a @ b", {"a": 1, "b": [1]}, "do not fit matmul"),
        ("MSE(a, b)", {"a": [1, 2], "b": [[1], [2]]}, "MSE takes two arrays of one shape"),
        ("Linear(x, W, b)", {"x": [1, 2], "W": [[1, 2]], "b": [1]}, "takes .N, in., .out, in. and .out,."),
        ("x*y", {"x": [1, 2], "y": 2}, "must be one number"),
        ("λ = 2; lambda*λ", {}, "lambda is a word of Python's own"),
        ("1 +", {}, "something is missing after"),
        ("1" * 400 + "*x", {"x": 1}, "beyond the range of float64"),
        ("a; x", {"x": 1}, "only the last step may go without a name"),
        ("x", {"": 1}, "a value needs a name"),
        ("x", {"х": 1}, "CYRILLIC"),
        ("xw", {"x": 1, "w": 2}, r"did you mean x\*w"),
        ("sigmod(x)", {"x": 1}, "did you mean sigmoid"),
        ("y = x*2; y**2", {"x": 1, "y": 2}, "also assigned"),
        ("x(2 + x)", {"x": 1}, r"did you mean x\*"),
        ("1/2x", {"x": 1}, "two meanings"),
        ("（x）", {"x": 1}, r"write \("),
        ("a*b", {"a": [[1]] * 200, "b": [1] * 200}, "would make 40,000 entries"),
    ],
)
def test_every_refusal_says_what_to_do(text, values, told):
    with pytest.raises(ExpressionError, match=told):
        build(text, values)


def test_text_is_asked_for():
    with pytest.raises(ExpressionError, match="must be text; got int"):
        build(3, {})


@pytest.mark.parametrize(
    ("printed", "typed"),
    [
        *(("x²", "x**2"), ("x⁻¹", "x**-1"), ("−x", "-x"), ("x·y", "x*y"), ("x⊙y", "x*y"), ("x×y÷2", "x*y/2")),
        *(
            ("σ(x)", "sigmoid(x)"),
            ("ln(x)", "log(x)"),
            ("|−x|", "abs(-x)"),
            ("√(x)", "sqrt(x)"),
            ("2x + 3y²", "2*x + 3*y**2"),
        ),
        *(
            ("(x·y)² + ½·x", "(x*y)**2 + 0.5*x"),
            ("x^2", "x**2"),
            ("x₁·y", "x1*y"),
            ("−x²", "-(x**2)"),
            ("2x²y", "2*x**2*y"),
        ),
        *(
            ("|x − |y||", "abs(x - abs(y))"),
            ("sum(Aᵀ @ b)", "sum(transpose(A) @ b)"),
            ("sum(A.T @ b)", "sum(transpose(A) @ b)"),
        ),
    ],
)
def test_what_is_printed_can_be_typed(printed, typed):
    if printed == "2x²y":  # a letter after a power is no product
        with pytest.raises(ExpressionError, match="operator is missing"):
            build(printed, {"x": 2, "y": 3})
        return
    everything = {"x": 0.7, "y": 1.3, "x1": 2.0, "A": [[1, 2], [3, 4]], "b": [1, 2]}
    used = [name for name in everything if re.search(rf"\b{name}\b", typed)]
    values = {name: everything[name] for name in used}
    assert build(printed, values).output.value == build(typed, values).output.value


@pytest.mark.parametrize(
    "names", [("权重", "输入", "偏置"), ("вес", "вход", "сдвиг"), ("وزن", "x", "b"), ("가중치", "x", "b")]
)
def test_names_may_be_of_any_script(names):
    result = derive("{} * {} + {}".format(*names), dict(zip(names, (2.0, 3.0, 4.0), strict=True)))
    assert result.gradients == dict(zip(names, (3.0, 2.0, 1.0), strict=True))
    assert all(name in form for name in names for form in (result.to_text(), result.to_svg(), result.to_json()))


def test_the_error_is_the_packages_own_and_a_value_error():
    assert issubclass(ExpressionError, BpcompareError)
    assert issubclass(ExpressionError, ValueError)


def test_a_variable_may_have_the_name_of_a_function():
    values = dict.fromkeys(FUNCTIONS, 2.0)
    assert build("+".join(values), values).output.value == 2.0 * len(values)


@pytest.mark.parametrize(
    ("name", "known", "parts"),
    [
        ("xw", ["x", "w"], ["x", "w"]),
        ("xw1", ["x", "w1", "w"], ["x", "w1"]),
        ("xxx", ["x"], ["x", "x", "x"]),
        ("abc", ["a", "b", "c", "ab", "bc", "abc"], ["abc"]),
        ("abcd", ["a", "bcd", "ab", "cd", "abc"], ["a", "bcd"]),
        ("xq", ["x", "w"], []),
        ("qx", ["x", "w"], []),
        ("x", ["w"], []),
    ],
)
def test_a_name_is_split_into_as_few_known_ones_as_possible(name, known, parts):
    found = split_into(name, known)
    assert len(found) == len(parts)
    assert not found or "".join(found) == name
    assert set(found) <= set(known)


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        ("x*q", {"x": 1}, "q has no value; add q=…, for example q=2"),
        ("sin*2", {}, "sin is a function and needs brackets"),
        ("x*wieght", {"x": 1, "weight": 2}, "did you mean weight?"),
        ("total = x*2; totel*total", {"x": 1}, "did you mean total?"),
        ("z(2)*x", {"x": 1}, "there is no function z; the functions"),
        ("z = x*2; z(2)", {"x": 1}, "z is a value, not a function; did you mean z*(…)?"),
        ("y" * 50, {}, "y" * 40 + " has no value; add " + "y" * 20 + "=…"),
        ("y" * 50 + "(x)", {"x": 1}, "there is no function " + "y" * 40 + ";"),
        ("ах", {"ax": 1}, "did you mean ax, which is written with LATIN SMALL LETTER A, LATIN SMALL LETTER X?"),
    ],
)
def test_an_unknown_name_is_told_with_what_was_meant(text, values, told):
    with pytest.raises(ExpressionError, match=re.escape(told)):
        build(text, values)


@pytest.mark.parametrize(("count", "dots"), [(6, 0), (7, 1)])
def test_a_graph_names_six_of_its_inputs(count, dots):
    graph = build("+".join(f"x{k}" for k in range(count)), dict.fromkeys((f"x{k}" for k in range(count)), 1))
    assert repr(graph).startswith(f"<Graph of f with {2 * count - 1} nodes, from x0, x1, x2, x3, x4, x5")
    assert repr(graph).count("…") == dots


@pytest.mark.parametrize(("steps", "rows"), [(99, 100), (100, 100), (150, 100)])
def test_a_notebook_shows_a_row_for_each_of_the_first_hundred_nodes(steps, rows):
    found = build(";".join(["v = -v"] * steps), {"v": 1})._repr_html_()
    assert found.count("<tr") - found.count("<th>") // max(found.count("<th>"), 1) in (rows, rows - 1, rows + 1)
    assert "given" in found


@pytest.mark.parametrize("entries", [MAX_ENTRIES, MAX_ENTRIES + 1])
def test_a_value_has_at_most_ten_thousand_entries(entries):
    if entries <= MAX_ENTRIES:
        assert build("sum(x)", {"x": np.ones(entries)}).output.value == entries
    else:
        with pytest.raises(ExpressionError, match="1 to 10,000 entries; its shape is"):
            build("sum(x)", {"x": np.ones(entries)})


def test_numbers_of_the_expression_are_computed_before_they_become_steps():
    graph = build("(2 + 3)*x**(1 + 1) - sin(0)*4", {"x": 3})
    assert names_of(graph) == ["x", "v₁", "v₂", "f"]
    assert graph.output.value == 45


def test_the_limits_are_those_that_the_documentation_states():
    for limit, stated in (
        (MAX_CHARACTERS, "200,000 characters"),
        (MAX_STEPS, "20,000 steps"),
        (MAX_DEPTH, "brackets nested 150 deep"),
        (MAX_ENTRIES, "arrays of 10,000 entries"),
    ):
        assert stated in build.__doc__
        assert f"{limit:,}" in stated


def test_the_last_step_that_is_allowed_is_allowed():
    with mock.patch.object(expression, "MAX_STEPS", 6):  # x and five steps
        assert build("-" * 5 + "x", {"x": 1}).output.value == -1
        with pytest.raises(ExpressionError, match="may have 6 steps"):
            build("-" * 6 + "x", {"x": 1})

"""Every printed line of a derivation, typed into NumPy, is true."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from typed import value

from bpcompare.errors import ExpressionError
from bpcompare.graph.derivation import derive
from bpcompare.graph.notation import TEXT

PRINTED = 1.5e-4  # relative; six digits are printed, and a line may take differences of such numbers


def sides_in_numbers(line):
    """The sides after the first that hold numbers only, with the sign before each."""
    parts = re.split(r" (=|≈) ", line)
    for sign, side in zip(parts[1::2], parts[2::2], strict=True):
        words = set(re.findall(r"[^\W\d]\w*(?![\w(])", side)) - {"axis", "keepdims", "True"}
        if "…" not in side and "∂" not in side and not words:
            yield sign, side


def check(result):
    """Evaluates every line and returns how many sides were compared with a value."""
    compared = 0
    for section in result.sections(TEXT)[1:]:
        for line in section.lines:
            found = list(sides_in_numbers(line))
            if not found:
                continue
            last = value(found[-1][1])
            exact = True
            for sign, side in found:
                exact = exact and sign == "="
                number = value(side)
                scale = max(1e-9, float(np.max(np.abs(last))))
                assert np.all(np.abs(number - last) <= (1e-12 if exact and found[-1][0] == "=" else PRINTED) * scale), (
                    line
                )
                assert section.heading == "Local derivatives" or number.size == last.size, line
                compared += side is not found[-1][1]
            if section.heading.endswith("numbers"):
                node = re.match(r"∂\S+?/∂(\S+)", line)[1]
                right = result.nodes[node].gradient
                assert np.allclose(last, right, rtol=1e-5, atol=1e-5 * np.max(np.abs(right))), line
                assert np.shape(last) == np.shape(right), line
    return compared


M, N, V, U = [[1.0, 2.0], [-3.0, 4.0]], [[0.5, -1.0], [2.0, 3.0]], [1.5, -2.0], [-0.5, 3.0]
SHOWN = [
    ("mean((W @ x + b - y)**2)", {"W": M, "x": V, "b": U, "y": [4, 1]}),
    ("mean((X @ w + b - y)**2)", {"X": [[1, 2], [3, 4], [5, 6]], "w": V, "b": 1, "y": [4, 1, 2]}),
    ("s = u @ v; s**2", {"u": V, "v": U}),
    ("u @ v", {"u": V, "v": U}),
    ("W @ x", {"W": [[1, 2]], "x": V}),
    ("x @ W", {"W": [[1], [2]], "x": V}),
    ("sum(tanh(x @ W))", {"W": M, "x": V}),
    ("x @ W @ z", {"x": V, "W": M, "z": U}),
    ("x @ x + sum(x*x)", {"x": V}),
    ("sum(A @ B * exp(C))", {"A": M, "B": N, "C": N}),
    ("sum(transpose(A) @ B)", {"A": M, "B": N}),
    ("transpose(A)*2", {"A": [[2]]}),
    ("mean(MSE(Linear(x, W, b), y)*x)", {"x": [[1, 2], [3, 4]], "W": [[1, -2]], "b": [3], "y": [[1], [2]]}),
    (
        "MSE(sigmoid(Linear(x, W, b)), y)",
        {"x": [[1, 2], [3, 4], [0, 1]], "W": N, "b": U, "y": [[1, 0], [0, 1], [1, 1]]},
    ),
    ("Loss = MSE(Sigmoid(Linear(x, k, b)), y)", {"x": 3, "k": 0.36, "b": 0.37, "y": 0.61}),
    ("mean(A)*sum(v) - mean(v)**3", {"A": M, "v": V}),
    ("sum(A*b + c*d)", {"A": [[1, 2, 3], [3, 4, 5]], "b": [1, 2, 3], "c": [[1], [2]], "d": [[3]]}),
    ("sum(A*b)", {"A": M, "b": [3]}),
    ("sum(A/b - c**d)", {"A": M, "b": [2, -4], "c": 2, "d": [[1], [3]]}),
    ("sum(max(A, b)) + sum(min(A, b)) + sum(relu(A)) + sum(abs(b))", {"A": M, "b": [1, -2]}),
    ("x**0.1234567891 + 0.1234567891*x", {"x": 2}),
    ("x**1e-7*1e9 - 2*10**12*x", {"x": 2}),
    ("-x**-2 + log(x)/sqrt(x)", {"x": 3}),
    ("cosh(x)*sinh(x) - cos(x)*sin(x) + tan(x)", {"x": -0.4}),
]


@pytest.mark.parametrize("example", SHOWN, ids=lambda example: example[0][:30])
def test_every_printed_line_is_true_in_numpy(example):
    assert check(derive(*example)) > 0


def test_an_outer_product_is_written_as_one():
    lines = derive("mean((W @ x + b - y)**2)", SHOWN[0][1]).sections(TEXT)[-1].lines
    assert any(line.startswith("∂f/∂W = outer(∂f/∂v₁, x) = outer(") for line in lines)


def test_a_line_that_is_not_true_is_noticed():
    assert value("[4, 11] @ [1, 2]ᵀ") == 26  # what stood in place of the outer product
    assert value("outer([4, 11], [1, 2])").tolist() == [[4, 8], [11, 22]]


SHAPES = [(), (2,), (1,), (2, 2), (1, 2), (2, 1), (1, 1)]
TERMS = [
    *("({a} + {b})", "({a} - {b})", "({a}*{b})", "({a}/(3 + {b}**2))", "max({a}, {b})", "min({a}, {b})"),
    *("sigmoid({a})", "tanh({a})", "exp({a})", "abs({a})", "relu({a})", "({a})**2", "sqrt({a}**2 + 1)", "-({a})"),
    *("sum({a})", "mean({a})", "(2 + {a}**2)**{b}", "(({a}) @ ({b}))", "transpose({a})", "log(2 + {a}**2)"),
]


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_line_of_a_drawn_derivation_is_true_in_numpy(data):
    generator = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    values = {name: np.round(generator.normal(size=data.draw(st.sampled_from(SHAPES))), 2) for name in "xyz"}
    text = data.draw(st.sampled_from("xyz"))
    for _ in range(data.draw(st.integers(1, 5))):
        text = data.draw(st.sampled_from(TERMS)).format(a=text, b=data.draw(st.sampled_from("xyz")))
    text = f"sum({text})"
    used = {name: array for name, array in values.items() if re.search(rf"\b{name}\b", text)}
    try:
        result = derive(text, used)
    except ExpressionError:
        assume(False)
    assume(max(float(np.max(np.abs(step.gradient))) for step in result.nodes.values()) < 1e6)
    check(result)

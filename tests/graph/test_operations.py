"""Every row of the table against SymPy: the value and each local derivative, as numbers, as text and as LaTeX."""

import itertools
import math
import re
from string import Template

import numpy as np
import pytest
import sympy
from latex2mathml.converter import convert
from matplotlib.mathtext import MathTextParser

from bpcompare.graph.node import Node, backward
from bpcompare.graph.operations import FUNCTIONS, TABLE
from bpcompare.graph.powers import to_the

A, B, C = sympy.symbols("a b c", real=True)
SAME = 1e-12  # relative, to 30 digits of SymPy; float64 carries 16


def sigmoid(x):
    return 1 / (1 + sympy.exp(-x))


def bracket(condition):
    return sympy.Piecewise((1, condition), (0, True))


ONE_OR_MORE_NUMBERS = {
    **{"plus": A + B, "minus": A - B, "times": A * B, "divide": A / B, "power": A**B, "same": A, "negative": -A},
    **{"exp": sympy.exp(A), "log": sympy.log(A), "sqrt": sympy.sqrt(A), "sin": sympy.sin(A), "cos": sympy.cos(A)},
    **{"tan": sympy.tan(A), "tanh": sympy.tanh(A), "sinh": sympy.sinh(A), "cosh": sympy.cosh(A), "abs": abs(A)},
    **{"sigmoid": sigmoid(A), "relu": sympy.Max(A, 0), "max": sympy.Max(A, B), "min": sympy.Min(A, B)},
    **{"Linear": B * A + C, "MSE": (A - B) ** 2},
}
OF_ARRAYS = ("matmul", "transpose", "sum", "mean", "Linear of arrays", "MSE of arrays")
POSITIVE_BASE = ("log", "sqrt", "power")
EXPONENTS = (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, -0.5, 12.0, 2.5)
NUMBERS = [(name, TABLE[name], oracle) for name, oracle in ONE_OR_MORE_NUMBERS.items()]
NUMBERS += [(f"to_the {exponent:g}", to_the(exponent), A ** sympy.nsimplify(exponent)) for exponent in EXPONENTS]
POINTS = [(0.7, -1.3, 0.4), (-1.6, 0.9, 2.0), (2.5, 1.5, -0.3)]


def points(name):
    return [(abs(a), b, c) for a, b, c in POINTS] if name in POSITIVE_BASE or ".5" in name else POINTS


def exact(expression, point):
    return float(expression.subs(dict(zip((A, B, C), map(sympy.Float, point, [30] * 3), strict=True))).evalf(30))


def from_text(formula):
    """A formula of the table, read by SymPy."""
    code = formula.translate(str.maketrans({"·": "*", "−": "-", "^": "~"})).replace("~", "**").replace("½", "0.5")
    code = re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "**(" + found[0].translate(DIGITS) + ")", code)
    code = re.sub(r"\|(\w+)\|", r"Abs(\1)", code)
    return read(re.sub(r"\((\w+ (?:[<>]|==) \w+)\)", with_condition, code))


def from_latex(formula):
    """A formula of the table in LaTeX, read by SymPy."""
    code = formula.replace(r"\left|", "Abs(").replace(r"\right|", ")").replace(r"\left", "").replace(r"\right", "")
    code = re.sub(r"\\mathrm\{(\w+)\}", r"\1", code.replace(r"\sigma", "sigmoid").replace(r"\cdot", "*"))
    code = re.sub(r"\[([^\]]*)\]", with_condition, code)
    code = re.sub(r"(\}) (?=[b(])", r"\1*", code)
    while r"\frac" in code:
        code = re.sub(r"\\frac\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}", r"((\1)/(\2))", code)
    code = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", code)
    code = re.sub(r"\^\{([^{}]*)\}", r"**(\1)", code)
    return read(re.sub(r"\\([a-z]+)", r"\1", code.replace(r"\ln", "log")).replace(")bracket", ")*bracket"))


DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def with_condition(found):
    condition = f"Eq({re.sub('==?', ',', found[1])})" if "=" in found[1] else found[1]
    return f"bracket({condition})"


def read(code):
    names = {"a": A, "b": B, "c": C, "sigmoid": sigmoid, "relu": lambda x: sympy.Max(x, 0), "bracket": bracket}
    names |= {"max": sympy.Max, "min": sympy.Min}
    return sympy.sympify(code, locals=names)


def filled(formula, row=None):
    out = f"({filled(row.text)})" if row else "out"
    return Template(formula).substitute(a="a", b="b", c="c", n=1, out=out)


@pytest.mark.parametrize(("name", "row", "oracle"), NUMBERS, ids=[name for name, _, _ in NUMBERS])
def test_the_value_is_what_sympy_finds_and_so_are_its_two_formulas(name, row, oracle):
    for point in points(name):
        expected = exact(oracle, point)
        arguments = map(np.float64, point[: len(row.partials)])
        assert float(row.value(*arguments)) == pytest.approx(expected, rel=SAME)
        assert exact(from_text(filled(row.text)), point) == pytest.approx(expected, rel=SAME)
        assert exact(from_latex(filled(row.latex)), point) == pytest.approx(expected, rel=SAME)


@pytest.mark.parametrize(("name", "row", "oracle"), NUMBERS, ids=[name for name, _, _ in NUMBERS])
def test_every_local_derivative_is_sympys_as_numbers_as_text_and_as_latex(name, row, oracle):
    for (symbol, partial), point in itertools.product(zip((A, B, C), row.partials, strict=False), points(name)):
        expected = exact(sympy.diff(oracle, symbol), point)
        arguments = [np.float64(entry) for entry in point[: len(row.partials)]]
        pulled = partial.pull_back(np.float64(1.0), row.value(*arguments), *arguments)
        assert float(pulled) == pytest.approx(expected, rel=SAME, abs=SAME)
        as_text = from_text(filled(partial.text, row))
        assert exact(as_text, point) == pytest.approx(expected, rel=SAME, abs=SAME)
        latex = Template(partial.latex).substitute(a="a", b="b", c="c", n=1, out=r"\sigma(a)")
        assert exact(from_latex(latex), point) == pytest.approx(expected, rel=SAME, abs=SAME)


def test_the_comparison_notices_a_wrong_formula():
    point, derivative = POINTS[0], sympy.diff(sympy.tan(A), A)
    assert exact(from_text("1 + tan(a)²"), point) == pytest.approx(exact(derivative, point), rel=SAME)
    assert exact(from_text("1 − tan(a)²"), point) != pytest.approx(exact(derivative, point), rel=0.1)
    assert exact(from_latex(r"\frac{$a}{$b}".replace("$", "")), point) != pytest.approx(point[1] / point[0], rel=0.1)


def as_numpy(formula, **values):
    """A rule of the table for arrays, text or LaTeX, read by NumPy."""
    code = Template(formula).substitute({name: name for name in ("a", "b", "c", "out", "grad")}, n=values["a"].size)
    code = (
        code.replace(r"\left", "")
        .replace(r"\right", "")
        .replace(r"\mathrm{mean}", "mean")
        .replace(r"\mathrm{sum}", "sum")
    )
    code = re.sub(r"\\sum_\{i\} \((\w+)\)_\{i\}|sum\((\w+), axis=0\)", r"(\1\2).sum(0)", code)
    code = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"(\1/\2)", code).replace(r"\cdot", "*").replace("·", "*")
    code = (
        code.replace(r"^{\top}", ".T").replace("ᵀ", ".T").replace("^{2}", "**2").replace("²", "**2").replace("−", "-")
    )
    code = re.sub(r"\\, ?|(?<=\.T) (?=a)", " @ ", code)
    return eval(code, {"mean": np.mean, "sum": np.sum}, values)


SHAPES = {
    "matmul": ((2, 3), (3, 2)),
    "transpose": ((2, 3),),
    "sum": ((2, 3),),
    "mean": ((2, 3),),
    "Linear of arrays": ((4, 3), (2, 3), (2,)),
    "MSE of arrays": ((3, 2), (3, 2)),
}


def by_sympy(name, symbols):
    a, b, c = (*symbols, None, None)[:3]
    if name == "Linear of arrays":
        return a * b.T + sympy.ones(a.rows, 1) * c
    if name == "MSE of arrays":
        return sympy.Matrix([sum(entry**2 for entry in a - b)]) / len(a)
    total = {"sum": lambda: sum(a), "mean": lambda: sum(a) / sympy.Integer(len(a))}
    return (
        sympy.Matrix([total[name]()]) if name in total else {"matmul": lambda: a * b, "transpose": lambda: a.T}[name]()
    )


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_the_rules_for_arrays_are_sympys_as_numbers_as_text_and_as_latex(name):
    generator, row = np.random.default_rng(0), TABLE[name]
    values = [generator.normal(size=shape) for shape in SHAPES[name]]
    symbols = [
        sympy.Matrix(*np.atleast_2d(v).shape, sympy.symbols(f"{s}:{v.size}"))
        for s, v in zip("abc", values, strict=False)
    ]
    point = {s: x for matrix, v in zip(symbols, values, strict=True) for s, x in zip(matrix, v.ravel(), strict=True)}

    def there(expressions):
        return np.array(sympy.lambdify([*point], expressions)(*point.values()), float)

    output = by_sympy(name, symbols)
    expected = there(output)
    out = row.value(*values)
    np.testing.assert_allclose(np.atleast_2d(out), expected, rtol=SAME)
    named = dict(zip("abc", values, strict=False))
    np.testing.assert_allclose(as_numpy(row.text, **named), out, rtol=SAME)
    np.testing.assert_allclose(as_numpy(row.latex, **named), out, rtol=SAME)
    grad = generator.normal(size=np.shape(out))
    weighted = sum(g * o for g, o in zip(np.ravel(grad), output, strict=True))
    for matrix, partial, value in zip(symbols, row.partials, values, strict=True):
        slopes = there([sympy.diff(weighted, symbol) for symbol in matrix]).reshape(value.shape)
        np.testing.assert_allclose(partial.pull_back(grad, out, *values), slopes, rtol=1e-10)
        for formula in (partial.text, partial.latex):
            local = as_numpy(formula, grad=grad, out=out, **named)
            written = local if "$grad" in formula else grad * local * np.ones(value.shape)
            np.testing.assert_allclose(written, slopes, rtol=1e-10)


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2))])
def test_a_product_with_a_vector_has_the_gradients_of_the_same_matrices(shapes):
    generator = np.random.default_rng(1)
    a, b = (Node(name, generator.normal(size=shape)) for name, shape in zip("ab", shapes, strict=True))
    gradients = backward(TABLE["sum"](TABLE["matmul"](a, b, name="c"), name="s"))
    nudge = 1e-6
    for node in (a, b):
        for index in np.ndindex(node.value.shape):
            sums = []
            for way in (nudge, -nudge):
                moved = {a: a.value.copy(), b: b.value.copy()}
                moved[node][index] += way
                sums.append((moved[a] @ moved[b]).sum())
            assert gradients[node][index] == pytest.approx((sums[0] - sums[1]) / (2 * nudge), rel=1e-8)  # bilinear


@pytest.mark.parametrize("row", [*TABLE.values(), *map(to_the, EXPONENTS)], ids=lambda row: row.name)
def test_every_formula_renders_as_mathml_and_in_matplotlib(row):
    parser = MathTextParser("path")
    for formula in (row.latex, *(partial.latex for partial in row.partials)):
        latex = Template(formula).substitute(
            a="x", b="w_{1}", c=r"\hat{y}", out="z", grad=r"\frac{\partial f}{\partial z}", n=3
        )
        assert parser.parse(f"${latex}$").width > 0
        assert "<merror" not in convert(latex)


def test_the_sigmoid_is_stable_where_the_textbook_formula_overflows():
    with np.errstate(over="raise", invalid="raise"):
        values = TABLE["sigmoid"].value(np.array([-800.0, -709.0, 0.0, 40.0, 800.0]))
    np.testing.assert_allclose(values, [0.0, math.exp(-709.0), 0.5, 1.0, 1.0], rtol=1e-15)


def test_equal_arguments_of_max_and_min_share_the_gradient_as_in_pytorch():
    for name in ("max", "min"):
        a, b = Node("a", np.float64(2.0)), Node("b", np.float64(2.0))
        gradients = backward(TABLE[name](a, b, name="m"))
        assert gradients[a] == gradients[b] == 0.5


def test_every_function_of_the_issue_can_be_called():
    asked = (
        "exp log sqrt sin cos tan tanh sinh cosh abs sigmoid relu max min matmul transpose sum mean Linear Sigmoid MSE"
    )
    assert set(asked.split()) == set(FUNCTIONS)


def test_a_kink_is_where_the_slope_jumps_at_some_entry_and_nowhere_else():
    assert {row.name for row in TABLE.values() if row.kink} == {"abs", "relu", "max", "min"}
    for name in ("abs", "relu"):
        for values, is_kink in (
            ([1.0, -2.0], False),
            ([1.0, 0.0], True),
            ([0.0, 0.0], True),
            (-1.0, False),
            (0.0, True),
        ):
            assert TABLE[name].kink(np.asarray(values)) is is_kink
    for name in ("max", "min"):
        for b, is_kink in (([2.0, 1.0], False), ([1.0, 1.0], True), ([3.0, 3.0], False), ([1.0, 2.0], True)):
            assert TABLE[name].kink(np.array([1.0, 2.0]), np.asarray(b)) is is_kink


def test_a_power_of_zero_has_the_slope_zero_everywhere():
    x = Node("x", np.array([0.0, 2.0]))
    assert backward(to_the(0.0)(x, name="y"))[x].tolist() == [0.0, 0.0]
    assert to_the(0.0)(x, name="y").value.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["sum", "mean"])
def test_a_sum_spreads_its_gradient_in_the_shape_and_precision_of_its_argument(name):
    x = Node("x", np.ones((2, 3), np.float32))
    gradient = backward(TABLE[name](x, name="s"))[x]
    assert (gradient.shape, gradient.dtype) == ((2, 3), np.float32)

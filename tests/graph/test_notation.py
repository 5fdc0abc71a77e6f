"""Numbers and arrays as they are written: typed in again, they are the same to six digits."""

import random
import re
import unicodedata
from decimal import Context, Decimal

import numpy as np
import pytest
from latex2mathml.converter import convert
from matplotlib.mathtext import MathTextParser
from typed import value

from bpcompare.graph.node import Node
from bpcompare.graph.notation import LATEX, SHORT, TEXT, is_exact, latex_name, plain_number


def drawn_numbers(count):
    draw = random.Random(0)
    for _ in range(count):
        yield draw.choice([-1, 1]) * draw.uniform(0.1, 10) * 10.0 ** draw.randrange(-12, 12)
        yield float(draw.randrange(-(10 ** draw.randrange(1, 15)), 10 ** draw.randrange(1, 15)))
        yield draw.randrange(-1000, 1000) / 2 ** draw.randrange(1, 12)


def rounded(number):
    """To six digits; whole numbers below 10¹² have all of theirs."""
    if number == int(number) and abs(number) < 1e12:
        return Decimal(number)
    return Context(prec=6).create_decimal(Decimal(number))


def from_latex(written):
    return value(written.replace(r"\cdot", "*").replace("{", "(").replace("}", ")").replace("^", "**"))


def test_every_number_is_written_to_six_digits():
    for number in drawn_numbers(500):
        expected = float(rounded(number))
        text, latex = plain_number(number), LATEX.number(np.asarray(number))
        assert TEXT.number(np.asarray(number)) == text
        assert float(value(text)) == pytest.approx(expected, rel=1e-15)
        assert float(from_latex(latex)) == pytest.approx(expected, rel=1e-15)
        assert "-" not in text
        assert "e" not in text + latex
        assert is_exact(np.asarray(number)) == (expected == number)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (9,), (3, 3), (1, 4), (2, 1)])
def test_a_short_array_is_written_in_full(shape):
    array = np.random.default_rng(0).integers(-20, 20, shape) / 4
    assert np.array_equal(value(TEXT.number(array)) if shape else float(value(TEXT.number(array))), array)
    assert is_exact(array)
    assert not is_exact(array, array / 3)


@pytest.mark.parametrize(("shape", "written"), [((10,), "(10)"), ((2, 5), "(2×5)"), ((5, 200), "(5×200)")])
def test_of_a_long_array_the_first_and_the_last_number_and_the_shape_are_written(shape, written):
    array = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    assert array.size > SHORT
    assert TEXT.number(array) == f"[1, …, {array.size}] {written}"
    assert LATEX.number(array) == rf"[1, \ldots, {array.size}] {written}".replace("×", r" \times ")
    assert not is_exact(array)


@pytest.mark.parametrize(
    ("number", "in_brackets"), [(2.0, False), (-2.0, True), (2e-9, True), (0.5, False), (1.5e300, True), (-0.5, True)]
)
def test_a_sign_or_a_power_of_ten_gets_brackets_inside_a_formula(number, in_brackets):
    text, latex = (notation.bracketed(np.asarray(number)) for notation in (TEXT, LATEX))
    assert (text[0] == "(" and text[-1] == ")") == in_brackets
    assert latex.startswith(r"\left(") == latex.endswith(r"\right)") == in_brackets


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ([("a·b", True), ("2·3", True), ("6", True)], "f = a·b = 2·3 = 6"),
        ([("a·b", True), ("2·0.3", False), ("0.6", True)], "f = a·b ≈ 2·0.3 ≈ 0.6"),
        ([("a·b", True), ("a·b", True), ("6", False)], "f = a·b ≈ 6"),
        ([("f", True), ("6", True)], "f = 6"),
        ([("6", False), ("6", True), ("7", True)], "f ≈ 6 ≈ 7"),
    ],
)
def test_after_a_rounded_side_all_are_rounded_and_no_side_stands_twice(sides, expected):
    assert TEXT.equation("f", *sides) == expected
    assert LATEX.equation("f", *sides) == expected.replace("≈", r"\approx")


def test_a_number_before_a_letter_needs_no_dot_and_before_a_word_it_does():
    for name, written in (("r", "2r"), ("loss", "2·loss"), ("x₁", "2x₁"), ("r_1", "2·r_1"), ("ŷ", "2ŷ"), ("_", "2·_")):
        x = Node(name, 3.0)
        square = x**2
        assert TEXT.formula(square.operation.partials[0], square) == written
    x = Node("x", 3.0)
    assert LATEX.formula((x**2).operation.partials[0], x**2) == "2x"
    assert TEXT.formula((x**12).operation.partials[0], x**12) == "12·x¹¹"


def test_a_derivative_tells_several_uses_apart():
    f, x = Node("f", 1.0), Node("x1", 1.0)
    assert (TEXT.derivative(f, x), TEXT.derivative(f, x, 2)) == ("∂f/∂x1", "∂f/∂x1|₂")
    assert LATEX.derivative(f, x, 2) == r"\frac{\partial f}{\partial x_{1}}\vert_{2}"


def test_signs_and_brackets_do_not_pile_up():
    x = Node("x", -1.0)
    assert TEXT.formula_in_numbers((x * x).operation, x * x) == ("−1·(−1)", True)
    exp = (2 ** (-x)).operation
    assert re.fullmatch(r".*\^.*", TEXT.formula(exp, 2 ** (-x)))


def test_every_greek_letter_is_set_by_its_command_where_tex_has_one():
    for number in [*range(0x391, 0x3AA), *range(0x3B1, 0x3CA)]:
        letter = chr(number)
        if letter.isalpha() and letter != "ς":
            name = unicodedata.name(letter).split()[-1].lower().replace("lamda", "lambda")
            command = "\\" + (name if letter.islower() else name.capitalize())
            assert latex_name(letter) == (letter if letter in "οΑΒΕΖΗΙΚΜΝΟΡΤΧ" else command)  # these look Latin
            assert latex_name(letter + "1") == latex_name(letter) + "_{1}"
            assert MathTextParser("path").parse(f"${latex_name(letter)}$").width > 0
            assert "\\" not in convert(latex_name(letter))

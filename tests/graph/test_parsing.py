"""Expressions are read as Python reads them, and what is printed as it is meant; faults are where the caret says."""

import keyword
import random
import re

import pytest

from bpcompare.errors import ExpressionError
from bpcompare.graph.expression import build
from bpcompare.graph.parsing import MAX_DEPTH, Apply, Name, Number, read
from bpcompare.graph.tokens import check_name, tokens

VALUES = {"a": 1.3, "b": 0.7, "c": 2.1, "d": 0.4}


def drawn_expression(draw, depth=2):
    """Operands and signs with as few brackets as Python needs, so that strength and side of every sign count."""
    parts = []
    for place in range(draw.randrange(1, 6)):
        if place:
            parts.append(draw.choice([" + ", " - ", "*", "/", "**", " * ", "**-", "*-", "/+", " - -"]))
        operand = draw.choice([*VALUES, "2", "0.5", "1e-1", ".5", "3.", "1_0"])
        if depth and draw.random() < 0.3:
            operand = f"({drawn_expression(draw, depth - 1)})"
        parts.append(draw.choice(["", "", "", "-", "+"]) * (not place) + operand)
    return "".join(parts)


def test_an_expression_has_the_value_that_it_has_in_python():
    draw, compared = random.Random(0), 0
    for _ in range(600):
        text = drawn_expression(draw)
        used = {name: value for name, value in VALUES.items() if name in text}
        try:
            expected = eval(text, {"__builtins__": {}}, used)
        except (OverflowError, ZeroDivisionError):
            continue
        if not used or isinstance(expected, complex) or not 1e-6 < abs(expected) < 1e6:
            continue
        assert evaluated(text, used) == pytest.approx(expected, rel=1e-9), text
        compared += 1
    assert compared > 300


def evaluated(text, values):
    """A factor of 0 may leave an input that does not matter, and a power of numbers alone is no step."""
    return build(text, values).output.value


@pytest.mark.parametrize(
    ("printed", "meant"),
    [
        *(("2a**2", "2*a**2"), ("-2a", "-2*a"), ("2a b", ""), ("2a*b", "2*a*b"), ("2a/b", "2*a/b"), ("a/2b", "")),
        *(
            ("a - 2b", "a - 2*b"),
            ("2sin(a)", "2*sin(a)"),
            ("2a²", "2*a**2"),
            ("a**2b", ""),
            ("a + 2b**c", "a + 2*b**c"),
        ),
        *(("√a²", "sqrt(a**2)"), ("√a*b", "sqrt(a)*b"), ("√(a*b)", "sqrt(a*b)"), ("√√a", "sqrt(sqrt(a))")),
        *(("-√a", "-sqrt(a)"), ("2*√a", "2*sqrt(a)"), ("½*a", "0.5*a"), ("½·a²", "0.5*a**2"), ("a²*b", "a**2*b")),
        *(("-a²", "-(a**2)"), ("a²²", "a**22"), ("(a²)³", "(a**2)**3"), ("a⁻²", "a**-2"), ("a²**b", "(a**2)**b")),
        *(("|a - b|", "abs(a - b)"), ("|a|²", "abs(a)**2"), ("-|a|*|b|", "-abs(a)*abs(b)"), ("|-|a||", "abs(-abs(a))")),
        *(("a^b^c", "a**b**c"), ("a ÷ b × c", "a/b*c"), ("a − b", "a - b"), ("a∗b", "a*b"), ("σ(a)", "sigmoid(a)")),
        *(("max(a, b)", "max(a,b,)"), ("+a", "a*1"), ("a # b", "a*1"), ("(a\n+ b)", "a + b"), ("a +\\\n b", "")),
    ],
)
def test_what_is_printed_is_read_as_it_is_meant(printed, meant):
    used = {
        name: value for name, value in VALUES.items() if re.search(rf"(?<![a-z]){name}(?![a-z])", printed.split("#")[0])
    }
    if not meant:
        with pytest.raises(ExpressionError):
            build(printed, used)
        return
    assert build(printed, used).output.value == build(meant, used).output.value


def test_a_tree_says_what_is_applied_to_what_and_where():
    (first, second) = read("z = a*-b\n z² + max(1, c)")
    assert (first.name, first.at, second.name, second.at) == ("z", 0, "", 10)
    assert first.tree == Apply("times", (Name("a", 4), Apply("negative", (Name("b", 7),), 6)), 5)
    power = Apply("power", (Name("z", 10), Number(2)), 11)
    assert second.tree == Apply("plus", (power, Apply("max", (Number(1.0), Name("c", 22)), 15, "max")), 13)
    (line,) = read("|a|ᵀ·√b + c.T")
    absolute = Apply("transpose", (Apply("abs", (Name("a", 1),), 0, "abs"),), 3, "transpose")
    product = Apply("times", (absolute, Apply("sqrt", (Name("b", 6),), 5, "sqrt")), 4)
    assert line.tree == Apply("plus", (product, Apply("transpose", (Name("c", 10),), 11, "transpose")), 8)
    assert read("2a")[0].tree == Apply("times", (Number(2.0), Name("a", 1)), 1)
    assert read("(½)")[0].tree == Number(0.5)


def test_tokens_have_a_kind_and_a_place_and_an_end_closes_each_statement():
    found = [(token.kind, token.text, token.at) for token in tokens("x1 = 2.5e-3·y₂²;(a\n)\n'q'")]
    assert found == [
        *(("name", "x1", 0), ("sign", "=", 3), ("number", "2.5e-3", 5), ("sign", "*", 11), ("name", "y2", 12)),
        *(("power", "²", 14), ("end", ";", 15), ("sign", "(", 16), ("name", "a", 17), ("sign", ")", 19)),
        *(("end", "\n", 20), ("quote", "'q'", 21), ("end", "", 24)),
    ]


REFUSED = [  # text, where the caret stands, a part of what is said
    ("a b", 2, "an operator is missing between 'a' and 'b'; did you mean a*b?"),
    ("a 2", 2, "between 'a' and '2'; did you mean a*2?"),
    ("a √b", 2, "between 'a' and '√'"),
    ("a ½", 2, "did you mean a*½"),
    ("(a)(b)", 3, "between ')' and '(…'; did you mean )*(…"),
    ("2(a)", 1, "did you mean 2*(…"),
    ("a *", 3, "something is missing after '*'"),
    ("a = ", 4, "something is missing after '='"),
    ("a * ) b", 4, "something is missing between '*' and ')'"),
    ("a)", 1, "this ) closes nothing"),
    ("a + (b", 4, "this ( is never closed; add a )"),
    ("max(a, b", 3, "this ( is never closed; add a )"),
    ("|a", 0, "this | is never closed; add a |"),
    ("(a; b)", 0, "this ( is never closed; add a )"),
    ("a + 'b'", 4, "only numbers and names can be computed with, no text"),
    ("a if b", 2, "'if b' cannot be part of an expression: if … else"),
    ("a and b", 2, "and is a word of Python's own"),
    ("a + True", 4, "only numbers and names"),
    ("a // b", 2, "// has no useful derivative"),
    ("a == b", 2, "a comparison has no derivative"),
    ("a, b", 1, "a comma may only separate"),
    ("a += b", 2, "v += x is not known here"),
    ("a.mean()", 1, "a dot after a name"),
    ("a = b = c", 6, "a statement gives one name"),
    ("max(a=b)", 4, "arguments have no names here"),
    ("a % b", 2, "use numbers, names"),
    ("a*b ^= c", 4, "'^= c' cannot be part of an expression"),
    ("1/2b", 3, "2b after / has two meanings"),
    ("a**2b", 4, "2b after ** has two meanings"),
    ("a@2b", 3, "2b after @ has two meanings"),
    ("a²⁻", 1, "²⁻ is no power"),
    ("a; b", 0, "only the last step may go without a name"),
    ("lambda = a", 0, "lambda is a word of Python's own"),
    ("a $ b", 2, "cannot be part"),
    ("a ≤ b", 2, "'≤' (U+2264 LESS-THAN OR EQUAL TO) cannot be in an expression; write max or min"),
    ("a – b", 2, "write -"),
    ("a ∑ b", 2, "names have letters, digits and _"),
    ("a + ﬁ", 4, "another spelling of 'fi'"),
    ("b*(a + foo(b))", 7, "there is no function foo"),
    ("b*(a + sin(b, c))", 7, "sin takes 1 argument; got 2; write sin(a)"),
    ("a + MSE(b)", 4, "MSE takes 2 arguments; got 1; write MSE(a, b)"),
    ("a + zz", 4, "zz has no value"),
    ("a + sin", 4, "sin is a function and needs brackets; write sin(x)"),
    ("a + b(c)", 4, "b is a value, not a function"),
]


@pytest.mark.parametrize(("text", "column", "said"), REFUSED, ids=[text for text, _, _ in REFUSED])
def test_a_fault_is_told_and_pointed_at(text, column, said):
    with pytest.raises(ExpressionError) as refused:
        build(text, VALUES)
    assert said in str(refused.value)
    line, caret = refused.value.__notes__[0].split("\n")
    assert line == f"  {text}"
    assert caret == " " * (column + 2) + "^"


@pytest.mark.parametrize("before", [0, 10, 30, 32, 200])
def test_of_a_long_text_the_surroundings_of_the_place_are_shown(before):
    text = "a*" * (before // 2) + "a $ b" + "*a" * 100
    with pytest.raises(ExpressionError) as refused:
        build(text, VALUES)
    line, caret = refused.value.__notes__[0].split("\n")
    assert line[len(caret) - 1] == "$"
    assert len(line) == 60 + 2
    assert line[2:] in text
    assert len(caret) - 3 == min(before + 2, 30)


@pytest.mark.parametrize("text", ["⁴", "x * ⁴", "ᵀ", "x + ᵀ", "-ᵀ x"])
def test_what_stands_behind_an_operand_is_none(text):
    with pytest.raises(ExpressionError):
        build(text, {"x": 2})


@pytest.mark.parametrize("before", ["", "(x)*" * 50, "-(x+(x))*(" * 5 + "x" + ")" * 5 + "+"])
def test_brackets_are_counted_whatever_stands_before_them(before):
    assert build(before + "(" * (MAX_DEPTH - 2) + "x" + ")" * (MAX_DEPTH - 2), {"x": 2}).output
    with pytest.raises(ExpressionError, match=f"more than {MAX_DEPTH} deep"):
        build(before + "(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH, {"x": 2})


@pytest.mark.parametrize("text", ["x" + "⁹" * 400, "1e400 * x", "9" * 400 + " * x"])
def test_a_number_beyond_float64_is_refused(text):
    with pytest.raises(ExpressionError):
        build(text, {"x": 2})


def test_the_deepest_brackets_that_are_allowed_are_read():
    assert build("(" * (MAX_DEPTH - 1) + "x" + ")" * (MAX_DEPTH - 1), {"x": 2}).output.value == 2


@pytest.mark.parametrize("name", ["", "1", "a b", "a-b", 3, None, "x²", "ﬁ", *keyword.kwlist[:6]])
def test_what_is_no_name_of_a_value_is_refused(name):
    with pytest.raises(ExpressionError):
        check_name(name)


@pytest.mark.parametrize(("name", "read_as"), [("x", "x"), ("w₁₂", "w12"), ("权重", "权重"), ("_", "_"), ("ŷ", "ŷ")])
def test_a_name_is_read_with_its_digits_on_the_line(name, read_as):
    assert check_name(name) == read_as


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "ﬁ" * 30,
            "'" + r"\ufb01" * 20 + "' is another spelling of '" + "fi" * 10 + "'; write '" + "fi" * 10 + "' itself",
        ),
        ("y" * 50, "y" * 40 + " has no value; add " + "y" * 20 + "=…, for example " + "y" * 20 + "=2"),
        ("a " + "b" * 30, f"between 'a' and '{'b' * 20}'; did you mean a*{'b' * 20}?"),
        ("b" * 30 + " a", f"between '{'b' * 20}' and 'a'; did you mean {'b' * 20}*a?"),
        ("a $ " + "b" * 60, f"'$ {'b' * 38}' cannot be part of an expression"),
        ("1" * 30 + " +", "something is missing after '+'"),
        ("y" * 50 + "(a)", "there is no function " + "y" * 40 + ";"),
    ],
)
def test_of_something_long_a_part_is_shown(text, said):
    with pytest.raises(ExpressionError) as refused:
        build(text, VALUES)
    assert said in str(refused.value)

"""Derivations and markings in Chinese: the same numbers, the same JSON, and no glued sentence loses its English."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.errors import ExpressionError
from bpcompare.graph.derivation import derive
from bpcompare.graph.operations import FUNCTIONS
from bpcompare.graph.wrong_derivatives import WRONG
from bpcompare.language import _, columns_of, english, spoken

GRAPHS = {
    "a = x**2; z = a + 3*x; z**2": {"x": 5},
    "sum(relu(W @ x + b) * y)": {"W": [[1, -2], [3, 4]], "x": [1, 2], "b": [0.5, 1], "y": [2, 3]},
    "max(x, y)*sigmoid(x)/y": {"x": 1, "y": 2},
    "MSE(Linear(x, w, b), y)": {"x": [[1.0], [2.0]], "w": [[2.0]], "b": [1.0], "y": [[1.0], [3.0]]},
    "*".join("x" * 13): {"x": 1.1},
}
FORMS = ("to_text", "to_markdown", "to_latex")


def numbers(text):
    return re.findall(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?", text)


@pytest.mark.parametrize("expression", GRAPHS)
@pytest.mark.parametrize("form", FORMS)
def test_a_derivation_has_the_same_numbers_and_formulas_in_both_languages(expression, form):
    derivation = derive(expression, GRAPHS[expression])
    plain = getattr(derivation, form)()
    with spoken("zh"):
        chinese = getattr(derivation, form)()
    assert numbers(chinese) == numbers(plain)
    assert [line for line in chinese.splitlines() if "∂" in line and "=" in line and "另有" not in line] == [
        line for line in plain.splitlines() if "∂" in line and "=" in line and "more" not in line
    ]
    assert "已知" in chinese
    assert getattr(derivation, form)() == plain


SHORTER = "*".join("x" * 6)  # two changes at once are tried of all pairs: of thirteen factors, forty times as many


@pytest.mark.parametrize("expression", [*[*GRAPHS][:-1], SHORTER])
@settings(max_examples=6, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_marking_is_the_same_data_in_both_languages(expression, data):
    derivation = derive(expression, GRAPHS.get(expression, {"x": 1.1}))
    name = data.draw(st.sampled_from(sorted(derivation.gradients)))
    factor = data.draw(st.sampled_from([-1, 0.5, 2, 3, 0]))
    answer = {name: derivation.gradients[name] * factor + data.draw(st.sampled_from([0, 1]))}
    plain = derivation.mark(answer)
    with spoken("zh"):
        chinese = derivation.mark(answer)
        found = derivation.to_json(chinese)
    assert found == derivation.to_json(plain)
    assert english(chinese.to_dict()) == plain.to_dict()
    assert json.loads(found)["marking"][0]["mistakes"] == list(plain.answers[0].mistakes)


def test_the_table_of_all_digits_stands_in_columns_where_names_are_chinese():
    with spoken("zh"):
        text = derive("权重 * 输入 + b", {"权重": 1, "输入": 2, "b": 3}).to_text()
    rows = text.partition("全部数位\n")[2].split("\n\n")[0].splitlines()
    places = {columns_of(row[: re.match(r"  \S+\s+", row).end()]) for row in rows}
    assert len(rows) == 6
    assert len(places) == 1


def test_the_caret_stands_under_the_place_after_chinese_letters():
    with pytest.raises(ExpressionError) as error:
        derive("权重 * ? 2", {"权重": 1})
    line, caret = error.value.__notes__[0].splitlines()
    assert columns_of(line[: line.index("?")]) == len(caret) - 1


def test_every_wrong_derivative_is_a_formula_or_has_words_for_both_languages():
    texts = {partial.text for rows in WRONG.values() for row in rows for partial in row}
    for text in texts:
        words = set(re.findall(r"(?<![$\w])[a-z]{3,}", text))
        if words - {*FUNCTIONS, "outer", "axis"}:
            with spoken("zh"):
                assert _(text) != text, text

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from derived import ENGINE, HOMEWORK_1, HOMEWORK_2, HOMEWORK_3, SHOWN
from matplotlib.mathtext import MathTextParser

import bpcompare
from bpcompare.errors import ExpressionError, InputError
from bpcompare.graph import derivation as module
from bpcompare.graph.derivation import derive
from bpcompare.graph.dot import MAX_DRAWN
from bpcompare.graph.expression import build
from bpcompare.graph.node import backward
from bpcompare.graph.notation import LATEX, TEXT, latex_name
from bpcompare.graph.operations import TABLE
from bpcompare.graph.powers import to_the
from bpcompare.graph.verification import verify

PRINTED = 1e-15  # the published numbers have all 16 digits; two may differ in the last
# 「3 反向传播」, homework 1 to 3, and 「22. 深度学习 - 自动求导」: name → (value, gradient).
PUBLISHED = [
    (HOMEWORK_1, {"z": (2, -4), "r": (-2, -4), "loss": (4, 1), "w": (1, -8)}),
    (HOMEWORK_2, {"z": (1, 2), "ŷ": (3, 2), "r": (1, 2), "loss": (1, 1), "w": (1, 2), "b": (2, 2)}),
    (
        HOMEWORK_3,
        {
            **{"z1": (8, 8), "z2": (4, 8), "z": (12, 8), "ŷ": (13, 8), "r": (4, 8), "loss": (16, 1)},
            **{"w1": (2, 32), "w2": (2, 16), "b": (1, 8)},
        },
    ),
    (
        ENGINE,
        {
            "Linear": (1.4512183820274032, 0.06194395247945269),
            "Sigmoid": (0.8101858733432837, 0.402796525409167),
            "Loss": (0.04056126022042443, 1),
            "y": (0.6087876106387002, -0.402796525409167),
            "x": (3, 0.02224721841122111),
            "k": (0.35915077292816744, 0.18583185743835806),
            "b": (0.3737660632429008, 0.06194395247945269),
        },
    ),
]


@pytest.mark.parametrize(("example", "published"), PUBLISHED)
def test_every_published_number_is_found(example, published):
    nodes = derive(*example).nodes
    for name, (value, gradient) in published.items():
        assert nodes[name].value == pytest.approx(value, rel=PRINTED)
        assert nodes[name].gradient == pytest.approx(gradient, rel=PRINTED)


def test_the_mean_of_squares_has_the_published_gradient():
    # 「前向传播、反向传播教程」: x = (1, 2, 3), z = mean(x²), printed 0.6667, 1.3333, 2.0000
    np.testing.assert_allclose(derive("mean(x**2)", {"x": [1, 2, 3]}).gradients["x"], [2 / 3, 4 / 3, 2], rtol=PRINTED)


def test_the_sigmoid_at_zero_has_the_published_gradients():
    # 「前向传播、反向传播教程」: σ(w·x + b) at x = 1, w = 0, b = 0
    assert derive("sigmoid(w*x + b)", {"x": 1, "w": 0, "b": 0}).gradients == {"w": 0.25, "x": 0.0, "b": 0.25}


def test_the_chain_comes_in_words_and_then_in_numbers():
    text = derive(*ENGINE).to_text()
    for name in "kxb":
        assert f"\n  ∂Loss/∂{name} = ∂Loss/∂Sigmoid*∂Sigmoid/∂Linear*∂Linear/∂{name}\n" in text
    assert text.index("∂Loss/∂Sigmoid*") < text.index("∂Loss/∂Sigmoid · ")
    for digits in ("1.4512183820274032", "0.8101858733432837", "0.04056126022042443", "0.18583185743835806"):
        assert digits in text


def test_homework_1_is_derived_as_on_paper():
    text = derive(*HOMEWORK_1).to_text()
    for line in (
        "z = x·w = 2·1 = 2",
        "r = z − y = 2 − 4 = −2",
        "loss = r² = (−2)² = 4",
        "∂z/∂w = x = 2",
        "∂loss/∂r = 2r = 2·(−2) = −4",
        "∂loss/∂w = ∂loss/∂r*∂r/∂z*∂z/∂w",
        "∂loss/∂w = ∂loss/∂r · ∂r/∂z · ∂z/∂w = −4 · 1 · 2 = −8",
    ):
        assert f"\n  {line}\n" in text
    headings = ["Given", "Forward", "Local derivatives", "Backward, as symbols", "Backward, as numbers", "All digits"]
    assert re.findall(r"^([A-Z].*)$", text, re.MULTILINE)[:-1] == headings


def test_where_paths_meet_the_sum_over_them_is_shown():
    text = derive(*HOMEWORK_3, wrt="x").to_text()
    upper = "∂loss/∂r*∂r/∂ŷ*∂ŷ/∂z*∂z/∂z1*∂z1/∂v₁*∂v₁/∂x"
    assert f"∂loss/∂x = {upper} + ∂loss/∂r*∂r/∂ŷ*∂ŷ/∂z*∂z/∂z2*∂z2/∂x\n" in text
    assert "= 8 · 1 · 1 · 1 · 2 · 4 + 8 · 1 · 1 · 1 · 2 = 80\n" in text


def test_two_uses_in_one_step_are_told_apart():
    assert "∂f/∂x = ∂f/∂x|₁ + ∂f/∂x|₂ = 3 + 3 = 6" in derive("x*x", {"x": 3}).to_text()


def test_many_paths_are_summed_step_by_step():
    text = derive(";".join(["v = v + v"] * 30), {"v": 1}).to_text()
    assert "∂v₃₁/∂v = ∂v₃₁/∂v₂ · ∂v₂/∂v|₁ + ∂v₃₁/∂v₂ · ∂v₂/∂v|₂ = 536870912 · 1 + 536870912 · 1 = 1073741824" in text
    assert len(text) < 20_000


def test_many_uses_are_counted_rather_than_listed():
    assert "+ … (17 more) + " in derive(";".join(["s = x"] + ["s = s + x"] * 20), {"x": 2}).to_text()


def test_a_broadcast_number_receives_the_sum():
    text = derive("p = v + b; sum(p*p)", {"v": [1, 2], "b": 1}).to_text()
    assert "∂f/∂b = sum(∂f/∂p · ∂p/∂b) = sum([4, 6] · 1) = 10" in text


def test_rules_for_arrays_are_written_with_what_arrives():
    text = derive("ŷ = Linear(x, W, b); MSE(ŷ, y)", {"x": [[1.0]], "W": [[2.0]], "b": [0.0], "y": [[1.0]]}).to_text()
    assert "∂Loss/∂W = (∂Loss/∂ŷ)ᵀ @ x = ([[2]])ᵀ @ [[1]] = [[2]]" in text
    assert "∂Loss/∂b = sum(∂Loss/∂ŷ, axis=0) = sum([[2]], axis=0) = [2]" in text


def test_a_rule_for_arrays_at_the_output_itself_begins_with_one():
    text = derive("W @ x", {"W": [[1, 2]], "x": [3, 4]}).to_text()
    assert "\n  ∂f/∂x = Wᵀ @ [1]\n" in text
    assert "\n  ∂f/∂x = Wᵀ @ [1] = [[1, 2]]ᵀ @ [1] = [1, 2]\n" in text


def test_rounded_numbers_are_marked_and_exact_ones_are_not():
    text = derive("x/y", {"x": 1, "y": 3}).to_text()
    assert "f = x/y = 1/3 ≈ 0.333333" in text
    assert "∂f/∂y = −x/y² = −1/3² ≈ −0.111111" in text


def test_only_what_is_asked_for_is_derived():
    result = derive(*HOMEWORK_3, wrt="w2, ŷ")
    assert result.gradients == {"w2": 16.0, "ŷ": 8.0}
    assert "∂loss/∂w1 =" not in result.to_text().split("All digits")[0]


@pytest.mark.parametrize("wrt", ["q", "", "x,,w", [], ["loss", "X"]])
def test_a_name_that_is_not_there_cannot_be_differentiated_by(wrt):
    with pytest.raises(ExpressionError, match="x, w, z, y, r, loss"):
        derive(*HOMEWORK_1, wrt=wrt)


@pytest.mark.parametrize(("text", "value"), [("sqrt(x)", 0), ("x**0.5", 0), ("x**-1*0 + x**y", 0)])
def test_a_derivative_that_is_not_finite_is_refused(text, value):
    with pytest.raises(ExpressionError, match="finite"):
        derive(text, {"x": value} | ({"y": 0.5} if "y" in text else {}))


@pytest.mark.parametrize("example", SHOWN, ids=lambda example: example[0][:20])
def test_every_derivation_confirms_itself_in_its_last_line(example):
    result = derive(*example)
    assert result.check.passed
    last = result.to_text().splitlines()[-1]
    assert last.startswith("Checked")
    assert f" {result.check.torch:.2g}, " in last
    assert last.rstrip(".").endswith(f" {result.check.central:.2g}")
    assert result.to_markdown().splitlines()[-1] == last


def test_a_wrong_gradient_is_not_confirmed(monkeypatch):
    def doubled(output):
        return {node: 2 * gradient for node, gradient in backward(output).items()}

    monkeypatch.setattr(module, "backward", doubled)
    result = derive(*HOMEWORK_1)
    assert not result.check.passed
    assert result.to_text().splitlines()[-1].startswith("NOT CONFIRMED")


def test_a_wrong_row_of_the_table_is_not_confirmed(monkeypatch):
    row = TABLE["sin"]
    wrong = replace(row.partials[0], pull_back=lambda g, o, a: g * np.cos(a) * 1.0001)
    monkeypatch.setitem(module.build.__globals__["FUNCTIONS"], "sin", replace(row, partials=(wrong,)))
    assert not derive("sin(x)", {"x": 1}).check.passed


def test_a_corner_is_named_and_does_not_count_against_the_derivation():
    check = derive("relu(x) + abs(x)", {"x": 0}).check
    assert check.passed
    assert check.central == pytest.approx(0.5)  # relu's two slopes are 0 and 1
    assert "relu, abs" in str(check)


def test_at_the_edge_of_a_domain_there_is_no_central_difference():
    check = derive("x**1.5", {"x": 0}).check
    assert check.passed
    assert check.central is None


def test_close_to_the_edge_the_step_becomes_smaller():
    check = derive("log(x)", {"x": 1e-6}).check
    assert check.passed
    assert check.central is not None


def test_long_arrays_are_checked_at_evenly_spaced_entries():
    graph = build("mean(x**2)", {"x": np.linspace(-1, 1, 500)})
    gradients = backward(graph.output)
    assert verify(graph, gradients).passed
    gradients[graph.inputs[0]][-1] += 1
    assert not verify(graph, gradients).passed


def test_the_json_has_every_number_with_all_digits():
    result = derive(*ENGINE)
    content = json.loads(result.to_json())
    assert content["value"] == result.value == 0.04056126022042443
    assert content["gradients"] == result.gradients
    assert content["nodes"]["Linear"]["parents"] == ["x", "k", "b"]
    assert content["nodes"]["k"]["operation"] == "input"
    assert content["nodes"]["Sigmoid"]["gradient"] == pytest.approx(0.402796525409167, rel=PRINTED)
    assert content["check"]["passed"] is True
    assert "NaN" not in result.to_json()


def test_markdown_has_formulas_headings_and_a_table():
    text = derive(*HOMEWORK_1).to_markdown()
    assert text.startswith("# Derivation of ∂loss/∂x, ∂loss/∂w, ∂loss/∂y\n")
    assert r"- $\frac{\partial \mathrm{loss}}{\partial r} = 2r = 2 \cdot \left(-2\right) = -4$" in text
    assert "| `r` | -2.0 | -4.0 |" in text


def test_the_same_expression_gives_the_same_bytes():
    for form in ("text", "markdown", "latex", "json", "dot", "svg"):
        first, second = (getattr(derive(*HOMEWORK_3), f"to_{form}")() for _ in range(2))
        assert first == second


def test_arrays_come_back_as_arrays_of_their_shape():
    result = derive("sum(W*3)", {"W": [[1, 2], [3, 4]]})
    assert result.gradients["W"].shape == (2, 2)
    assert result.nodes["W"].value.tolist() == [[1, 2], [3, 4]]
    assert result.value == 30.0


def test_long_arrays_are_shortened_in_writing():
    text = derive("mean(x)", {"x": list(range(100))}).to_text()
    assert "x ≈ [0, …, 99] (100)" in text
    assert max(map(len, text.splitlines())) < 120


def test_a_notebook_shows_picture_and_text_and_never_an_error(monkeypatch):
    result = derive(*HOMEWORK_1)
    assert "<svg" in result._repr_html_()
    assert "−4 · 1 · 2 = −8" in result._repr_html_()
    large = derive(";".join(["v = v*1.01"] * 200), {"v": 1})
    assert "<svg" not in large._repr_html_()
    assert f" {MAX_DRAWN} " in large._repr_html_()
    with pytest.raises(InputError):
        large.to_svg()

    def broken(*_):
        raise RuntimeError("a < b")

    monkeypatch.setattr(module, "verify", broken)
    assert "a &lt; b" in derive(*HOMEWORK_1)._repr_html_()


def test_it_prints_as_its_text_and_shows_as_one_line():
    result = derive(*HOMEWORK_1, wrt=["w"])
    assert str(result) == result.to_text()
    assert repr(result) == "<Derivation loss = 4.0: ∂loss/∂w = -8.0>"


def test_the_package_offers_it():
    assert bpcompare.derive is derive
    assert isinstance(derive(*HOMEWORK_1), bpcompare.Derivation)


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("w1", "w_{1}"),
        ("w_12", "w_{12}"),
        ("v₁", "v_{1}"),
        ("σ", r"\sigma"),
        ("λ2", r"\lambda_{2}"),
        ("Ω", r"\Omega"),
        ("ŷ", r"\hat{y}"),
        ("x̄", r"\bar{x}"),
        ("loss", r"\mathrm{loss}"),
        ("y_hat", r"\mathrm{y\_hat}"),
        ("ž", "ž"),
        ("xž", r"\mathrm{xž}"),
        ("aŷž", r"\mathrm{a\hat{y}ž}"),
        ("_1", r"\__{1}"),
        ("ς", "ς"),
    ],
)
def test_names_are_set_as_in_a_textbook(name, latex):
    assert latex_name(name) == latex
    assert MathTextParser("path").parse(f"${latex}$").width > 0


@pytest.mark.parametrize(
    ("value", "text", "latex"),
    [
        (-2.0, "−2", "-2"),
        (1e12, "1·10¹²", r"1 \cdot 10^{12}"),
        (123456789.0, "123456789", "123456789"),
        (-2.5e-9, "−2.5·10⁻⁹", r"-2.5 \cdot 10^{-9}"),
        (0.1234567, "0.123457", "0.123457"),
    ],
)
def test_numbers_are_set_as_in_a_textbook(value, text, latex):
    assert TEXT.number(np.asarray(value)) == text
    assert LATEX.number(np.asarray(value)) == latex


def test_powers_are_set_as_in_a_textbook():
    forms = {n: (to_the(n).text, to_the(n).partials[0].text) for n in (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, -0.5)}
    assert forms == {
        -1.0: ("$a⁻¹", "−$a⁻²"),
        0.0: ("$a⁰", "0"),
        0.5: ("$a^0.5", "0.5·$a^(−0.5)"),
        1.0: ("$a", "1"),
        2.0: ("$a²", "2·$a"),
        3.0: ("$a³", "3·$a²"),
        -0.5: ("$a^(−0.5)", "−0.5·$a^(−1.5)"),
    }


@pytest.mark.parametrize(
    ("entries", "is_short", "is_written"), [(4, True, True), (5, False, True), (9, False, True), (10, False, False)]
)
def test_in_one_line_and_in_the_table_only_short_arrays_are_written_out(entries, is_short, is_written):
    result = derive("sum(x)", {"x": [1.0] * entries})
    assert ("[1.0, 1.0" in repr(result)) == is_short
    assert (f"array ({entries},)" in repr(result)) != is_short
    table = result.to_text().partition("All digits")[2]
    assert (f"[{', '.join(['1.0'] * entries)}]" in table) == is_written


@pytest.mark.parametrize(("count", "dots"), [(4, False), (5, True)])
def test_the_one_line_names_at_most_four_derivatives(count, dots):
    names = [f"x{k}" for k in range(count)]
    found = repr(derive("+".join(names), dict.fromkeys(names, 1)))
    assert found.count("∂f/∂") == 4
    assert found.endswith(", …>") == dots


def test_a_name_that_is_asked_for_twice_is_differentiated_by_once_in_the_order_asked():
    assert [*derive("x*w", {"x": 2, "w": 3}, wrt="w, x,w").gradients] == ["w", "x"]


def test_the_table_has_a_line_for_each_step_in_columns():
    rows = derive(*HOMEWORK_1).to_text().partition("All digits\n")[2].partition("\n\n")[0].split("\n")
    assert [row.split() for row in rows] == [
        *(["step", "value", "∂loss/∂step"], ["x", "2.0", "-4.0"], ["w", "1.0", "-8.0"], ["z", "2.0", "-4.0"]),
        *(["y", "4.0", "4.0"], ["r", "-2.0", "-4.0"], ["loss", "4.0", "1.0"]),
    ]
    assert {row.index(row.split()[1]) for row in rows} == {len("  loss  ")}

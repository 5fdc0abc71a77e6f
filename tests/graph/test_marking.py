"""A wrong gradient is the right gradient of a changed graph: which change is named, and that right answers pass."""

import json

import numpy as np
import pytest
import torch

from bpcompare.cli import main
from bpcompare.graph.derivation import derive

HOMEWORK_3 = (
    "z1 = w1*x**2; z2 = w2*x; z = z1 + z2; ŷ = z + b; r = ŷ - y; loss = r**2",
    {"x": 2, "w1": 2, "w2": 2, "b": 1, "y": 9},
)


def only(marking):
    (answer,) = [answer for answer in marking.answers if not answer.passed]
    return answer


def test_a_forgotten_path_is_named_and_worked_out():
    marking = derive(*HOMEWORK_3).mark({"w1": 32, "x": 64})
    answer = only(marking)
    assert (answer.name, answer.yours, answer.right) == ("x", 64, 80)
    assert answer.mistakes == ("the path x → z2 → z is not followed",)
    assert answer.hint == "64 is the path x → x² → z1 → z alone; the path x → z2 → z adds 16; 64 + 16 = 80"
    assert not marking.passed


def test_one_mistake_that_explains_all_answers_is_preferred():
    marking = derive(*HOMEWORK_3).mark({"w1": 16, "w2": 8, "b": 4, "x": 40})
    assert {answer.mistakes for answer in marking.answers} == {("∂loss/∂r is 2r, not r",)}


def test_what_follows_from_a_wrong_line_is_no_second_mistake():
    marking = derive(*HOMEWORK_3).mark({"r": 4, "w1": 16, "w2": 16})
    by_name = {answer.name: answer for answer in marking.answers}
    assert by_name["w1"].mistakes == ("it follows from your ∂loss/∂r; this step is right",)
    assert by_name["r"].mistakes == ("∂loss/∂r is 2r, not r",)
    assert by_name["w2"].passed


def test_where_nothing_fits_the_shares_of_the_paths_are_told():
    answer = only(derive(*HOMEWORK_3).mark({"x": 77.7}))
    assert answer.mistakes == ()
    assert all(part in answer.hint for part in ("x → x² → z1 → z", "x → z2 → z", "64 + 16 = 80"))


# expression, values, by what, the learner's formula in Python, a part of the name of the mistake
W = {"w": 0.73, "x": 1.31, "b": 0.37, "y": 0.52}
SQUARE = "r = w*x + b - y; r**2"
NEURON = "z = w*x + b; a = sigmoid(z); r = a - y; r**2"
R = W["w"] * W["x"] + W["b"] - W["y"]
Z = W["w"] * W["x"] + W["b"]
S = 1 / (1 + np.exp(-Z))
D = S - W["y"]
MISTAKES = [
    (SQUARE, W, "w", R * W["x"], "∂f/∂r is 2r, not r"),
    (SQUARE, W, "w", 2 * R, "∂v₁/∂w = x is left out"),
    (SQUARE, W, "w", -2 * R * W["x"], "−"),
    (SQUARE, W, "w", 2 * R * W["w"], "∂v₁/∂w is x, not w"),
    (SQUARE, W, "w", 2 * W["x"], "∂f/∂r is 2r, not 2"),
    (SQUARE, W, "w", R**2 * W["x"], "∂f/∂r is 2r, not r²"),
    (SQUARE, W, "w", 2 * R**2 * W["x"], "∂f/∂r is 2r, not 2·r²"),
    (SQUARE, W, "w", W["x"], "∂f/∂r = 2r is left out"),
    (SQUARE, W, "y", 2 * R, "∂r/∂y = −1 is left out"),
    (SQUARE, W, "x", 2 * R, "∂v₁/∂x = w is left out"),
    (SQUARE, W, "x", 2 * R * W["x"], "∂v₁/∂x is w, not x"),
    (SQUARE, W, "b", R, "∂f/∂r is 2r, not r"),
    (NEURON, W, "w", 2 * D * S * W["x"], "∂a/∂z is a·(1 − a), not a"),
    (NEURON, W, "w", 2 * D * (1 - S) * W["x"], "∂a/∂z is a·(1 − a), not 1 − a"),
    (NEURON, W, "w", 2 * D * Z * (1 - Z) * W["x"], "∂a/∂z is a·(1 − a), not z·(1 − z)"),
    (NEURON, W, "w", 2 * D * W["x"], "∂a/∂z = a·(1 − a) is left out"),
    (NEURON, W, "b", 2 * D * S * (1 + S), "not a·(1 + a)"),
    (NEURON, W, "b", 2 * D * (1 - S**2), "not 1 − a²"),
    (NEURON, W, "b", S * (1 - S), "∂f/∂r = 2r is left out"),
    (NEURON, W, "b", D * S * (1 - S), "∂f/∂r is 2r, not r"),
    (NEURON, W, "w", D * S * W["x"], "∂a/∂z is a·(1 − a), not a and ∂f/∂r is 2r, not r"),
    (NEURON, W, "w", 2 * D * S * (1 - S), "∂v₁/∂w = x is left out"),
]
FUNCTIONS = {  # function: (right derivative, wrong derivatives with what stands in the name)
    "tanh": lambda a: [(1 - np.tanh(a), "1 − tanh"), (np.tanh(a) ** 2, "tanh"), (1 - a**2, "1 − ")],
    "exp": lambda a: [(a * np.exp(a - 1), "− 1)"), (1.0, "left out")],
    "log": lambda a: [(np.log(a), "not log"), (a, "not "), (1.0, "left out"), (1 / a**2, "²")],
    "sqrt": lambda a: [
        (1 / np.sqrt(a), "not 1/sqrt"),
        (np.sqrt(a) / 2, "sqrt"),
        (np.sqrt(a), "not sqrt"),
        (1.0, "left out"),
    ],
    "sin": lambda a: [(-np.cos(a), "not −"), (np.sin(a), "not sin"), (1.0, "left out"), (np.cos(np.sin(a)), "cos(q")],
    "cos": lambda a: [(np.sin(a), "not sin"), (np.cos(a), "not cos"), (1.0, "left out")],
    "tan": lambda a: [(1 - np.tan(a) ** 2, "1 − tan"), (np.tan(a) ** 2, "not tan"), (1 / np.cos(a), "1/cos")],
    "sinh": lambda a: [(-np.cosh(a), "not −"), (np.sinh(a), "not sinh")],
    "cosh": lambda a: [(-np.sinh(a), "not −"), (np.cosh(a), "not cosh")],
    "sigmoid": lambda a: [((s := 1 / (1 + np.exp(-a))), "not "), (1 - s, "not 1 − "), (s * s, "²")],
    "abs": lambda a: [(a, "not "), (-1.0, "not −")],
}
POINT = {"u": 0.83, "v": 1.27}
for name, wrongs in FUNCTIONS.items():
    for wrong, told in wrongs(POINT["u"] * POINT["v"]):
        MISTAKES.append((f"p = u*v; q = {name}(p); q*u + u", POINT, "v", POINT["u"] ** 2 * wrong, told))
POWERS = [(3.0, [(2.0, "not q²"), (3.0, "3·q³"), (0.0, "not 3")])]
P = POINT["u"] * POINT["v"]
for wrong, told in [
    (P**2, "not p²"),
    (3 * P**3, "not 3·p³"),
    (P**3, "not p³"),
    (3.0, "not 3"),
    (3 * P, "not 3·p"),
    (2 * P**2, "2·"),
]:
    MISTAKES.append(("p = u*v; q = p**3; q + u*0", POINT, "v", POINT["u"] * wrong, told))
QUOTIENT = ("q = u/v; q**2", POINT)
Q = POINT["u"] / POINT["v"]
for wrong, told in [
    (POINT["u"] / POINT["v"] ** 2, "u/v²"),
    (-POINT["u"] / POINT["v"], "not −u/v"),
    (-1 / POINT["v"] ** 2, "not −1/v²"),
    (-POINT["u"], "not −u"),
    (POINT["u"], "not u"),
]:
    MISTAKES.append((*QUOTIENT, "v", 2 * Q * wrong, told))
PATHS = ("a = x**2; c = sin(x); d = a*c + x; d**2", {"x": 0.7})
X, A, C = 0.7, 0.49, np.sin(0.7)
G = 2 * (A * C + X)
MISTAKES += [
    (*PATHS, "x", G * (2 * X * C + A * np.cos(X)), "the path x → d is not followed"),
    (*PATHS, "x", G * (2 * X * C + 1), "the path x → c → a·c → d is not followed"),
    (*PATHS, "x", G * (A * np.cos(X) + 1), "the path x → a → a·c → d is not followed"),
    (*PATHS, "x", G, "the paths x → a → a·c → d and x → c → a·c → d are not followed"),
    (*PATHS, "x", G * 2 * X * C, "are not followed"),
    (*PATHS, "x", 2 * X * C + A * np.cos(X) + 1, "left out"),
]
MATRIX = {"W": np.array([[0.3, -1.1], [0.8, 0.6]]), "x": np.array([0.9, -0.4]), "y": np.array([0.2, 0.5])}
E = MATRIX["W"] @ MATRIX["x"] - MATRIX["y"]
LINE = ("r = W @ x - y; mean(r**2)", MATRIX)
MISTAKES += [
    (*LINE, "W", np.outer(MATRIX["x"], E), "not outer"),
    (*LINE, "x", MATRIX["W"] @ E, "not W @"),
    (*LINE, "x", 2 * MATRIX["W"].T @ E, "∂f/∂v₂ = 1/2 is left out"),
    (*LINE, "W", np.outer(E, MATRIX["x"]) / 2, "2r, not r"),
    (*LINE, "y", E, "∂r/∂y = −1 is left out"),
]
SHIFT = {"p": np.array([0.4, 1.2, -0.7]), "b": 0.3}
MISTAKES += [("q = p + b; sum(q*q)", SHIFT, "b", 2 * np.mean(SHIFT["p"] + 0.3), "1/3")]
MISTAKES += [("q = p + b; mean(q*q)", SHIFT, "p", 2 * (SHIFT["p"] + 0.3), "1/3 is left out")]
MISTAKES += [("q = p + b; mean(q*q)", SHIFT, "b", 2 * np.sum(SHIFT["p"] + 0.3), "1/3 is left out")]
MISTAKES += [("q = p + b; sum(q**2)", SHIFT, "b", 2 * (SHIFT["p"] + 0.3), "sum over its copies")]


def test_there_are_at_least_sixty_mistakes():
    assert len(MISTAKES) >= 60


@pytest.mark.parametrize(("text", "values", "name", "wrong", "told"), MISTAKES, ids=lambda part: str(part)[:24])
def test_a_mistake_is_named(text, values, name, wrong, told):
    answer = only(derive(text, values).mark({name: wrong}))
    assert answer.mistakes, "nothing was named"
    assert told in answer.mistakes[0] or any(told in mistake for mistake in answer.mistakes)
    assert len(answer.mistakes) <= 3


RIGHT = [HOMEWORK_3, (SQUARE, W), (NEURON, W), PATHS, LINE, QUOTIENT, ("mean(A*b)", {"A": np.eye(3), "b": [1, 2, 3]})]


@pytest.mark.parametrize("example", RIGHT, ids=lambda example: example[0][:20])
@pytest.mark.parametrize("digits", [None, 9, 6, 4])
def test_a_right_answer_is_never_refused(example, digits):
    result = derive(*example)
    for name, step in result.nodes.items():
        for form in (np.asarray, torch.as_tensor, lambda g: np.float32(g), lambda g: np.asarray(g).tolist()):
            gradient = np.asarray(step.gradient)
            if digits:
                gradient = np.vectorize(lambda g: float(f"{g:.{digits}g}"))(gradient)
            assert result.mark({name: form(gradient)}).passed


COMMAND = ["derive", HOMEWORK_3[0], *(f"{name}={value}" for name, value in HOMEWORK_3[1].items())]


@pytest.mark.parametrize("answer", ["w1=32", "w1=32.0", "w1=3.2e1", "w1=32,x=80", "w1=32, w2=16", " b = 8 "])
def test_equivalent_forms_of_a_right_answer_pass(capsys, answer):
    assert main([*COMMAND, "--answer", answer]) == 0
    assert "wrong" not in capsys.readouterr().out


def test_the_command_marks_hints_and_ends_with_1(capsys):
    assert main([*COMMAND, "--answer", "w1=32,x=64", "--hint"]) == 1
    assert only(derive(*HOMEWORK_3).mark({"w1": 32, "x": 64})).hint in capsys.readouterr().out
    assert main([*COMMAND, "--answer", "x=64", "--answer", "w1=32"]) == 1
    assert "alone" not in capsys.readouterr().out


def test_arrays_are_answers_too(capsys):
    command = ["derive", "sum(W @ x)", "W=1,2;3,4", "x=5,6"]
    assert main([*command, "--answer", "W=[[5,6],[5,6]],x=[4,6]"]) == 0
    assert main([*command, "--answer", "W=5,6;5,6", "--answer", "x=[3,7]"]) == 1
    capsys.readouterr()


def test_the_json_has_the_marking(capsys):
    assert main([*COMMAND, "--answer", "x=64", "--format", "json"]) == 1
    (answer,) = json.loads(capsys.readouterr().out)["marking"]
    assert (answer["yours"], answer["right"], answer["passed"]) == (64, 80, False)


def test_the_picture_marks_the_forgotten_edge(tmp_path, capsys):
    assert main([*COMMAND, "--answer", "x=64", "--format", "svg,png", "--out", str(tmp_path)]) == 1
    source = (tmp_path / "derivation.gv").read_text()
    assert source.count("not followed") == 1
    assert "not followed: part of ∂loss/∂x: 16" in (tmp_path / "derivation.svg").read_text()
    capsys.readouterr()


@pytest.mark.parametrize("options", [["--hint"], ["--answer", "q=1"], ["--answer", "x"], ["--answer", ""]])
def test_bad_answers_end_with_2(capsys, options):
    assert main([*COMMAND, *options]) == 2
    assert capsys.readouterr().err.startswith("bpcompare: ")


def test_a_marking_is_one_line_as_repr_and_text_in_a_notebook():
    marking = derive(*HOMEWORK_3).mark({"w1": 32, "x": 64})
    assert repr(marking) == "<Marking of ∂loss: 1 of 2 right>"
    assert "x → z2 → z" in marking._repr_html_()


def test_a_hint_adds_up_nothing_where_no_path_was_followed():
    answer = only(derive("x*w", {"x": 2, "w": 3}).mark({"w": 0}))
    assert "2" in answer.hint
    assert "+" not in answer.hint

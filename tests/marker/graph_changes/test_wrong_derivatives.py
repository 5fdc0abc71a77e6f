"""The table of wrong derivatives: each is what its words say, none is right, and who writes it is told so.

What the words say is typed in here once more, in NumPy and in terms of the operand alone.
"""

import math

import numpy as np
import pytest
import torch
from marker.graph_changes.one_step import at_step, drawn, explained, true_gradient

from bpcompare.marker.hypotheses.graph_changes.wrong_derivatives import TABLE, wrong_rules

ROUNDING = {"rtol": 1e-12, "atol": 1e-12}


def sigma(x):
    return 1 / (1 + np.exp(-x))


erf = np.vectorize(math.erf)
one = np.ones_like
EVERY, POSITIVE = (-2.0, 2.0), (0.2, 2.0)
BASE = {  # what the four rules of a power with exponent n leave
    "the exponent is not multiplied": lambda x, n: x ** (n - 1),
    "the exponent is not lowered": lambda x, n: n * x**n,
    "the power itself stands for its derivative": lambda x, n: x**n,
    "it is left out: passed straight through": lambda x, n: one(x),
    "only the exponent is multiplied": lambda x, n: n * one(x),
    "the exponent is lowered by two": lambda x, n: n * x ** (n - 2),
    "the sign of the base is lost": lambda x, n: n * np.sqrt(x**2) ** (n - 1),
    "it is the derivative of |x|": lambda x, n: x / abs(x),
}
FACTOR = {
    "the other factor is left out": lambda x, y: one(x * y),
    "its own factor stands for the other one": lambda x, y: x * one(y),
    "the product itself stands for the other factor": lambda x, y: x * y,
    "the other factor divides, it does not multiply": lambda x, y: 1 / y * one(x),
    "the other factor is there twice": lambda x, y: y**2 * one(x),
}
STRAIGHT = {"it is left out: passed straight through": lambda x, *y: one(x)}

# By operation and operand: a forward, between which bounds its operand is drawn, and what each wrong derivative
# multiplies the gradient by, from the operand x and the other operand y.
FORMULAS = {
    ("tanh", 0): (
        torch.tanh,
        EVERY,
        {
            "1 − t² is left out: passed straight through": lambda x: one(x),
            "it is t, not 1 − t²": lambda x: np.tanh(x),
            "it is 1 − t, not 1 − t²": lambda x: 1 - np.tanh(x),
            "it is t², not 1 − t²": lambda x: np.tanh(x) ** 2,
            "it is t² − 1, not 1 − t²": lambda x: -1 / np.cosh(x) ** 2,
            "it is 1 + t², not 1 − t²": lambda x: 1 + np.tanh(x) ** 2,
            "it is t(1 − t), the sigmoid's, not 1 − t²": lambda x: np.tanh(x) * (1 - np.tanh(x)),
            "it is 1 − x² with the input x, not with the output t": lambda x: 1 - x**2,
            "tanh is applied twice: 1 − tanh²(t), not 1 − t²": lambda x: 1 / np.cosh(np.tanh(x)) ** 2,
            "(1 − t²)² stands for 1 − t²": lambda x: 1 / np.cosh(x) ** 4,
        },
    ),
    ("sigmoid", 0): (
        torch.sigmoid,
        EVERY,
        {
            "s(1 − s) is left out: passed straight through": lambda x: one(x),
            "it is s, not s(1 − s)": lambda x: sigma(x),
            "it is 1 − s, not s(1 − s)": lambda x: sigma(-x),
            "it is s², not s(1 − s)": lambda x: sigma(x) ** 2,
            "it is 1 − s², the derivative of tanh, not s(1 − s)": lambda x: 1 - sigma(x) ** 2,
            "it is z(1 − z) with the input z, not with the output s": lambda x: x * (1 - x),
            "it is s(1 + s), not s(1 − s)": lambda x: sigma(x) * (1 + sigma(x)),
            "it is s(s − 1), not s(1 − s)": lambda x: -sigma(x) * sigma(-x),
            "σ is applied twice: s′(1 − s′) with s′ = σ(s)": lambda x: sigma(sigma(x)) * sigma(-sigma(x)),
            "s(1 − s) is applied twice": lambda x: sigma(x) ** 2 * sigma(-x) ** 2,
            "it is z·s with the input z, not s(1 − s)": lambda x: x * sigma(x),
        },
    ),
    ("pow", 0): (lambda x: x**4, EVERY, {words: lambda x, rule=rule: rule(x, 4) for words, rule in BASE.items()}),
    ("sqrt", 0): (
        torch.sqrt,
        POSITIVE,
        {
            "the factor ½ is missing": lambda x: x**-0.5,
            "it is multiplied by √x, not divided": lambda x: 0.5 * x**0.5,
            "it is divided by x, not by √x": lambda x: 0.5 / x,
            "it is left out: passed straight through": lambda x: one(x),
            "only ½ is left": lambda x: 0.5 * one(x),
            "it is √x itself": lambda x: x**0.5,
            "it is 2√x, not 1/(2√x)": lambda x: 2 * x**0.5,
            "it is 1/x, not 1/(2√x)": lambda x: 1 / x,
            "the sign is wrong and ½ is missing": lambda x: -(x**-0.5),
        },
    ),
    ("rsqrt", 0): (
        torch.rsqrt,
        POSITIVE,
        {
            "the factor ½ is missing": lambda x: -(x**-1.5),
            "the minus sign is missing": lambda x: 0.5 * x**-1.5,
            "the minus sign and the ½ are missing": lambda x: x**-1.5,
            "the power is −1, not −3/2": lambda x: -0.5 / x,
            "the power is −½, not −3/2": lambda x: -0.5 * x**-0.5,
            "the power is −1 and the ½ is missing": lambda x: -1 / x,
            "it is left out: passed straight through": lambda x: one(x),
            "it is the derivative of √x, not of 1/√x": lambda x: 0.5 * x**-0.5,
            "the power is −2, not −3/2": lambda x: -0.5 / x**2,
            "only −½ is left": lambda x: -0.5 * one(x),
        },
    ),
    ("exp", 0): (
        torch.exp,
        EVERY,
        {
            "eˣ is left out: passed straight through": lambda x: one(x),
            "it is x·eˣ⁻¹, the rule of a power": lambda x: x * math.e ** (x - 1),
            "it is x, not eˣ": lambda x: x,
            "it is x·eˣ, not eˣ": lambda x: x * math.e**x,
            "it is 1/eˣ, not eˣ": lambda x: math.e**-x,
            "it is e^(eˣ): exp applied twice": lambda x: math.e ** (math.e**x),
            "it is e²ˣ, eˣ twice": lambda x: math.e ** (2 * x),
        },
    ),
    ("expm1", 0): (torch.expm1, EVERY, {"it is eˣ − 1, not eˣ": lambda x: math.e**x - 1}),
    ("log", 0): (
        torch.log,
        POSITIVE,
        {
            "1/x is left out: passed straight through": lambda x: one(x),
            "it is x, not 1/x": lambda x: x,
            "it is log x, not 1/x": lambda x: np.log(x),
            "it is 1/log x, not 1/x": lambda x: 1 / np.log(x),
            "it is 1/x², not 1/x": lambda x: x**-2,
            "it is the derivative of log₂": lambda x: 1 / (x * np.log(2)),
            "it is the derivative of log₁₀": lambda x: 1 / (x * np.log(10)),
        },
    ),
    ("log1p", 0): (torch.log1p, POSITIVE, {"it is 1/x, not 1/(1 + x)": lambda x: 1 / x, **STRAIGHT}),
    ("relu", 0): (  # y is the gradient
        torch.relu,
        EVERY,
        {
            "the mask is left out: passed straight through": lambda x, y: one(x),
            "the mask is inverted": lambda x, y: 1.0 * (x < 0),
            "the mask is taken from the gradient, not from the input": lambda x, y: 1.0 * (y > 0),
            "the mask is taken from both the gradient and the input": lambda x, y: 1.0 * ((y > 0) & (x > 0)),
            "it is the output, not the mask": lambda x, y: x * (x > 0),
            "it is the sign, not the mask": lambda x, y: x / abs(x),
        },
    ),
    ("abs", 0): (
        torch.abs,
        EVERY,
        {
            "the sign is left out: passed straight through": lambda x: one(x),
            "it is x, not its sign": lambda x: x,
            "it is |x|, not the sign of x": lambda x: np.sqrt(x**2),
            "it is 2x, the derivative of x²": lambda x: 2 * x,
            "it is 1 where x is positive and 0 elsewhere": lambda x: 1.0 * (x > 0),
        },
    ),
    ("erf", 0): (
        torch.erf,
        EVERY,
        {
            "the factor 2/√π is missing": lambda x: math.e ** (-(x**2)),
            "e^(−x²) is left out": lambda x: 2 / math.sqrt(math.pi) * one(x),
            "it is the normal density φ(x): e^(−x²/2)/√(2π)": lambda x: (
                math.e ** (-(x**2) / 2) / math.sqrt(2 * math.pi)
            ),
            "e^(−x²/2) stands for e^(−x²)": lambda x: 2 / math.sqrt(math.pi) * math.e ** (-(x**2) / 2),
            "it is 1 − erf², the derivative of tanh": lambda x: 1 - erf(x) ** 2,
            "it is left out: passed straight through": lambda x: one(x),
            "the sign of the exponent is wrong": lambda x: 2 / math.sqrt(math.pi) * math.e ** (x**2),
        },
    ),
    ("div", 0): (
        torch.div,
        POSITIVE,
        {
            "it is not divided": lambda x, y: one(x * y),
            "it is multiplied, not divided": lambda x, y: y * one(x),
            "it is divided twice": lambda x, y: 1 / y**2 * one(x),
            "the quotient itself stands for 1/denominator": lambda x, y: x / y,
        },
    ),
    ("div", 1): (  # x is the denominator, y the numerator
        torch.div,
        POSITIVE,
        {
            "the denominator is not squared": lambda x, y: -y / x,
            "the minus sign is missing": lambda x, y: y / x**2,
            "the numerator is missing": lambda x, y: -1 / x**2 * one(y),
            "the numerator is missing and the denominator is not squared": lambda x, y: -1 / x * one(y),
            "the minus sign is missing and the denominator is not squared": lambda x, y: y / x,
            "it is −numerator: the denominator is missing": lambda x, y: -y * one(x),
            "the denominator is cubed": lambda x, y: -y / x**3,
            "it is passed straight through": lambda x, y: one(x * y),
            "it is minus the gradient: the quotient is missing": lambda x, y: -one(x * y),
        },
    ),
    ("reciprocal", 0): (
        torch.reciprocal,
        POSITIVE,
        {
            "the minus sign is missing": lambda x: x**-2,
            "it is −1/x, not −1/x²": lambda x: -1 / x,
            "it is 1/x, not −1/x²": lambda x: 1 / x,
            "it is left out: passed straight through": lambda x: one(x),
        },
    ),
    ("mul", 0): (torch.mul, EVERY, FACTOR),
    ("mul", 1): (torch.mul, EVERY, FACTOR),
    ("sin", 0): (
        torch.sin,
        EVERY,
        {"it is −cos, not cos": lambda x: -np.cos(x), "it is sin, not cos": lambda x: np.sin(x), **STRAIGHT},
    ),
    ("cos", 0): (
        torch.cos,
        EVERY,
        {"the minus sign is missing": lambda x: np.sin(x), "it is cos, not −sin": lambda x: np.cos(x), **STRAIGHT},
    ),
    ("neg", 0): (torch.neg, EVERY, {"the minus sign is missing": lambda x: one(x)}),
    ("sub", 0): (torch.sub, EVERY, {}),
    ("sub", 1): (torch.sub, EVERY, {"the minus sign is missing": lambda x, y: one(x * y)}),
    ("clamp", 0): (lambda x: torch.clamp(x, -0.5, 1.0), EVERY, STRAIGHT),
    ("clamp_min", 0): (lambda x: torch.clamp_min(x, -0.5), EVERY, STRAIGHT),
    ("clamp_max", 0): (lambda x: torch.clamp_max(x, 1.0), EVERY, STRAIGHT),
    ("where", 1): (lambda x, y: torch.where(x > y, x, y), EVERY, STRAIGHT),
    ("where", 2): (lambda x, y: torch.where(x > y, x, y), EVERY, STRAIGHT),
    ("maximum", 0): (torch.maximum, EVERY, STRAIGHT),
    ("maximum", 1): (torch.maximum, EVERY, STRAIGHT),
    ("minimum", 0): (torch.minimum, EVERY, STRAIGHT),
    ("minimum", 1): (torch.minimum, EVERY, STRAIGHT),
}


def numbers(place):
    """A forward's arguments, the step at its operand, and what a formula is worked out from."""
    op, position = place
    forward, (low, high), _ = FORMULAS[place]
    count = forward.__code__.co_argcount if hasattr(forward, "__code__") else 2 if op in TWO else 1
    arguments = [drawn(k, 40, low=low, high=high) for k in range(count)]
    at = at_step(forward, arguments, op, position)
    which = position - (op == "where")
    others = [value.numpy() for k, value in enumerate(arguments) if k != which]
    return at, arguments[which].numpy(), others or [at.gradient.numpy()] * (op == "relu")


TWO = ("div", "mul", "sub", "where", "maximum", "minimum")


def table(place):
    op, position = place
    return TABLE[op][position]


def test_every_wrong_derivative_is_typed_in_here_too():
    assert {(op, position) for op, tables in TABLE.items() for position in range(len(tables))} - {("where", 0)} == set(
        FORMULAS
    )
    assert TABLE["where"][0] == {}  # the condition has no gradient
    for place, (_, _, formulas) in FORMULAS.items():
        assert set(formulas) == set(table(place)), place


@pytest.mark.parametrize("place", FORMULAS, ids=lambda place: "{} {}".format(*place))
def test_a_wrong_derivative_is_what_its_words_say_and_neither_right_nor_another_one(place):
    at, x, others = numbers(place)
    rules, gradient = wrong_rules(at), at.gradient.numpy()
    found = {words: rules[words](at).numpy() for words in table(place)}
    for words, formula in FORMULAS[place][2].items():
        np.testing.assert_allclose(found[words], gradient * formula(x, *others), **ROUNDING, err_msg=words)
    different = [true_gradient(at).numpy(), *found.values()]
    for k, one_of_them in enumerate(different):
        assert not any(np.allclose(one_of_them, other, rtol=1e-6) for other in different[:k])


@pytest.mark.parametrize("exponent", [-1.5, 0.5, 3])
def test_the_wrong_derivatives_of_a_power_hold_for_any_exponent(exponent):
    x = drawn(3, 20, low=0.2)
    at = at_step(lambda x: x**exponent, [x], "pow")
    for words, wrong in wrong_rules(at).items():
        expected = at.gradient.numpy() * BASE[words](x.numpy(), exponent)
        np.testing.assert_allclose(wrong(at).numpy(), expected, **ROUNDING, err_msg=words)


ENTRIES = [(place, words) for place, (_, _, formulas) in FORMULAS.items() for words in formulas]


@pytest.mark.parametrize(("place", "words"), ENTRIES, ids=lambda value: "")
def test_who_writes_a_wrong_derivative_is_told_which(place, words):
    op, position = place
    forward, (low, high), formulas = FORMULAS[place]
    mine = position - (op == "where")

    def whole(x, y):
        if op not in TWO:
            return forward(x) * y
        other = 2 + torch.sin(y)  # else the gradient of y is among the wrong ones of x
        return forward(*((x, other) if mine == 0 else (other, x)))

    def draw(k):
        return drawn(20 + k, 4 + k, low=low, high=high), drawn(30 + k, 4 + k, low=low, high=high)

    def wrong(upstream, x, y):
        gradient = upstream.numpy() if op in TWO else (upstream * y).numpy()
        others = [2 + np.sin(y.numpy())] if op in TWO else [gradient] * (op == "relu")
        return torch.from_numpy(gradient * formulas[words](x.numpy(), *others))

    mistake = explained(whole, draw, wrong)
    assert mistake is not None
    assert any(words in says for says in (mistake.says, *mistake.alternatives)), mistake

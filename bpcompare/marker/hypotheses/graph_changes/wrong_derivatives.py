"""What is written where a local derivative belongs: by operation and operand, the usual mistakes and their names.

Each entry gives, from the gradient g, the operand a, the other operand b and the output z of a step, what is passed on.
"""

from collections.abc import Callable
from typing import Any

import torch

from bpcompare.marker.hypotheses.graph_changes.rules import Local
from bpcompare.marker.hypotheses.graph_changes.wrong_operations import of_operation

Wrong = Callable[[Any, Any, Any, Any], Any]


def _other(at: Local) -> Any:
    return at.other if len(at.args) > 1 else None


def _positive(z: Any) -> Any:
    return (z > 0).to(z.dtype)


TANH = {
    "1 − t² is left out: passed straight through": lambda g, a, b, z: g,
    "it is t, not 1 − t²": lambda g, a, b, z: g * z,
    "it is 1 − t, not 1 − t²": lambda g, a, b, z: g * (1 - z),
    "it is t², not 1 − t²": lambda g, a, b, z: g * z**2,
    "it is t² − 1, not 1 − t²": lambda g, a, b, z: g * (z**2 - 1),
    "it is 1 + t², not 1 − t²": lambda g, a, b, z: g * (1 + z**2),
    "it is t(1 − t), the sigmoid's, not 1 − t²": lambda g, a, b, z: g * z * (1 - z),
    "it is 1 − x² with the input x, not with the output t": lambda g, a, b, z: g * (1 - a**2),
    "tanh is applied twice: 1 − tanh²(t), not 1 − t²": lambda g, a, b, z: g * (1 - torch.tanh(z) ** 2),
    "(1 − t²)² stands for 1 − t²": lambda g, a, b, z: g * (1 - z**2) ** 2,
}
SIGMOID = {
    "s(1 − s) is left out: passed straight through": lambda g, a, b, z: g,
    "it is s, not s(1 − s)": lambda g, a, b, z: g * z,
    "it is 1 − s, not s(1 − s)": lambda g, a, b, z: g * (1 - z),
    "it is s², not s(1 − s)": lambda g, a, b, z: g * z**2,
    "it is 1 − s², the derivative of tanh, not s(1 − s)": lambda g, a, b, z: g * (1 - z**2),
    "it is z(1 − z) with the input z, not with the output s": lambda g, a, b, z: g * a * (1 - a),
    "it is s(1 + s), not s(1 − s)": lambda g, a, b, z: g * z * (1 + z),
    "it is s(s − 1), not s(1 − s)": lambda g, a, b, z: g * z * (z - 1),
    "σ is applied twice: s′(1 − s′) with s′ = σ(s)": lambda g, a, b, z: g * torch.sigmoid(z) * (1 - torch.sigmoid(z)),
    "s(1 − s) is applied twice": lambda g, a, b, z: g * (z * (1 - z)) ** 2,
    "it is z·s with the input z, not s(1 − s)": lambda g, a, b, z: g * a * z,
}
POWER = {
    "the exponent is not multiplied": lambda g, a, b, z: g * a ** (b - 1),
    "the exponent is not lowered": lambda g, a, b, z: g * b * a**b,
    "the power itself stands for its derivative": lambda g, a, b, z: g * z,
    "it is left out: passed straight through": lambda g, a, b, z: g,
    "only the exponent is multiplied": lambda g, a, b, z: g * b,
    "the exponent is lowered by two": lambda g, a, b, z: g * b * a ** (b - 2),
    "the sign of the base is lost": lambda g, a, b, z: g * b * abs(a) ** (b - 1),
    "it is the derivative of |x|": lambda g, a, b, z: g * torch.sign(a),
}
ROOT = {
    "the factor ½ is missing": lambda g, a, b, z: g / z,
    "it is multiplied by √x, not divided": lambda g, a, b, z: g * z / 2,
    "it is divided by x, not by √x": lambda g, a, b, z: g / (2 * a),
    "it is left out: passed straight through": lambda g, a, b, z: g,
    "only ½ is left": lambda g, a, b, z: g / 2,
    "it is √x itself": lambda g, a, b, z: g * z,
    "it is 2√x, not 1/(2√x)": lambda g, a, b, z: g * 2 * z,
    "it is 1/x, not 1/(2√x)": lambda g, a, b, z: g / a,
    "the sign is wrong and ½ is missing": lambda g, a, b, z: -g / z,
}
INVERSE_ROOT = {
    "the factor ½ is missing": lambda g, a, b, z: -g * z**3,
    "the minus sign is missing": lambda g, a, b, z: 0.5 * g * z**3,
    "the minus sign and the ½ are missing": lambda g, a, b, z: g * z**3,
    "the power is −1, not −3/2": lambda g, a, b, z: -0.5 * g * z**2,
    "the power is −½, not −3/2": lambda g, a, b, z: -0.5 * g * z,
    "the power is −1 and the ½ is missing": lambda g, a, b, z: -g * z**2,
    "it is left out: passed straight through": lambda g, a, b, z: g,
    "it is the derivative of √x, not of 1/√x": lambda g, a, b, z: 0.5 * g * z,
    "the power is −2, not −3/2": lambda g, a, b, z: -0.5 * g * z**4,
    "only −½ is left": lambda g, a, b, z: -0.5 * g,
}
EXP = {
    "eˣ is left out: passed straight through": lambda g, a, b, z: g,
    "it is x·eˣ⁻¹, the rule of a power": lambda g, a, b, z: g * a * torch.exp(a - 1),
    "it is x, not eˣ": lambda g, a, b, z: g * a,
    "it is x·eˣ, not eˣ": lambda g, a, b, z: g * a * z,
    "it is 1/eˣ, not eˣ": lambda g, a, b, z: g / z,
    "it is e^(eˣ): exp applied twice": lambda g, a, b, z: g * torch.exp(z),
    "it is e²ˣ, eˣ twice": lambda g, a, b, z: g * z**2,
}
LOG = {
    "1/x is left out: passed straight through": lambda g, a, b, z: g,
    "it is x, not 1/x": lambda g, a, b, z: g * a,
    "it is log x, not 1/x": lambda g, a, b, z: g * z,
    "it is 1/log x, not 1/x": lambda g, a, b, z: g / z,
    "it is 1/x², not 1/x": lambda g, a, b, z: g / a**2,
    "it is the derivative of log₂": lambda g, a, b, z: g / (a * 0.6931471805599453),
    "it is the derivative of log₁₀": lambda g, a, b, z: g / (a * 2.302585092994046),
}
RELU = {
    "the mask is left out: passed straight through": lambda g, a, b, z: g,
    "the mask is inverted": lambda g, a, b, z: g * (a <= 0),
    "the mask is taken from the gradient, not from the input": lambda g, a, b, z: g * (g > 0),
    "the mask is taken from both the gradient and the input": lambda g, a, b, z: g * (g > 0) * (a > 0),
    "it is the output, not the mask": lambda g, a, b, z: g * z,
    "it is the sign, not the mask": lambda g, a, b, z: g * torch.sign(a),
}
ABS = {
    "the sign is left out: passed straight through": lambda g, a, b, z: g,
    "it is x, not its sign": lambda g, a, b, z: g * a,
    "it is |x|, not the sign of x": lambda g, a, b, z: g * z,
    "it is 2x, the derivative of x²": lambda g, a, b, z: g * 2 * a,
    "it is 1 where x is positive and 0 elsewhere": lambda g, a, b, z: g * _positive(a),
}
ERF = {
    "the factor 2/√π is missing": lambda g, a, b, z: g * torch.exp(-(a**2)),
    "e^(−x²) is left out": lambda g, a, b, z: g * 1.1283791670955126,
    "it is the normal density φ(x): e^(−x²/2)/√(2π)": lambda g, a, b, z: (
        g * torch.exp(-(a**2) / 2) / 2.5066282746310002
    ),
    "e^(−x²/2) stands for e^(−x²)": lambda g, a, b, z: g * torch.exp(-(a**2) / 2) * 1.1283791670955126,
    "it is 1 − erf², the derivative of tanh": lambda g, a, b, z: g * (1 - z**2),
    "it is left out: passed straight through": lambda g, a, b, z: g,
    "the sign of the exponent is wrong": lambda g, a, b, z: g * torch.exp(a**2) * 1.1283791670955126,
}
NUMERATOR = {
    "it is not divided": lambda g, a, b, z: g,
    "it is multiplied, not divided": lambda g, a, b, z: g * b,
    "it is divided twice": lambda g, a, b, z: g / b**2,
    "the quotient itself stands for 1/denominator": lambda g, a, b, z: g * z,
}
DENOMINATOR = {
    "the denominator is not squared": lambda g, a, b, z: -g * b / a,
    "the minus sign is missing": lambda g, a, b, z: g * b / a**2,
    "the numerator is missing": lambda g, a, b, z: -g / a**2,
    "the numerator is missing and the denominator is not squared": lambda g, a, b, z: -g / a,
    "the minus sign is missing and the denominator is not squared": lambda g, a, b, z: g * b / a,
    "it is −numerator: the denominator is missing": lambda g, a, b, z: -g * b,
    "the denominator is cubed": lambda g, a, b, z: -g * b / a**3,
    "it is passed straight through": lambda g, a, b, z: g,
    "it is minus the gradient: the quotient is missing": lambda g, a, b, z: -g,
    "it is −quotient: the division by the denominator is missing": lambda g, a, b, z: -g * z,
}
RECIPROCAL = {
    "the minus sign is missing": lambda g, a, b, z: g * z**2,
    "it is −1/x, not −1/x²": lambda g, a, b, z: -g * z,
    "it is 1/x, not −1/x²": lambda g, a, b, z: g * z,
    "it is left out: passed straight through": lambda g, a, b, z: g,
}
FACTOR = {
    "the other factor is left out": lambda g, a, b, z: g,
    "its own factor stands for the other one": lambda g, a, b, z: g * a,
    "the product itself stands for the other factor": lambda g, a, b, z: g * z,
    "the other factor divides, it does not multiply": lambda g, a, b, z: g / b,
    "the other factor is there twice": lambda g, a, b, z: g * b * b,
}
LOG1P = {
    "it is 1/x, not 1/(1 + x)": lambda g, a, b, z: g / a,
    "it is left out: passed straight through": lambda g, a, b, z: g,
}
SIN = {
    "it is −cos, not cos": lambda g, a, b, z: -g * torch.cos(a),
    "it is sin, not cos": lambda g, a, b, z: g * z,
    "it is left out: passed straight through": lambda g, a, b, z: g,
}
COS = {
    "the minus sign is missing": lambda g, a, b, z: g * torch.sin(a),
    "it is cos, not −sin": lambda g, a, b, z: g * z,
    "it is left out: passed straight through": lambda g, a, b, z: g,
}
EXPM1 = {"it is eˣ − 1, not eˣ": lambda g, a, b, z: g * z}
LEFT_OUT = {"it is left out: passed straight through": lambda g, a, b, z: g}
SIGN_LOST = {"the minus sign is missing": lambda g, a, b, z: g}

RARE = {"it is 1/x, not 1/(1 + x)"}  # behind exp it is the same as a whole softplus passed straight through

TABLE: dict[str, tuple[dict[str, Wrong], ...]] = {
    "tanh": (TANH,),
    "sigmoid": (SIGMOID,),
    "pow": (POWER,),
    "sqrt": (ROOT,),
    "rsqrt": (INVERSE_ROOT,),
    "exp": (EXP,),
    "expm1": (EXPM1,),
    "log": (LOG,),
    "log1p": (LOG1P,),
    "relu": (RELU,),
    "abs": (ABS,),
    "erf": (ERF,),
    "div": (NUMERATOR, DENOMINATOR),
    "reciprocal": (RECIPROCAL,),
    "mul": (FACTOR, FACTOR),
    "sin": (SIN,),
    "cos": (COS,),
    "neg": (SIGN_LOST,),
    "sub": ({}, SIGN_LOST),
    "clamp": (LEFT_OUT,),
    "clamp_min": (LEFT_OUT,),
    "clamp_max": (LEFT_OUT,),
    "where": ({}, LEFT_OUT, LEFT_OUT),
    "maximum": (LEFT_OUT, LEFT_OUT),
    "minimum": (LEFT_OUT, LEFT_OUT),
}


def wrong_rules(at: Local) -> dict[str, Callable[[Local], Any]]:
    """The wrong derivatives of one step for one operand, by what is said of them."""
    tables = TABLE.get(at.step.op, ())
    table = tables[at.position] if at.position < len(tables) else {}
    found = {says: _rule(wrong) for says, wrong in table.items()}
    return found | of_operation(at)


def _rule(wrong: Wrong) -> Callable[[Local], Any]:
    return lambda at: wrong(at.gradient, at.operand, _other(at), at.out)

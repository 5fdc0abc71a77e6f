"""What is written where a local derivative belongs: by operation and operand, the usual mistakes and their names.

Each entry gives, from the gradient g, the operand a, the other operand b and the output z of a step, what is passed on.
"""

from collections.abc import Callable
from typing import Any

import torch

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.local import Local
from bpcompare.marker.hypotheses.graph_changes.wrong_operations import of_operation
from bpcompare.marker.phrases import Words

Wrong = Callable[[Any, Any, Any, Any], Any]


def _other(at: Local) -> Any:
    return at.other if len(at.args) > 1 else None


def _positive(z: Any) -> Any:
    return (z > 0).to(z.dtype)


TANH: dict[Words, Wrong] = {
    N_("1 − t² is left out: passed straight through"): lambda g, a, b, z: g,
    N_("it is t, not 1 − t²"): lambda g, a, b, z: g * z,
    N_("it is 1 − t, not 1 − t²"): lambda g, a, b, z: g * (1 - z),
    N_("it is t², not 1 − t²"): lambda g, a, b, z: g * z**2,
    N_("it is t² − 1, not 1 − t²"): lambda g, a, b, z: g * (z**2 - 1),
    N_("it is 1 + t², not 1 − t²"): lambda g, a, b, z: g * (1 + z**2),
    N_("it is t(1 − t), the sigmoid's, not 1 − t²"): lambda g, a, b, z: g * z * (1 - z),
    N_("it is 1 − x² with the input x, not with the output t"): lambda g, a, b, z: g * (1 - a**2),
    N_("tanh is applied twice: 1 − tanh²(t), not 1 − t²"): lambda g, a, b, z: g * (1 - torch.tanh(z) ** 2),
    N_("(1 − t²)² stands for 1 − t²"): lambda g, a, b, z: g * (1 - z**2) ** 2,
}
SIGMOID: dict[Words, Wrong] = {
    N_("s(1 − s) is left out: passed straight through"): lambda g, a, b, z: g,
    N_("it is s, not s(1 − s)"): lambda g, a, b, z: g * z,
    N_("it is 1 − s, not s(1 − s)"): lambda g, a, b, z: g * (1 - z),
    N_("it is s², not s(1 − s)"): lambda g, a, b, z: g * z**2,
    N_("it is 1 − s², the derivative of tanh, not s(1 − s)"): lambda g, a, b, z: g * (1 - z**2),
    N_("it is z(1 − z) with the input z, not with the output s"): lambda g, a, b, z: g * a * (1 - a),
    N_("it is s(1 + s), not s(1 − s)"): lambda g, a, b, z: g * z * (1 + z),
    N_("it is s(s − 1), not s(1 − s)"): lambda g, a, b, z: g * z * (z - 1),
    N_("σ is applied twice: s′(1 − s′) with s′ = σ(s)"): lambda g, a, b, z: (
        g * torch.sigmoid(z) * (1 - torch.sigmoid(z))
    ),
    N_("s(1 − s) is applied twice"): lambda g, a, b, z: g * (z * (1 - z)) ** 2,
    N_("it is z·s with the input z, not s(1 − s)"): lambda g, a, b, z: g * a * z,
}
POWER: dict[Words, Wrong] = {
    N_("the exponent is not multiplied"): lambda g, a, b, z: g * a ** (b - 1),
    N_("the exponent is not lowered"): lambda g, a, b, z: g * b * a**b,
    N_("the power itself stands for its derivative"): lambda g, a, b, z: g * z,
    N_("it is left out: passed straight through"): lambda g, a, b, z: g,
    N_("only the exponent is multiplied"): lambda g, a, b, z: g * b,
    N_("the exponent is lowered by two"): lambda g, a, b, z: g * b * a ** (b - 2),
    N_("the sign of the base is lost"): lambda g, a, b, z: g * b * abs(a) ** (b - 1),
    N_("it is the derivative of |x|"): lambda g, a, b, z: g * torch.sign(a),
}
ROOT: dict[Words, Wrong] = {
    N_("the factor ½ is missing"): lambda g, a, b, z: g / z,
    N_("it is multiplied by √x, not divided"): lambda g, a, b, z: g * z / 2,
    N_("it is divided by x, not by √x"): lambda g, a, b, z: g / (2 * a),
    N_("it is left out: passed straight through"): lambda g, a, b, z: g,
    N_("only ½ is left"): lambda g, a, b, z: g / 2,
    N_("it is √x itself"): lambda g, a, b, z: g * z,
    N_("it is 2√x, not 1/(2√x)"): lambda g, a, b, z: g * 2 * z,
    N_("it is 1/x, not 1/(2√x)"): lambda g, a, b, z: g / a,
    N_("the sign is wrong and ½ is missing"): lambda g, a, b, z: -g / z,
}
INVERSE_ROOT: dict[Words, Wrong] = {
    N_("the factor ½ is missing"): lambda g, a, b, z: -g * z**3,
    N_("the minus sign is missing"): lambda g, a, b, z: 0.5 * g * z**3,
    N_("the minus sign and the ½ are missing"): lambda g, a, b, z: g * z**3,
    N_("the power is −1, not −3/2"): lambda g, a, b, z: -0.5 * g * z**2,
    N_("the power is −½, not −3/2"): lambda g, a, b, z: -0.5 * g * z,
    N_("the power is −1 and the ½ is missing"): lambda g, a, b, z: -g * z**2,
    N_("it is left out: passed straight through"): lambda g, a, b, z: g,
    N_("it is the derivative of √x, not of 1/√x"): lambda g, a, b, z: 0.5 * g * z,
    N_("the power is −2, not −3/2"): lambda g, a, b, z: -0.5 * g * z**4,
    N_("only −½ is left"): lambda g, a, b, z: -0.5 * g,
}
EXP: dict[Words, Wrong] = {
    N_("eˣ is left out: passed straight through"): lambda g, a, b, z: g,
    N_("it is x·eˣ⁻¹, the rule of a power"): lambda g, a, b, z: g * a * torch.exp(a - 1),
    N_("it is x, not eˣ"): lambda g, a, b, z: g * a,
    N_("it is x·eˣ, not eˣ"): lambda g, a, b, z: g * a * z,
    N_("it is 1/eˣ, not eˣ"): lambda g, a, b, z: g / z,
    N_("it is e^(eˣ): exp applied twice"): lambda g, a, b, z: g * torch.exp(z),
    N_("it is e²ˣ, eˣ twice"): lambda g, a, b, z: g * z**2,
}
LOG: dict[Words, Wrong] = {
    N_("1/x is left out: passed straight through"): lambda g, a, b, z: g,
    N_("it is x, not 1/x"): lambda g, a, b, z: g * a,
    N_("it is log x, not 1/x"): lambda g, a, b, z: g * z,
    N_("it is 1/log x, not 1/x"): lambda g, a, b, z: g / z,
    N_("it is 1/x², not 1/x"): lambda g, a, b, z: g / a**2,
    N_("it is the derivative of log₂"): lambda g, a, b, z: g / (a * 0.6931471805599453),
    N_("it is the derivative of log₁₀"): lambda g, a, b, z: g / (a * 2.302585092994046),
}
RELU: dict[Words, Wrong] = {
    N_("the mask is left out: passed straight through"): lambda g, a, b, z: g,
    N_("the mask is inverted"): lambda g, a, b, z: g * (a <= 0),
    N_("the mask is taken from the gradient, not from the input"): lambda g, a, b, z: g * (g > 0),
    N_("the mask is taken from both the gradient and the input"): lambda g, a, b, z: g * (g > 0) * (a > 0),
    N_("it is the output, not the mask"): lambda g, a, b, z: g * z,
    N_("it is the sign, not the mask"): lambda g, a, b, z: g * torch.sign(a),
}
ABS: dict[Words, Wrong] = {
    N_("the sign is left out: passed straight through"): lambda g, a, b, z: g,
    N_("it is x, not its sign"): lambda g, a, b, z: g * a,
    N_("it is |x|, not the sign of x"): lambda g, a, b, z: g * z,
    N_("it is 2x, the derivative of x²"): lambda g, a, b, z: g * 2 * a,
    N_("it is 1 where x is positive and 0 elsewhere"): lambda g, a, b, z: g * _positive(a),
}
ERF: dict[Words, Wrong] = {
    N_("the factor 2/√π is missing"): lambda g, a, b, z: g * torch.exp(-(a**2)),
    N_("e^(−x²) is left out"): lambda g, a, b, z: g * 1.1283791670955126,
    N_("it is the normal density φ(x): e^(−x²/2)/√(2π)"): lambda g, a, b, z: (
        g * torch.exp(-(a**2) / 2) / 2.5066282746310002
    ),
    N_("e^(−x²/2) stands for e^(−x²)"): lambda g, a, b, z: g * torch.exp(-(a**2) / 2) * 1.1283791670955126,
    N_("it is 1 − erf², the derivative of tanh"): lambda g, a, b, z: g * (1 - z**2),
    N_("it is left out: passed straight through"): lambda g, a, b, z: g,
    N_("the sign of the exponent is wrong"): lambda g, a, b, z: g * torch.exp(a**2) * 1.1283791670955126,
}
NUMERATOR: dict[Words, Wrong] = {
    N_("it is not divided"): lambda g, a, b, z: g,
    N_("it is multiplied, not divided"): lambda g, a, b, z: g * b,
    N_("it is divided twice"): lambda g, a, b, z: g / b**2,
    N_("the quotient itself stands for 1/denominator"): lambda g, a, b, z: g * z,
}
DENOMINATOR: dict[Words, Wrong] = {
    N_("the denominator is not squared"): lambda g, a, b, z: -g * b / a,
    N_("the minus sign is missing"): lambda g, a, b, z: g * b / a**2,
    N_("the numerator is missing"): lambda g, a, b, z: -g / a**2,
    N_("the numerator is missing and the denominator is not squared"): lambda g, a, b, z: -g / a,
    N_("the minus sign is missing and the denominator is not squared"): lambda g, a, b, z: g * b / a,
    N_("it is −numerator: the denominator is missing"): lambda g, a, b, z: -g * b,
    N_("the denominator is cubed"): lambda g, a, b, z: -g * b / a**3,
    N_("it is passed straight through"): lambda g, a, b, z: g,
    N_("it is minus the gradient: the quotient is missing"): lambda g, a, b, z: -g,
}
RECIPROCAL: dict[Words, Wrong] = {
    N_("the minus sign is missing"): lambda g, a, b, z: g * z**2,
    N_("it is −1/x, not −1/x²"): lambda g, a, b, z: -g * z,
    N_("it is 1/x, not −1/x²"): lambda g, a, b, z: g * z,
    N_("it is left out: passed straight through"): lambda g, a, b, z: g,
}
FACTOR: dict[Words, Wrong] = {
    N_("the other factor is left out"): lambda g, a, b, z: g,
    N_("its own factor stands for the other one"): lambda g, a, b, z: g * a,
    N_("the product itself stands for the other factor"): lambda g, a, b, z: g * z,
    N_("the other factor divides, it does not multiply"): lambda g, a, b, z: g / b,
    N_("the other factor is there twice"): lambda g, a, b, z: g * b * b,
}
LOG1P: dict[Words, Wrong] = {
    N_("it is 1/x, not 1/(1 + x)"): lambda g, a, b, z: g / a,
    N_("it is left out: passed straight through"): lambda g, a, b, z: g,
}
SIN: dict[Words, Wrong] = {
    N_("it is −cos, not cos"): lambda g, a, b, z: -g * torch.cos(a),
    N_("it is sin, not cos"): lambda g, a, b, z: g * z,
    N_("it is left out: passed straight through"): lambda g, a, b, z: g,
}
COS: dict[Words, Wrong] = {
    N_("the minus sign is missing"): lambda g, a, b, z: g * torch.sin(a),
    N_("it is cos, not −sin"): lambda g, a, b, z: g * z,
    N_("it is left out: passed straight through"): lambda g, a, b, z: g,
}
EXPM1: dict[Words, Wrong] = {N_("it is eˣ − 1, not eˣ"): lambda g, a, b, z: g * z}
LEFT_OUT: dict[Words, Wrong] = {N_("it is left out: passed straight through"): lambda g, a, b, z: g}
SIGN_LOST: dict[Words, Wrong] = {N_("the minus sign is missing"): lambda g, a, b, z: g}

RARE = {"it is 1/x, not 1/(1 + x)"}  # behind exp it is the same as a whole softplus passed straight through

TABLE: dict[str, tuple[dict[Words, Wrong], ...]] = {
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


def wrong_rules(at: Local) -> dict[Words, Callable[[Local], Any]]:
    """The wrong derivatives of one step for one operand, by what is said of them."""
    tables = TABLE.get(at.step.op, ())
    table: dict[Words, Wrong] = tables[at.position] if at.position < len(tables) else {}
    found = {says: _rule(wrong) for says, wrong in table.items()}
    return found | of_operation(at)


def _rule(wrong: Wrong) -> Callable[[Local], Any]:
    return lambda at: wrong(at.gradient, at.operand, _other(at), at.out)

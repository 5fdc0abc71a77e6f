"""The one table of operations: the value, and each local derivative as numbers, as text and as LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bpcompare.graph.operation import Array, Operation, Partial


def _stable_sigmoid(a: Array) -> Array:
    small = np.exp(-np.abs(a))  # never above 1, so nothing overflows
    return np.where(a >= 0, 1.0, small) / (1.0 + small)


def _matmul_left(grad: Array, out: Array, a: Array, b: Array) -> Array:
    rows, columns = _as_matrices(a, b)
    product: Array = grad.reshape(len(rows), columns.shape[1]) @ columns.T
    return product.reshape(a.shape)


def _matmul_right(grad: Array, out: Array, a: Array, b: Array) -> Array:
    rows, columns = _as_matrices(a, b)
    product: Array = rows.T @ grad.reshape(len(rows), columns.shape[1])
    return product.reshape(b.shape)


def _as_matrices(a: Array, b: Array) -> tuple[Array, Array]:
    """A vector on the left is a row, on the right a column."""
    return a if a.ndim == 2 else a[None, :], b if b.ndim == 2 else b[:, None]


def _product(left: tuple[str, str], right: tuple[str, str]) -> Operation:
    """A matrix product; how its derivatives are written depends on which of the two is a vector."""
    partials = Partial(_matmul_left, *left), Partial(_matmul_right, *right)
    return _row("matmul", lambda a, b: a @ b, "$a @ $b", r"$a\, $b", *partials)


def _mean_square(a: Array, b: Array) -> Array:
    residual = a - b
    total: Array = np.add.reduce(residual * residual, None)  # half the time of residual.mean()
    return total / residual.size


def _spread(grad: Array, a: Array) -> Array:
    return np.full(a.shape, grad, a.dtype)


def _row(
    name: str,
    value: Callable[..., Array],
    text: str,
    latex: str,
    *partials: Partial,
    kink: Callable[..., bool] | None = None,
) -> Operation:
    return Operation(name, value, text, latex, partials, kink)


def _ranked(name: str, value: Callable[..., Array], sign: str) -> Operation:
    """Max or min: the gradient goes to the argument that was chosen, half to each when they are equal."""

    def share(grad: Array, chosen: Array, other: Array) -> Array:
        difference = chosen - other if sign == ">" else other - chosen
        part: Array = grad * np.heaviside(difference, 0.5)
        return part

    text = f"($a {sign} $b) + ½·($a == $b)", f"($b {sign} $a) + ½·($a == $b)"
    latex = [rf"[${p} {sign} ${q}] + \frac{{1}}{{2}} [$a = $b]" for p, q in ("ab", "ba")]
    return _row(
        name,
        value,
        f"{name}($a, $b)",
        rf"\{name}\left($a, $b\right)",
        Partial(lambda g, o, a, b: share(g, a, b), text[0], latex[0]),
        Partial(lambda g, o, a, b: share(g, b, a), text[1], latex[1]),
        kink=lambda a, b: bool(np.any(a == b)),
    )


def _is_zero_somewhere(a: Array) -> bool:
    return bool(np.any(a == 0))


# Laid out as a table: a formula a line.
# fmt: off
_ARITHMETIC = (
    _row(
        "plus", lambda a, b: a + b, "$a + $b", "$a + $b",
        Partial(lambda g, o, a, b: g, "1", "1"),
        Partial(lambda g, o, a, b: g, "1", "1"),
    ),
    _row(
        "minus", lambda a, b: a - b, "$a − $b", "$a - $b",
        Partial(lambda g, o, a, b: g, "1", "1"),
        Partial(lambda g, o, a, b: -g, "−1", "-1"),
    ),
    _row(
        "times", lambda a, b: a * b, "$a·$b", r"$a \cdot $b",
        Partial(lambda g, o, a, b: g * b, "$b", "$b"),
        Partial(lambda g, o, a, b: g * a, "$a", "$a"),
    ),
    _row(
        "divide", lambda a, b: a / b, "$a/$b", r"\frac{$a}{$b}",
        Partial(lambda g, o, a, b: g / b, "1/$b", r"\frac{1}{$b}"),
        Partial(lambda g, o, a, b: -g * a / b**2, "−$a/$b²", r"-\frac{$a}{$b^{2}}"),
    ),
    _row(
        "power", lambda a, b: a**b, "$a^$b", "$a^{$b}",
        Partial(lambda g, o, a, b: g * b * a ** (b - 1), "$b·$a^($b − 1)", r"$b \cdot $a^{$b - 1}"),
        Partial(lambda g, o, a, b: g * o * np.log(a), "$a^$b·log($a)", r"$a^{$b} \cdot \ln\left($a\right)"),
    ),
    _row("same", lambda a: a, "$a", "$a", Partial(lambda g, o, a: g, "1", "1")),
    _row("negative", lambda a: -a, "−$a", "-$a", Partial(lambda g, o, a: -g, "−1", "-1")),
)

_FUNCTIONS = (
    _row(
        "exp", np.exp, "exp($a)", r"\exp\left($a\right)",
        Partial(lambda g, o, a: g * o, "exp($a)", r"\exp\left($a\right)"),
    ),
    _row(
        "log", np.log, "log($a)", r"\ln\left($a\right)",
        Partial(lambda g, o, a: g / a, "1/$a", r"\frac{1}{$a}"),
    ),
    _row(
        "sqrt", np.sqrt, "sqrt($a)", r"\sqrt{$a}",
        Partial(lambda g, o, a: g / (2 * o), "1/(2·sqrt($a))", r"\frac{1}{2 \cdot \sqrt{$a}}"),
    ),
    _row(
        "sin", np.sin, "sin($a)", r"\sin\left($a\right)",
        Partial(lambda g, o, a: g * np.cos(a), "cos($a)", r"\cos\left($a\right)"),
    ),
    _row(
        "cos", np.cos, "cos($a)", r"\cos\left($a\right)",
        Partial(lambda g, o, a: -g * np.sin(a), "−sin($a)", r"-\sin\left($a\right)"),
    ),
    _row(
        "tan", np.tan, "tan($a)", r"\tan\left($a\right)",
        Partial(lambda g, o, a: g * (1 + o * o), "1 + tan($a)²", r"1 + \tan\left($a\right)^{2}"),
    ),
    _row(
        "tanh", np.tanh, "tanh($a)", r"\tanh\left($a\right)",
        Partial(lambda g, o, a: g * (1 - o * o), "1 − tanh($a)²", r"1 - \tanh\left($a\right)^{2}"),
    ),
    _row(
        "sinh", np.sinh, "sinh($a)", r"\sinh\left($a\right)",
        Partial(lambda g, o, a: g * np.cosh(a), "cosh($a)", r"\cosh\left($a\right)"),
    ),
    _row(
        "cosh", np.cosh, "cosh($a)", r"\cosh\left($a\right)",
        Partial(lambda g, o, a: g * np.sinh(a), "sinh($a)", r"\sinh\left($a\right)"),
    ),
    _row(
        "abs", np.abs, "|$a|", r"\left|$a\right|",
        Partial(lambda g, o, a: g * np.sign(a), "sign($a)", r"\mathrm{sign}\left($a\right)"),
        kink=_is_zero_somewhere,
    ),
    _row(
        "sigmoid", _stable_sigmoid, "sigmoid($a)", r"\sigma\left($a\right)",
        Partial(lambda g, o, a: g * o * (1 - o), "$out·(1 − $out)", r"$out \cdot \left(1 - $out\right)"),
    ),
    _row(
        "relu", lambda a: np.maximum(a, 0), "relu($a)", r"\mathrm{relu}\left($a\right)",
        Partial(lambda g, o, a: g * (a > 0), "($a > 0)", "[$a > 0]"),
        kink=_is_zero_somewhere,
    ),
    _ranked("max", np.maximum, ">"),
    _ranked("min", np.minimum, "<"),
)

_OF_ARRAYS = (
    _product(("$grad @ $bᵀ", r"$grad\, $b^{\top}"), ("$aᵀ @ $grad", r"$a^{\top}\, $grad")),
    _row(
        "transpose", lambda a: a.T, "$aᵀ", r"$a^{\top}",
        Partial(lambda g, o, a: g.T, "($grad)ᵀ", r"\left($grad\right)^{\top}"),
    ),
    _row(
        "sum", lambda a: a.sum(), "sum($a)", r"\mathrm{sum}\left($a\right)",
        Partial(lambda g, o, a: _spread(g, a), "1", "1"),
    ),
    _row(
        "mean", lambda a: a.mean(), "mean($a)", r"\mathrm{mean}\left($a\right)",
        Partial(lambda g, o, a: _spread(g / a.size, a), "1/$n", r"\frac{1}{$n}"),
    ),
)

_LAYERS = (
    _row(  # of one number: k·x + b
        "Linear", lambda a, b, c: b * a + c, "$b·$a + $c", r"$b \cdot $a + $c",
        Partial(lambda g, o, a, b, c: g * b, "$b", "$b"),
        Partial(lambda g, o, a, b, c: g * a, "$a", "$a"),
        Partial(lambda g, o, a, b, c: g, "1", "1"),
    ),
    _row(  # x (N, in), weight (out, in), bias (out,), as in torch.nn.Linear
        "Linear of arrays", lambda a, b, c: a.dot(b.T) + c, "$a @ $bᵀ + $c", r"$a\, $b^{\top} + $c",
        Partial(lambda g, o, a, b, c: g.dot(b), "$grad @ $b", r"$grad\, $b"),
        Partial(lambda g, o, a, b, c: g.T.dot(a), "($grad)ᵀ @ $a", r"\left($grad\right)^{\top} $a"),
        Partial(lambda g, o, a, b, c: np.add.reduce(g), "sum($grad, axis=0)", r"\sum_{i} \left($grad\right)_{i}"),
    ),
    _row(  # of one number
        "MSE", lambda a, b: (a - b) ** 2, "($a − $b)²", r"\left($a - $b\right)^{2}",
        Partial(lambda g, o, a, b: g * 2 * (a - b), "2·($a − $b)", r"2 \cdot \left($a - $b\right)"),
        Partial(lambda g, o, a, b: g * -2 * (a - b), "−2·($a − $b)", r"-2 \cdot \left($a - $b\right)"),
    ),
    _row(
        "MSE of arrays", _mean_square, "mean(($a − $b)²)", r"\mathrm{mean}\left(\left($a - $b\right)^{2}\right)",
        Partial(
            lambda g, o, a, b: (a - b) * (g * (2 / a.size)),
            "2·($a − $b)/$n",
            r"\frac{2}{$n} \cdot \left($a - $b\right)",
        ),
        Partial(
            lambda g, o, a, b: (a - b) * (g * (-2 / a.size)),
            "−2·($a − $b)/$n",
            r"-\frac{2}{$n} \cdot \left($a - $b\right)",
        ),
    ),
)

# fmt: on

TIMES_OF_ARRAYS = replace(_ARITHMETIC[2], text="$a ⊙ $b", latex=r"$a \odot $b")
MATMUL = {  # by the number of axes of the two
    (2, 1): _product(("outer($grad, $b)", r"$grad \otimes $b"), ("$aᵀ @ $grad", r"$a^{\top}\, $grad")),
    (1, 2): _product(("$grad @ $bᵀ", r"$grad\, $b^{\top}"), ("outer($a, $grad)", r"$a \otimes $grad")),
    (1, 1): _product(("$b", "$b"), ("$a", "$a")),
}

TABLE = {row.name: row for row in (*_ARITHMETIC, *_FUNCTIONS, *_OF_ARRAYS, *_LAYERS)}

ALIASES = {"σ": "sigmoid", "ln": "log"}  # as they are printed

# What a learner may call. Sigmoid is the layer, sigmoid the function: the same row.
FUNCTIONS = {row.name: row for row in (*_FUNCTIONS, *_OF_ARRAYS, TABLE["Linear"], TABLE["MSE"])} | {
    "Sigmoid": TABLE["sigmoid"]
}

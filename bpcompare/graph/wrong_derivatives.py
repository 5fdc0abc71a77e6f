"""What is often written in place of a local derivative: a table next to that of the right ones.

In the formulas ``$a``, ``$b``, ``$out`` and ``$grad`` stand for what they stand for in ``operations``; ``$rows``,
``$columns`` and ``$gradient`` for those words.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpcompare.graph.operation import Array, Operation, Partial
from bpcompare.graph.powers import to_the
from bpcompare.language import N_


def _wrong(text: str, pull_back: Callable[..., Array]) -> Partial:
    return Partial(pull_back, text, "")


# Laid out as a table: a formula a line, the right one of ``operations`` in mind.
# fmt: off
WRONG: dict[str, tuple[tuple[Partial, ...], ...]] = {
    "times": (
        (_wrong("$a", lambda g, o, a, b: g * a), _wrong("$a·$b", lambda g, o, a, b: g * o)),
        (_wrong("$b", lambda g, o, a, b: g * b), _wrong("$a·$b", lambda g, o, a, b: g * o)),
    ),
    "divide": (
        (
            _wrong("$b", lambda g, o, a, b: g * b),
            _wrong("$a/$b", lambda g, o, a, b: g * o),
            _wrong("1/$b²", lambda g, o, a, b: g / b**2),
        ),
        (
            _wrong("−1/$b²", lambda g, o, a, b: -g / b**2),
            _wrong("−$a/$b", lambda g, o, a, b: -g * a / b),
            _wrong("$a", lambda g, o, a, b: g * a),
            _wrong("−$a", lambda g, o, a, b: -g * a),
            _wrong("1/$b²", lambda g, o, a, b: g / b**2),
            _wrong("1/$b", lambda g, o, a, b: g / b),
            _wrong("$a/$b", lambda g, o, a, b: g * o),
        ),
    ),
    "power": (
        (
            _wrong("$a^($b − 1)", lambda g, o, a, b: g * a ** (b - 1)),
            _wrong("$b·$a^$b", lambda g, o, a, b: g * b * o),
            _wrong("$a^$b", lambda g, o, a, b: g * o),
            _wrong("$b·$a", lambda g, o, a, b: g * b * a),
            _wrong("$a^$b·log($a)", lambda g, o, a, b: g * o * np.log(a)),
        ),
        (
            _wrong("$a^$b", lambda g, o, a, b: g * o),
            _wrong("$b·$a^($b − 1)", lambda g, o, a, b: g * b * a ** (b - 1)),
            _wrong("log($a)", lambda g, o, a, b: g * np.log(a)),
        ),
    ),
    "exp": ((
        _wrong("$a·exp($a − 1)", lambda g, o, a: g * a * np.exp(a - 1)),
        _wrong("$a·exp($a)", lambda g, o, a: g * a * o),
        _wrong("$a", lambda g, o, a: g * a),
    ),),
    "log": ((
        _wrong("log($a)", lambda g, o, a: g * o),
        _wrong("$a", lambda g, o, a: g * a),
        _wrong("1/$a²", lambda g, o, a: g / a**2),
        _wrong("1/log($a)", lambda g, o, a: g / o),
    ),),
    "sqrt": ((
        _wrong("1/sqrt($a)", lambda g, o, a: g / o),
        _wrong("sqrt($a)/2", lambda g, o, a: g * o / 2),
        _wrong("sqrt($a)", lambda g, o, a: g * o),
        _wrong("1/(2·$a)", lambda g, o, a: g / (2 * a)),
        _wrong("½", lambda g, o, a: g / 2),
        _wrong("2·sqrt($a)", lambda g, o, a: g * 2 * o),
    ),),
    "sin": ((_wrong("sin($a)", lambda g, o, a: g * o),),),
    "cos": ((_wrong("cos($a)", lambda g, o, a: g * o),),),
    "tan": ((
        _wrong("1 − tan($a)²", lambda g, o, a: g * (1 - o * o)),
        _wrong("tan($a)²", lambda g, o, a: g * o * o),
        _wrong("1/cos($a)", lambda g, o, a: g / np.cos(a)),
        _wrong("1 + tan($a)", lambda g, o, a: g * (1 + o)),
        _wrong("tan($a)", lambda g, o, a: g * o),
        _wrong("cos($a)²", lambda g, o, a: g * np.cos(a) ** 2),
    ),),
    "tanh": ((
        _wrong("1 − tanh($a)", lambda g, o, a: g * (1 - o)),
        _wrong("tanh($a)²", lambda g, o, a: g * o * o),
        _wrong("1 + tanh($a)²", lambda g, o, a: g * (1 + o * o)),
        _wrong("tanh($a)·(1 − tanh($a))", lambda g, o, a: g * o * (1 - o)),
        _wrong("tanh($a)", lambda g, o, a: g * o),
    ),),
    "sinh": ((_wrong("sinh($a)", lambda g, o, a: g * o), _wrong("cos($a)", lambda g, o, a: g * np.cos(a))),),
    "cosh": ((_wrong("cosh($a)", lambda g, o, a: g * o), _wrong("sin($a)", lambda g, o, a: g * np.sin(a))),),
    "abs": ((_wrong("|$a|", lambda g, o, a: g * o), _wrong("$a", lambda g, o, a: g * a)),),
    "sigmoid": ((
        _wrong("$out", lambda g, o, a: g * o),
        _wrong("1 − $out", lambda g, o, a: g * (1 - o)),
        _wrong("$out²", lambda g, o, a: g * o * o),
        _wrong("$out·(1 + $out)", lambda g, o, a: g * o * (1 + o)),
        _wrong("1 − $out²", lambda g, o, a: g * (1 - o * o)),
        _wrong("σ($out)·(1 − σ($out))", lambda g, o, a: g * (s := 1 / (1 + np.exp(-o))) * (1 - s)),
    ),),
    "relu": ((
        _wrong("$out", lambda g, o, a: g * o),
        _wrong("($a < 0)", lambda g, o, a: g * (a < 0)),
        _wrong("($gradient > 0)", lambda g, o, a: g * (g > 0)),
        _wrong("($gradient > 0)·($a > 0)", lambda g, o, a: g * (g > 0) * (a > 0)),
    ),),
    "max": (
        (_wrong(N_("the other argument's share"), lambda g, o, a, b: g * (a < b)),),
        (_wrong(N_("the other argument's share"), lambda g, o, a, b: g * (a > b)),),
    ),
    "min": (
        (_wrong(N_("the other argument's share"), lambda g, o, a, b: g * (a > b)),),
        (_wrong(N_("the other argument's share"), lambda g, o, a, b: g * (a < b)),),
    ),
    "sum": ((_wrong("1/$n", lambda g, o, a: np.full(a.shape, g / a.size)),),),
    "mean": (tuple(
        _wrong(text, lambda g, o, a, axis=axis: np.full(a.shape, g / (a.shape[axis] if a.ndim > axis else 1)))
        for axis, text in ((0, "1/($rows)"), (1, "1/($columns)"))
    ),),
    "MSE": tuple(
        (
            _wrong(f"{sign}($a − $b)", lambda g, o, a, b, s=s: g * s * (a - b)),
            _wrong(f"{sign}2·($a + $b)", lambda g, o, a, b, s=s: g * s * 2 * (a + b)),
            _wrong("($a − $b)²", lambda g, o, a, b: g * o),
        )
        for sign, s in (("", 1), ("−", -1))
    ),
    "MSE of arrays": tuple(
        (
            _wrong(f"{sign}2·($a − $b)", lambda g, o, a, b, s=s: g * s * 2 * (a - b)),
            _wrong(f"{sign}($a − $b)/$n", lambda g, o, a, b, s=s: g * s * (a - b) / a.size),
            _wrong(f"{sign}($a − $b)", lambda g, o, a, b, s=s: g * s * (a - b)),
            _wrong(f"{sign}2·($a − $b)/($rows)", lambda g, o, a, b, s=s: g * s * 2 * (a - b) / len(a)),
        )
        for sign, s in (("", 1), ("−", -1))
    ),
    "Linear": (
        (_wrong("$a", lambda g, o, a, b, c: g * a), _wrong("$out", lambda g, o, a, b, c: g * o)),
        (_wrong("$b", lambda g, o, a, b, c: g * b), _wrong("$out", lambda g, o, a, b, c: g * o)),
        (_wrong("$c", lambda g, o, a, b, c: g * c),),
    ),
    "Linear of arrays": (
        (_wrong("$grad @ $bᵀ", lambda g, o, a, b, c: g @ b.T),),
        (
            _wrong("(($grad)ᵀ @ $a)/($rows)", lambda g, o, a, b, c: g.T @ a / len(a)),
            _wrong("$aᵀ @ $grad", lambda g, o, a, b, c: a.T @ g),
        ),
        (
            _wrong("mean($grad, axis=0)", lambda g, o, a, b, c: g.mean(0)),
            _wrong(N_("the first row of $grad"), lambda g, o, a, b, c: g[0]),
            _wrong(N_("the last row of $grad"), lambda g, o, a, b, c: g[-1]),
        ),
    ),
    "matmul": (
        (
            _wrong("$grad @ $b", lambda g, o, a, b: g @ b),
            _wrong("$b @ $grad", lambda g, o, a, b: b @ g),
            _wrong("$bᵀ @ $grad", lambda g, o, a, b: b.T @ g),
            _wrong("$b @ ($grad)ᵀ", lambda g, o, a, b: b @ g.T),
            _wrong("outer($b, $grad)", lambda g, o, a, b: np.outer(b, g)),
        ),
        (
            _wrong("$a @ $grad", lambda g, o, a, b: a @ g),
            _wrong("$grad @ $a", lambda g, o, a, b: g @ a),
            _wrong("$grad @ $aᵀ", lambda g, o, a, b: g @ a.T),
            _wrong("($grad)ᵀ @ $a", lambda g, o, a, b: g.T @ a),
            _wrong("outer($grad, $a)", lambda g, o, a, b: np.outer(g, a)),
        ),
    ),
}
# fmt: on


def wrong_powers(n: float) -> tuple[Partial, ...]:
    """What is written in place of n·aⁿ⁻¹: the exponent not multiplied, not lowered, both, or the power lost.

    Example:
        >>> [partial.text for partial in wrong_powers(2.0)]
        ['$a', '2·$a²', '$a²', '2', '2·$a³', '$a³/3']
    """
    factor, lowered, same, higher = _number(n), *(to_the(power).text for power in (n - 1, n, n + 1))
    times_n = "" if n == 1 else f"{factor}·"
    written = (
        (1.0, n - 1, lowered),
        (n, n, times_n + same),
        (1.0, n, same),
        (n, 0.0, factor),
        (n, 1.0, times_n + "$a"),
        (1.0, 1.0, "$a"),
        (n - 1, n - 1, f"{_number(n - 1)}·{lowered}"),
        (n, n + 1, times_n + higher),
        *([(1 / (n + 1), n + 1, f"{higher}/{_number(n + 1)}")] if n != -1 else []),
    )
    found: dict[tuple[float, float], Partial] = {}
    for times, power, text in written:
        if times and (times, power) not in ((n, n - 1), (1, 0)):  # not the right one, nor left out
            found.setdefault((times, power), _wrong(text, _monomial(times, power)))
    return tuple(found.values())


def _monomial(times: float, power: float) -> Callable[..., Array]:
    return lambda g, o, a: g * times * a**power


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def wrong_partials(operation: Operation, position: int) -> tuple[Partial, ...]:
    """What is often written in place of the derivative of ``operation`` by its argument at ``position``.

    Example:
        >>> from bpcompare.graph.operations import TABLE
        >>> [partial.text for partial in wrong_partials(TABLE["sigmoid"], 0)][:2]
        ['$out', '1 − $out']
    """
    if operation.name == "to_the":
        return wrong_powers(operation.exponent)
    rows = WRONG.get(operation.name, ())
    return rows[position] if position < len(rows) else ()

"""What a factor means: the names of the mistakes it is made of."""

from bpcompare.marker.explanation import Explanation
from bpcompare.marker.factors import POWERS, Factor

# Mistakes that bring a shape of their own with them.
SHAPED = frozenset(
    [
        "transposed",
        "reshaped-for-transposed",
        "summed-to-one-number",
        "summed-over-outputs",
        "summed-over-features",
        "summed-over-wrong-axis",
        "entry-by-entry-product",
        "not-summed-over-batch",
        "x-forgotten",
        "diagonal-only",
        "x-left-in",
        "broadcast-n-by-n",
        "always-zero",
        "zero-for-one-sample",
        "swapped",
        "nan-or-inf",
        "same-numbers-always",
        "one-call-late",
        "accumulated",
        "momentum",
        "first-entry-only",
        "wrong-shape",
        "unknown",
        "y-for-x",
        "prediction-for-x",
        "gradient-by-x",
        "gradient-by-prediction",
    ]
)


def names(explanation: Explanation) -> tuple[str, ...]:
    """Every mistake of an explanation, those of its factor included.

    Example:
        >>> names(Explanation((), 1.0, Factor(-1.0, (("N", 1),))))
        ('sign', 'summed-not-averaged')
    """
    factor = explanation.factor
    if factor is None or factor == Factor():
        return explanation.mistakes
    return tuple(dict.fromkeys(explanation.mistakes + _constant(factor) + _sizes(factor)))


def _constant(factor: Factor) -> tuple[str, ...]:
    sign = ("sign",) if factor.constant < 0 else ()
    size = abs(factor.constant)
    if not factor.plain:
        hard_coded = dict(factor.powers).get("N", 0) > 0
        return (*sign, "hard-coded-N" if hard_coded else "constant-factor")
    return sign + {1.0: (), 0.5: ("factor-2-missing",), 2.0: ("factor-2-doubled",)}.get(size, ("wrong-constant",))


def _sizes(factor: Factor) -> tuple[str, ...]:
    if not factor.plain and dict(factor.powers) in ({"N": 1}, {"N": 1, "out": 1}):
        return ()  # the constant stands for them
    return POWERS.get(frozenset(factor.powers), ("wrong-size-factor",))

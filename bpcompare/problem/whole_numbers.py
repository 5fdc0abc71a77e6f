"""Whole numbers that a user gives – counts, widths, seeds – checked, or refused in one sentence."""

import operator

from bpcompare.errors import InputError
from bpcompare.language import _

LARGEST_COUNT = 2**63 - 1  # what 64 bits hold
SEEDS = (-(2**63), 2**64 - 1)  # what `torch.Generator.manual_seed` takes


def whole_number(name: str, value: object, least: int = 1, most: int = LARGEST_COUNT) -> int:
    """``value`` as a Python int, whether it came as one, from NumPy or from PyTorch.

    Raises:
        InputError: It is not a whole number from ``least`` to ``most``; True, False and 5.0 are none.

    Example:
        >>> whole_number("epochs", 5.0)
        Traceback (most recent call last):
        ...
        bpcompare.errors.InputError: epochs must be a whole number from 1 to 2⁶³ − 1; got 5.0
    """
    try:
        number = None if is_truth_value(value) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or not least <= number <= most:
        raise InputError(
            _(
                "{name} must be a whole number from {least} to {most}; got {value}",
                name=name,
                least=_power(least),
                most=_power(most),
                value=quoted(value),
            )
        )
    return number


def is_truth_value(value: object) -> bool:
    """Whether it is True or False, of Python, NumPy or PyTorch, which all count them as 1 and 0.

    Example:
        >>> is_truth_value(True), is_truth_value(1)
        (True, False)
    """
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def seed_number(value: object) -> int:
    """A random seed that PyTorch takes.

    Raises:
        InputError: It is none.
    """
    return whole_number("seed", value, *SEEDS)


def _power(number: int) -> str:
    """A limit as it is usually written."""
    return {SEEDS[0]: "−2⁶³", LARGEST_COUNT: "2⁶³ − 1", SEEDS[1]: "2⁶⁴ − 1"}.get(number, str(number))


def quoted(value: object) -> str:
    """What came, shortened: a number of a thousand digits says nothing more.

    Example:
        >>> quoted("a"), len(quoted(10**80))
        ("'a'", 58)
    """
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write whole numbers of more than 4300 digits
        text = _("a whole number of thousands of digits")
    return text if len(text) <= 60 else f"{text[:57]}…"


def widths_of(layers: object) -> tuple[int, ...]:
    """The widths of a network's layers, from the inputs to the outputs.

    Raises:
        InputError: They are not at least two whole numbers of at least 1.

    Example:
        >>> widths_of([2, 3, 1])
        (2, 3, 1)
    """
    try:
        widths: tuple[object, ...] = () if isinstance(layers, str) else tuple(layers)  # type: ignore[arg-type]
    except TypeError:
        widths = ()
    if len(widths) < 2:
        raise InputError(
            _("layers must be at least two widths, such as (2, 5, 1); got {layers}", layers=quoted(layers))
        )
    return tuple(whole_number(_("every width of layers"), width) for width in widths)

"""nn.Linear as equations, with the numbers that were learned put in."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpcompare.errors import InputError
from bpcompare.graph.scripts import subscript, superscript
from bpcompare.language import _
from bpcompare.problem import estimates

MOST_DIGITS = 17


@dataclass(frozen=True, repr=False)
class Equations:
    """One equation per output, twice.

    Attributes:
        text: In Unicode.
        latex: In LaTeX.
    """

    text: tuple[str, ...]
    latex: tuple[str, ...]

    def __repr__(self) -> str:
        more = f" and {len(self.text) - 1} more" if len(self.text) > 1 else ""
        return f"<Equations {self.text[0] if len(self.text[0]) <= 80 else self.text[0][:79] + '…'}{more}>"


def equations(
    weight: Tensor | nn.Linear,
    bias: Tensor | None = None,
    x_names: Sequence[str] | None = None,
    y_names: Sequence[str] | None = None,
    digits: int = 6,
) -> Equations:
    r"""ŷⱼ = Wⱼ₁x₁ + … + bⱼ for every output of an `nn.Linear`, with the numbers of its weight and bias.

    Args:
        weight: (out, in), or an `nn.Linear`, which brings its bias.
        bias: (out,), or None for a model without one.
        x_names: What to call the inputs; x, or x₁, x₂, … when not given.
        y_names: What to call the outputs; y, or y₁, y₂, … when not given.
        digits: Significant digits, from 1 to 17, which tell every float64 from its neighbours.

    Raises:
        InputError: The shapes, the names or the number of digits do not fit.
        LimitError: The text would not fit into memory.

    Example:
        >>> both = equations(torch.tensor([[1.5, -2.0]]), torch.tensor([0.25]))
        >>> both.text, both.latex
        (('y = 1.5·x₁ − 2·x₂ + 0.25',), ('y = 1.5\\,x_{1} - 2\\,x_{2} + 0.25',))
    """
    if isinstance(weight, nn.Linear):
        if bias is not None:
            raise InputError(_("an nn.Linear brings its own bias; got another one: leave it out"))
        layer = weight
        weight, bias = layer.weight, layer.bias
    weight, bias = _tensor("weight", weight), None if bias is None else _tensor("bias", bias)
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= MOST_DIGITS:
        raise InputError(
            _(
                "digits must be a whole number from 1 to {most}; got {digits}",
                most=MOST_DIGITS,
                digits=f"{digits!r:.60}",
            )
        )
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        raise InputError(
            _(
                "weight must be (out, in) and bias (out,) or None; got {weight} and {bias}; pass those of an nn.Linear",
                weight=tuple(weight.shape),
                bias=None if bias is None else tuple(bias.shape),
            )
        )
    estimates.equations(weight.shape[1], weight.shape[0]).check()
    xs, ys = _named(x_names, "x", weight.shape[1]), _named(y_names, "y", weight.shape[0])

    def written(style: int, times: str, minus: str) -> tuple[str, ...]:
        lines = []
        for j, row in enumerate(weight.tolist()):
            terms = [(value, f"{times}{xs[style][i]}") for i, value in enumerate(row)]
            if bias is not None:
                terms.append((bias[j].item(), ""))
            lines.append(f"{ys[style][j]} = {_sum(terms, digits, minus)}")
        return tuple(lines)

    return Equations(written(0, "·", "−"), written(1, r"\,", "-"))


def _tensor(name: str, values: object) -> Tensor:
    if isinstance(values, type):
        message = _(
            "{name} must be numbers; got the class {kind}: pass a layer, such as nn.{kind}(2, 1)",
            name=name,
            kind=values.__name__,
        )
        raise InputError(message)
    try:
        return torch.as_tensor(values).detach()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            _("{name} must be a tensor of numbers; got {kind}", name=name, kind=type(values).__name__)
        ) from None


def _named(names: Sequence[str] | None, letter: str, count: int) -> tuple[list[str], list[str]]:
    """In Unicode and in LaTeX."""
    if names is None:
        if count == 1:
            return [letter], [letter]
        places = range(1, count + 1)
        return [f"{letter}{subscript(i)}" for i in places], [f"{letter}_{{{i}}}" for i in places]
    if len(names) != count:
        raise InputError(
            _(
                "there must be one name for each of {count} columns; got {found}: {names}",
                count=count,
                found=len(names),
                names=", ".join(names),
            )
        )
    if all(name in (letter, *(f"{letter}{i}" for i in range(1, count + 1))) for name in names):
        return _named(None, letter, count)
    return list(names), [rf"\mathrm{{{_escaped(name)}}}" for name in names]


def _escaped(name: str) -> str:
    return "".join(rf"\{c}" if c in "#$%&_{}" else r"\ " if c == " " else c for c in name if c not in "\\^~")


def _sum(terms: list[tuple[float, str]], digits: int, minus: str) -> str:
    """The terms with their signs between them; the first carries its own."""
    first, *others = [(value < 0, _number(abs(value), digits, minus) + factor) for value, factor in terms]
    return (minus if first[0] else "") + first[1] + "".join(f" {minus if n else '+'} {term}" for n, term in others)


def _number(value: float, digits: int, minus: str) -> str:
    mantissa, e, exponent = f"{value:.{digits}g}".partition("e")
    if not e:
        return mantissa
    power = int(exponent)
    if minus == "-":
        return rf"{mantissa} \cdot 10^{{{power}}}"
    return f"{mantissa}·10{superscript(power)}"

"""One derivative per operation and operand: what of the gradient of the output reaches this operand.

A rule may leave a broadcast operand's gradient in the shape of the output; ``contribution`` adds it up. An operation
without a rule is differentiated alone by autograd.
"""

import math

import torch
from torch import Tensor

from bpcompare.marker.hypotheses.graph_changes.local import Local, Rule, axes, by_autograd, count, spread, sum_to


def _transposed(value: Tensor) -> Tensor:
    return value.transpose(-2, -1)


def _alpha(at: Local) -> float:
    return float(at.step.kwargs.get("alpha", 1)) if at.position == 1 else 1.0


def _matmul(at: Local) -> Tensor:
    if at.position == 0:
        return at.gradient @ _transposed(at.args[1])  # type: ignore[no-any-return]
    return _transposed(at.args[0]) @ at.gradient  # type: ignore[no-any-return]


def _mv(at: Local) -> Tensor:
    if at.position == 0:
        return torch.outer(at.gradient, at.args[1])
    return at.args[0].t() @ at.gradient  # type: ignore[no-any-return]


def _div(at: Local) -> Tensor:
    if at.position == 0:
        return at.gradient / at.args[1]  # type: ignore[no-any-return]
    return -at.gradient * at.args[0] / at.args[1] ** 2  # type: ignore[no-any-return]


def _power(at: Local) -> Tensor:
    base, exponent = at.args[0], at.args[1]
    if at.position == 0:
        return at.gradient * exponent * base ** (exponent - 1)  # type: ignore[no-any-return]
    return at.gradient * at.out * torch.log(torch.as_tensor(base, dtype=at.out.dtype))  # type: ignore[no-any-return]


def _extreme(at: Local) -> Tensor:
    tied = (at.operand == spread(at, at.out)).to(at.out.dtype)
    share = tied / spread(at, tied.sum(axes(at)) if axes(at) else tied)
    return spread(at, at.gradient) * share


def _where(at: Local) -> Tensor:
    return at.gradient * (at.args[0] if at.position == 1 else ~at.args[0])  # type: ignore[no-any-return]


def _clamp(at: Local) -> Tensor:
    low, high = at.argument(1, None), at.argument(2, None)
    if at.step.op == "clamp_max":
        low, high = None, low
    inside = torch.ones_like(at.operand, dtype=torch.bool)
    if low is not None:
        inside &= at.operand >= low
    if high is not None:
        inside &= at.operand <= high
    return at.gradient * inside  # type: ignore[no-any-return]


def _maximum(at: Local) -> Tensor:
    mine, other = at.args[at.position], at.other
    wins = mine > other if at.step.op == "maximum" else mine < other
    return at.gradient * (wins + 0.5 * (mine == other))  # type: ignore[no-any-return]


def _reshape(at: Local) -> Tensor:
    return at.gradient.reshape(at.step.operands[0].value.shape)  # type: ignore[no-any-return]


def _permute(at: Local) -> Tensor:
    order = [axis % at.out.dim() for axis in at.args[1]]
    return at.gradient.permute([order.index(d) for d in range(len(order))])  # type: ignore[no-any-return]


def _select(at: Local) -> Tensor:
    whole = torch.zeros_like(at.operand)
    whole.select(at.argument(1, 0), at.argument(2, 0)).copy_(at.gradient)
    return whole


def _slice(at: Local) -> Tensor:
    whole = torch.zeros_like(at.operand)
    dim, start, end, step = (at.argument(k, d) for k, d in ((1, 0), (2, None), (3, None), (4, 1)))
    index = [slice(None)] * whole.dim()
    index[dim] = slice(start, end, step)
    whole[tuple(index)] = at.gradient
    return whole


def _cat(at: Local) -> Tensor:
    parts = list(at.args[0])
    dim = at.argument(1, 0)
    if parts[at.slot].shape == (0,):
        return parts[at.slot].clone()  # type: ignore[no-any-return]
    start = sum(part.shape[dim] for part in parts[: at.slot] if part.shape != (0,))
    return at.gradient.narrow(dim, start, parts[at.slot].shape[dim])  # type: ignore[no-any-return]


def _stack(at: Local) -> Tensor:
    return at.gradient.select(at.argument(1, 0), at.slot)  # type: ignore[no-any-return]


def _write(at: Local) -> Tensor:
    """A part of a tensor written over: the old numbers count outside it, the new ones inside."""
    region = at.args[2:]
    whole = at.gradient.contiguous()
    if at.slot == 1:
        return whole.as_strided(*region).clone()  # type: ignore[no-any-return]
    outside = torch.ones_like(whole)
    outside.as_strided(*region).zero_()
    return whole * outside  # type: ignore[no-any-return]


def _cumsum(at: Local) -> Tensor:
    return at.gradient.flip(at.args[1]).cumsum(at.args[1]).flip(at.args[1])  # type: ignore[no-any-return]


RULES: dict[str, Rule] = {
    "add": lambda at: at.gradient * _alpha(at) if _alpha(at) != 1 else at.gradient,
    "sub": lambda at: at.gradient if at.position == 0 else -at.gradient * _alpha(at),
    "mul": lambda at: at.gradient * at.other,
    "div": _div,
    "neg": lambda at: -at.gradient,
    "pow": _power,
    "exp": lambda at: at.gradient * at.out,
    "log": lambda at: at.gradient / at.operand,
    "log1p": lambda at: at.gradient / (1 + at.operand),
    "expm1": lambda at: at.gradient * (at.out + 1),
    "sqrt": lambda at: at.gradient / (2 * at.out),
    "rsqrt": lambda at: -0.5 * at.gradient * at.out**3,
    "reciprocal": lambda at: -at.gradient * at.out**2,
    "abs": lambda at: at.gradient * torch.sign(at.operand),
    "sin": lambda at: at.gradient * torch.cos(at.operand),
    "cos": lambda at: -at.gradient * torch.sin(at.operand),
    "tanh": lambda at: at.gradient * (1 - at.out**2),
    "sigmoid": lambda at: at.gradient * at.out * (1 - at.out),
    "relu": lambda at: at.gradient * (at.operand > 0),
    "erf": lambda at: at.gradient * torch.exp(-(at.operand**2)) * (2 / math.sqrt(math.pi)),
    "sum": lambda at: spread(at, at.gradient),
    "mean": lambda at: spread(at, at.gradient) / count(at),
    "amax": _extreme,
    "amin": _extreme,
    "mm": _matmul,
    "bmm": _matmul,
    "mv": _mv,
    "where": _where,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "maximum": _maximum,
    "minimum": _maximum,
    "view": _reshape,
    "_unsafe_view": _reshape,
    "squeeze": _reshape,
    "unsqueeze": _reshape,
    "t": lambda at: at.gradient.t(),
    "transpose": lambda at: at.gradient.transpose(at.args[1], at.args[2]),
    "permute": _permute,
    "expand": lambda at: at.gradient,
    "clone": lambda at: at.gradient,
    "alias": lambda at: at.gradient,
    "select": _select,
    "slice": _slice,
    "cat": _cat,
    "stack": _stack,
    "cumsum": _cumsum,
    "write": _write,
}


def contribution(at: Local, rule: Rule | None = None) -> Tensor:
    """What reaches the operand, in its shape."""
    rule = rule or RULES.get(at.step.op, by_autograd)
    target = at.step.operands[at.slot].value
    return sum_to(rule(at), target.shape)

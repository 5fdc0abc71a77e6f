"""Wrong derivatives of operations on a whole tensor: masks, reductions, gathers, pooling, and fused gates kept whole.

A rule sees the step with its numbers; what it gives reaches the operand. Fused operations come apart elsewhere; here
they are kept whole, with the closed form that textbooks print and what is written in its place.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.local import Local, by_autograd, count, spread
from bpcompare.marker.hypotheses.graph_changes.rules import RULES
from bpcompare.marker.phrases import Words, phrase

WrongRule = Callable[[Local], Any]


def _inverted_where(at: Local) -> Tensor:
    return at.gradient * (~at.args[0] if at.position == 1 else at.args[0])  # type: ignore[no-any-return]


def _inverted_clamp(at: Local) -> Tensor:
    rule = RULES[at.step.op]
    return at.gradient - rule(at)  # type: ignore[no-any-return]


def _without_dim(value: Tensor, at: Local) -> Tensor:
    """A result of ``op(x, dim, keepdim)`` in a shape that x broadcasts with."""
    return value if len(at.args) < 2 or at.argument(2, False) else value.unsqueeze(at.args[1])


def _shortcut(at: Local) -> Tensor:
    quotient = _without_dim(at.gradient * at.out, at) / torch.where(at.operand == 0, 1.0, at.operand)
    return torch.where(at.operand == 0, 0.0, quotient)


REDUCTIONS: dict[str, dict[Words, WrongRule]] = {
    "sum": {
        N_("the gradient is divided by the number of terms: a mean for a sum"): lambda at: (
            spread(at, at.gradient) / count(at)
        ),
        N_("the gradient is multiplied by the number of terms: added up twice"): lambda at: (
            spread(at, at.gradient) * count(at)
        ),
    },
    "mean": {
        N_("the gradient is not divided by the number of terms: a sum for a mean"): lambda at: spread(at, at.gradient),
        N_("the gradient is divided by the number of terms twice"): lambda at: spread(at, at.gradient) / count(at) ** 2,
    },
    "amax": {N_("every term gets the gradient, not the largest only"): lambda at: spread(at, at.gradient)},
    "amin": {N_("every term gets the gradient, not the smallest only"): lambda at: spread(at, at.gradient)},
    "cumsum": {
        N_("each entry gets its own share only, not those of the later sums"): lambda at: at.gradient,
        N_("it is summed from the front, not from the end"): lambda at: at.gradient.cumsum(at.args[1]),
    },
    "prod": {
        N_("it is product ÷ x: where x is 0, its gradient is lost"): _shortcut,
        N_("it is the product itself, not divided by x"): lambda at: _without_dim(at.gradient * at.out, at).expand(
            at.operand.shape
        ),
        N_("it is left out: passed straight through"): lambda at: _without_dim(at.gradient, at).expand(
            at.operand.shape
        ),
    },
}
MASKS: dict[str, dict[Words, WrongRule]] = {
    "where": {N_("the mask is inverted"): _inverted_where},
    "clamp": {N_("the mask is inverted"): _inverted_clamp},
    "clamp_min": {N_("the mask is inverted"): _inverted_clamp},
    "clamp_max": {N_("the mask is inverted"): _inverted_clamp},
    "maximum": {N_("the mask is inverted"): _inverted_clamp},
    "minimum": {N_("the mask is inverted"): _inverted_clamp},
}


def _zeroed(at: Local) -> Tensor:
    return at.gradient.scatter(at.args[1], at.args[2], 0.0) if at.position == 0 else by_autograd(at)


def _passed(at: Local) -> Tensor:
    return at.gradient if at.position == 0 else by_autograd(at)


def _last_window(at: Local) -> Tensor:
    """Max pooling whose windows overwrite each other's gradient."""
    gradient, chosen = at.gradient[0], at.out[1]
    flat = gradient.reshape(*gradient.shape[:-2], -1)
    places = chosen.reshape(flat.shape)
    whole = torch.zeros_like(at.operand).reshape(*flat.shape[:-1], -1)
    for window in range(flat.shape[-1]):
        whole.scatter_(-1, places[..., window : window + 1], flat[..., window : window + 1])
    return whole.reshape(at.operand.shape)


GATHERS: dict[str, dict[Words, WrongRule]] = {
    "scatter_add": {N_("it is zeroed where numbers are added, as if they were written over"): _zeroed},
    "scatter": {N_("it is kept where numbers are written over, as if they were added"): _passed},
    "max_pool2d_with_indices": {
        N_("an entry that wins in two windows keeps the last one's gradient, not both"): _last_window
    },
}


def _softmax(at: Local) -> dict[Words, WrongRule]:
    """∂⟨g, y⟩/∂x = y(g − Σ g y)."""
    found: dict[Words, WrongRule] = {
        N_("Σ g y is left out of y(g − Σ g y): each entry gets its own share only"): lambda at: at.out * at.gradient,
        N_("only the diagonal y(1 − y) of the Jacobian is kept"): lambda at: at.gradient * at.out * (1 - at.out),
        N_("the sum is Σ g, not Σ g y"): lambda at: at.out * (at.gradient - at.gradient.sum(at.args[1], keepdim=True)),
        N_("y in front of (g − Σ g y) is left out"): lambda at: at.gradient - _inner(at, at.args[1]),
        N_("Σ g y is added, not subtracted"): lambda at: at.out * (at.gradient + _inner(at, at.args[1])),
        N_("a mean of g y is taken, not the sum"): lambda at: (
            at.out * (at.gradient - _inner(at, at.args[1]) / at.out.shape[at.args[1]])
        ),
        N_("x stands for y in y(g − Σ g y)"): lambda at: (
            at.operand * (at.gradient - (at.gradient * at.operand).sum(at.args[1], keepdim=True))
        ),
    }
    return found | _other_axes(at, at.args[1], lambda at, axis: at.out * (at.gradient - _inner(at, axis)), "Σ g y")


def _inner(at: Local, axis: Any) -> Tensor:
    return (at.gradient * at.out).sum(axis, keepdim=True)  # type: ignore[no-any-return]


def _along(rule: Callable[[Local, Any], Tensor], axis: Any) -> WrongRule:
    return lambda at: rule(at, axis)


def _other_axes(at: Local, dim: int, rule: Callable[[Local, Any], Tensor], what: str) -> dict[Words, WrongRule]:
    """The same sum over another axis, or over all of them; axes counted from the end."""
    rank = at.operand.dim()
    axes: list[Any] = [axis - rank for axis in range(rank) if axis != dim % rank]
    found: dict[Words, WrongRule] = {
        phrase(N_("{sum} runs over axis {axis}, not over axis {dim}"), sum=what, axis=axis, dim=dim): _along(rule, axis)
        for axis in axes
    }
    if rank > 1:
        every = phrase(N_("{sum} runs over every axis, not over axis {dim} only"), sum=what, dim=dim)
        found[every] = lambda at: rule(at, list(range(rank)))
    return found


def _log_softmax(at: Local) -> dict[Words, WrongRule]:
    """∂⟨g, z⟩/∂x = g − eᶻ Σ g."""

    def total(at: Local, axis: Any = None) -> Tensor:
        return at.gradient.sum(at.args[1] if axis is None else axis, keepdim=True)  # type: ignore[no-any-return]

    found: dict[Words, WrongRule] = {
        N_("the log-probabilities stand for the probabilities in g − p Σ g: exp is forgotten"): lambda at: (
            at.gradient - at.out * total(at)
        ),
        N_("Σ is left out of g − p Σ g: each entry subtracts its own share only"): lambda at: (
            at.gradient * (1 - at.out.exp())
        ),
        N_("p is left out of g − p Σ g"): lambda at: at.gradient - total(at),
        N_("x stands for p in g − p Σ g"): lambda at: at.gradient - at.operand * total(at),
        N_("p Σ g is added, not subtracted"): lambda at: at.gradient + at.out.exp() * total(at),
        N_("p Σ g is left out: passed straight through"): lambda at: at.gradient,
        N_("a mean of g is taken, not the sum"): lambda at: (
            at.gradient - at.out.exp() * total(at) / at.out.shape[at.args[1]]
        ),
    }
    rule = lambda at, axis: at.gradient - at.out.exp() * total(at, axis)  # noqa: E731
    return found | _other_axes(at, at.args[1], rule, "Σ g")


def _logsumexp(at: Local) -> dict[Words, WrongRule]:
    """∂⟨g, z⟩/∂x = g e^(x − z)."""

    def less_largest(at: Local) -> Tensor:
        axes = at.args[1] if isinstance(at.args[1], (list, tuple)) else [at.args[1]]
        return (at.operand - at.operand.amax(list(axes), keepdim=True)).exp()

    return {
        N_("exp(x − max x) is not divided by its sum"): lambda at: spread(at, at.gradient) * less_largest(at),
        N_("exp x is not divided by its sum"): lambda at: spread(at, at.gradient) * at.operand.exp(),
        N_("it is log softmax, not softmax"): lambda at: spread(at, at.gradient) * (at.operand - spread(at, at.out)),
        N_("every entry gets the whole gradient"): lambda at: spread(at, at.gradient),
        N_("softmax stands for itself times the result"): lambda at: (
            spread(at, at.gradient * at.out) * (at.operand - spread(at, at.out)).exp()
        ),
    }


def _elu(at: Local) -> dict[Words, WrongRule]:
    """∂y/∂x = 1 where x > 0, y + α elsewhere."""
    alpha = float(at.argument(1, 1))

    def negative(slope: Callable[[Local], Any]) -> WrongRule:
        return lambda at: at.gradient * torch.where(at.operand > 0, 1.0, slope(at))

    return {
        N_("on the negative side it is y + 1, which is right for α = 1 only"): negative(lambda at: at.out + 1),
        N_("on the negative side it is y: α is not added"): negative(lambda at: at.out),
        N_("on the negative side α is left out: eˣ"): negative(lambda at: at.operand.exp()),
        N_("on the negative side eˣ is left out"): negative(lambda at: torch.full_like(at.out, alpha)),
        N_("on the negative side it is 0, the derivative of relu"): negative(lambda at: torch.zeros_like(at.out)),
        N_("on the negative side it is x + α, not y + α"): negative(lambda at: at.operand + alpha),
        N_("on the negative side α is there twice"): negative(lambda at: alpha * (at.out + alpha)),
    }


def _gate(slope: Callable[[Tensor], Tensor]) -> WrongRule:
    return lambda at: at.gradient * slope(at.operand)


def _normal(x: Tensor) -> Tensor:
    return torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _gelu_derivative(approximate: str) -> WrongRule:
    def rule(at: Local) -> Tensor:
        with torch.enable_grad():
            x = at.operand.detach().clone().requires_grad_()
            (slope,) = torch.autograd.grad(torch.nn.functional.gelu(x, approximate=approximate).sum(), x)
        return at.gradient * slope  # type: ignore[no-any-return]

    return rule


def _softplus(at: Local) -> dict[Words, WrongRule]:
    """∂y/∂x = σ(βx)."""
    beta = float(at.argument(1, 1))
    found: dict[Words, WrongRule] = {
        N_("it is 1 − σ(βx), not σ(βx)"): _gate(lambda x: torch.sigmoid(-beta * x)),
        N_("it is σ′(βx), not σ(βx)"): _gate(lambda x: torch.sigmoid(beta * x) * torch.sigmoid(-beta * x)),
        N_("it is σ(y), of the output, not σ(βx)"): lambda at: at.gradient * torch.sigmoid(at.out),
    }
    if beta != 1:
        found[N_("β is left out: σ(x), not σ(βx)")] = _gate(torch.sigmoid)
        found[N_("1/β in front is forgotten: β σ(βx), not σ(βx)")] = _gate(lambda x: beta * torch.sigmoid(beta * x))
        found[N_("1/β is not cancelled by β: σ(βx)/β, not σ(βx)")] = _gate(lambda x: torch.sigmoid(beta * x) / beta)
    return found


SILU: dict[Words, WrongRule] = {
    N_("only σ(x) is kept of σ(x) + x σ′(x)"): _gate(torch.sigmoid),
    N_("x is forgotten in the second term of σ(x) + x σ′(x)"): _gate(
        lambda x: torch.sigmoid(x) + torch.sigmoid(x) * torch.sigmoid(-x)
    ),
    N_("only x σ′(x) is kept of σ(x) + x σ′(x)"): _gate(lambda x: x * torch.sigmoid(x) * torch.sigmoid(-x)),
    N_("only σ′(x) is kept"): _gate(lambda x: torch.sigmoid(x) * torch.sigmoid(-x)),
    N_("1 − σ is forgotten: σ(1 + x), not σ(1 + x(1 − σ))"): _gate(lambda x: torch.sigmoid(x) * (1 + x)),
    N_("σ is forgotten in the second term: σ + x(1 − σ)"): _gate(lambda x: torch.sigmoid(x) + x * torch.sigmoid(-x)),
    N_("the second term has the wrong sign"): _gate(lambda x: torch.sigmoid(x) * (1 - x * torch.sigmoid(-x))),
}
GELU: dict[Words, WrongRule] = {
    N_("only Φ(x) is kept of Φ(x) + x φ(x)"): _gate(torch.special.ndtr),
    N_("x is forgotten in the second term of Φ(x) + x φ(x)"): _gate(lambda x: torch.special.ndtr(x) + _normal(x)),
    N_("only x φ(x) is kept of Φ(x) + x φ(x)"): _gate(lambda x: x * _normal(x)),
    N_("1/√(2π) is missing from the density in Φ(x) + x φ(x)"): _gate(
        lambda x: torch.special.ndtr(x) + x * torch.exp(-(x**2) / 2)
    ),
    N_("the second term has the wrong sign: Φ(x) − x φ(x)"): _gate(lambda x: torch.special.ndtr(x) - x * _normal(x)),
    N_("e^(−x²) stands for e^(−x²/2) in the density"): _gate(
        lambda x: torch.special.ndtr(x) + x * torch.exp(-(x**2)) / math.sqrt(2 * math.pi)
    ),
    N_("it is the derivative of x σ(1.702 x)"): _gate(
        lambda x: torch.sigmoid(1.702 * x) * (1 + 1.702 * x * torch.sigmoid(-1.702 * x))
    ),
}
WHOLE: dict[str, Callable[[Local], Mapping[Words, WrongRule]]] = {
    "_softmax": _softmax,
    "_log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "elu": _elu,
    "softplus": _softplus,
    "silu": lambda at: SILU,
    "gelu": lambda at: (
        {**GELU, N_("it is the derivative of the tanh approximation"): _gelu_derivative("tanh")}
        if at.step.kwargs.get("approximate", "none") == "none"
        else {N_("it is the derivative of the exact GELU"): _gelu_derivative("none")}
    ),
    "mish": lambda at: {},
}


def of_operation(at: Local) -> dict[Words, WrongRule]:
    """The wrong derivatives of a step that is no elementwise table entry."""
    op = at.step.op
    found = {**REDUCTIONS.get(op, {}), **MASKS.get(op, {}), **GATHERS.get(op, {})}
    return found | dict(WHOLE[op](at)) if op in WHOLE else found

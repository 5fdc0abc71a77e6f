"""Where the gradient comes from.

A gradient source is a function ``(model, x, y) -> loss`` that leaves ∂loss/∂p in every ``p.grad`` of the model. The
loss is the mean squared error over all N·out residuals, as `nn.MSELoss` has it. ``x`` is (N, in), ``y`` (N, out).
"""

import copy
import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

Gradient = Callable[[nn.Linear, Tensor, Tensor], Tensor]


@torch.no_grad()
def formula(model: nn.Linear, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error; its gradient by the chain rule, written out.

        δ = ∂L/∂ŷ = 2(ŷ − y)/(N·out),   ∂L/∂W = δᵀx,   ∂L/∂b = Σᵢ δᵢ

    Args:
        model: ŷ = x Wᵀ + b with W (out, in), with or without b (out,).
        x: Inputs (N, in).
        y: Targets (N, out).

    Returns:
        L, a tensor of one number.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = formula(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])) - 3)
        >>> round(loss.item(), 4), round(model.weight.grad.item(), 4), round(model.bias.grad.item(), 4)
        (9.0, 6.0, 6.0)

    Source: 「深度学习之前向传播和反向传播」; there for (1, 1) only, without the 1/out and the transposition.
    """
    residual: Tensor = model(x) - y
    delta = residual * (2 / residual.numel())
    model.weight.grad = delta.T @ x
    if model.bias is not None:
        model.bias.grad = delta.sum(0)
    return residual.square().mean()


def autograd(model: nn.Linear, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error; its gradient by `loss.backward()`.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = autograd(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])).detach() - 3)
        >>> round(model.weight.grad.item(), 4)
        6.0
    """
    for p in model.parameters():
        p.grad = None  # backward() adds to what is there
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    return loss


@torch.no_grad()
def finite_difference(model: nn.Linear, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error; its gradient by trying: (L(p + h) − L(p − h)) / 2h for one number p after another.

    Computed in float64 with h = ε^⅓·max(1, |p|): rounding costs about ε·L/h and curving h²·L‴/6, and this h balances
    the two. (This loss is quadratic, L‴ = 0, so that only the rounding is left.)

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = finite_difference(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])).detach() - 3)
        >>> round(model.weight.grad.item(), 4)
        6.0

    Source: Nocedal and Wright (2006), Numerical Optimization, §8.1, the central difference.
    """
    probe, x, y = copy.deepcopy(model).double(), x.double(), y.double()

    def loss() -> Tensor:
        return nn.functional.mse_loss(probe(x), y)

    for parameter, original in zip(probe.parameters(), model.parameters(), strict=True):
        values = parameter.view(-1)
        slopes = torch.empty_like(values)
        for i, value in enumerate(values.tolist()):
            h = torch.finfo(torch.float64).eps ** (1 / 3) * max(1.0, abs(value))
            values[i] = value + h
            above = loss()
            values[i] = value - h
            slopes[i] = (above - loss()) / (2 * h)
            values[i] = value
        original.grad = slopes.view_as(original).to(original.dtype)
    return loss().to(model.weight.dtype)


@torch.no_grad()
def moments(model: nn.Linear, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error and its gradient from sums over the data that are taken once.

        r̄ = x̄Wᵀ + b − ȳ,   G = W Sxx − Syx   (S: centred second moments),
        L = (tr(G Wᵀ − W Syxᵀ + Syy) + ‖r̄‖²) / out,   ∂L/∂W = 2(G + r̄ᵀx̄)/out,   ∂L/∂b = 2r̄/out

    An epoch costs the same for ten rows and for ten million; the sums are kept in float64 for the data seen last.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = moments(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])).detach() - 3)
        >>> round(model.weight.grad.item(), 4)
        6.0
    """
    x_mean, y_mean, sxx, syx, syy = _sums(x, y, x._version, y._version)
    weight = model.weight.double()
    mean_residual = weight @ x_mean - y_mean
    if model.bias is not None:
        mean_residual = mean_residual + model.bias
    slope = weight @ sxx - syx
    scale = 2 / y.shape[1]
    model.weight.grad = (scale * (slope + torch.outer(mean_residual, x_mean))).to(model.weight.dtype)
    if model.bias is not None:
        model.bias.grad = (scale * mean_residual).to(model.bias.dtype)
    total = ((slope - syx) * weight).sum() + syy + mean_residual.square().sum()
    return (total / y.shape[1]).to(model.weight.dtype)


@functools.lru_cache(maxsize=1)
def _sums(x: Tensor, y: Tensor, *versions: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """x̄, ȳ, Sxx, Syx and tr Syy; asked for by identity and version, so that data changed in place are summed anew."""
    x, y = x.double(), y.double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    return x_mean, y_mean, x.T @ x / len(x), y.T @ x / len(x), y.square().sum() / len(x)


SOURCES: dict[str, Gradient] = {
    "formula": formula,
    "autograd": autograd,
    "finite_difference": finite_difference,
    "moments": moments,
}

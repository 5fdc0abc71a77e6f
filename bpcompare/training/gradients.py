"""Where the gradient comes from: the gradient sources, each a function ``(model, x, y) -> loss`` (`GradientSource`).

The loss is the mean squared error over all N·out residuals, as `nn.MSELoss` has it. ``x`` is (N, in), ``y`` (N, out).
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bpcompare.errors import MethodError
from bpcompare.graph.node import backward
from bpcompare.language import N_, _
from bpcompare.problem.devices import in_float64
from bpcompare.training.autograd_off import without_autograd
from bpcompare.training.backpropagation import Layer, deltas, forward, read_layers
from bpcompare.training.data_sums import sums
from bpcompare.training.gradient_source import GradientSource, reading, supporting
from bpcompare.training.model_graph import loss_graph


def _known_layers(model: nn.Module) -> bool:
    """True; where a layer is of another kind, `read_layers` says which."""
    return len(list(read_layers(model))) > 0


def _single_linear(model: nn.Module) -> nn.Linear:
    """The model itself; a network is refused with the reason."""
    if not isinstance(model, nn.Linear):
        raise MethodError(_("moments has a closed form for a single nn.Linear only; choose formula or autograd"))
    return model


@supporting(_known_layers)
@reading(layers=lambda model: [*read_layers(model)])
@without_autograd
def formula(model: nn.Module, x: Tensor, y: Tensor, layers: Sequence[Layer] | None = None) -> Tensor:
    """The mean squared error; its gradient by the chain rule, written out.

        δ = ∂L/∂ŷ = 2(ŷ − y)/(N·out),   ∂L/∂W = δᵀx,   ∂L/∂b = Σᵢ δᵢ

    So it is for a single `nn.Linear`, ŷ = xWᵀ + b. In a network every layer has a δ of its own:

        δ⁽ᴸ⁾ = ∂L/∂ŷ,   δ⁽ˡ⁾ = (W⁽ˡ⁺¹⁾)ᵀδ⁽ˡ⁺¹⁾ ⊙ σ′(z⁽ˡ⁾),
        ∂L/∂W⁽ˡ⁾ = δ⁽ˡ⁾ᵀa⁽ˡ⁻¹⁾,   ∂L/∂b⁽ˡ⁾ = Σᵢ δᵢ⁽ˡ⁾,   a⁽⁰⁾ = x

    Args:
        model: An `nn.Linear` with W (out, in), with or without b (out,), or an `nn.Sequential` of Linear, Sigmoid,
            Tanh and ReLU.
        x: Inputs (N, in).
        y: Targets (N, out).
        layers: Those of the model, where they have been read already.

    Returns:
        L, a tensor of one number.

    Raises:
        MethodError: A layer is of another kind, or a Linear is there twice.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = formula(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])) - 3)
        >>> round(loss.item(), 4), round(model.weight.grad.item(), 4), round(model.bias.grad.item(), 4)
        (9.0, 6.0, 6.0)

    Source: 「深度学习之前向传播和反向传播」 for nn.Linear(1, 1), 「反向传播推导+numpy实现」 for a sample of a network.
    """
    if type(model) is nn.Linear:
        weight: Tensor = model.weight
        bias: Tensor | None = model.bias
        residual = nn.functional.linear(x, weight, bias) - y
        delta = residual * (2 / residual.numel())
        weight.grad = delta.T @ x
        if bias is not None:
            bias.grad = delta.sum(0)
        return residual.square().mean()
    walk, output = forward(read_layers(model) if layers is None else layers, x)
    residual = output - y
    for weight, bias, a, delta in deltas(walk, residual * (2 / residual.numel())):
        weight.grad = delta.T.mm(a)
        if bias is not None:
            bias.grad = delta.sum(0)
    return residual.square().mean()


@reading(parameters=lambda model: [*model.parameters()])
def autograd(model: nn.Module, x: Tensor, y: Tensor, parameters: Sequence[Tensor] | None = None) -> Tensor:
    """The mean squared error; its gradient by `loss.backward()`.

    Args:
        model: Any model.
        x: Inputs (N, in).
        y: Targets (N, out).
        parameters: Those of the model, where they have been read already.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = autograd(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])).detach() - 3)
        >>> round(model.weight.grad.item(), 4)
        6.0
    """
    if parameters is None:
        parameters = [*model.parameters()]
    for p in parameters:
        p.grad = None  # backward() adds to what is there
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    for p in parameters:
        if p.grad is None:  # the loss does not depend on it
            p.grad = torch.zeros_like(p)
    return loss


@without_autograd
def finite_difference(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error; its gradient by trying: (L(p + h) − L(p − h)) / 2h for one number p after another.

    Computed in float64 with h = ε^⅓·max(1, |p|): rounding costs about ε·L/h and curving h²·L‴/6, and this h balances
    the two. (The loss of a linear model is quadratic, L‴ = 0, so that only the rounding is left.)

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = finite_difference(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])).detach() - 3)
        >>> round(model.weight.grad.item(), 4)
        6.0

    Source: Nocedal and Wright (2006), Numerical Optimization, §8.1, the central difference.
    """
    x, y = in_float64(x), in_float64(y)
    probe = copy.deepcopy(model).to(x.device).double()

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
        original.grad = slopes.view_as(parameter).to(original.dtype).to(original.device)
    return loss().to(original.dtype).to(original.device)


@supporting(lambda model: _single_linear(model) is model)
@without_autograd
def moments(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error and its gradient from sums over the data that are taken once.

        r̄ = x̄Wᵀ + b − ȳ,   G = W Sxx − Syx   (S: centred second moments),
        L = (tr(G Wᵀ − W Syxᵀ + Syy) + ‖r̄‖²) / out,   ∂L/∂W = 2(G + r̄ᵀx̄)/out,   ∂L/∂b = 2r̄/out

    An epoch costs the same for ten rows and for ten million; the sums are taken in float64 and kept as long as x is.

    Raises:
        MethodError: The model is not an `nn.Linear`.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = moments(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])).detach() - 3)
        >>> round(model.weight.grad.item(), 4)
        6.0
    """
    model = _single_linear(model)
    x_mean, y_mean, sxx, syx, syy = sums(x, y)
    weight = in_float64(model.weight)
    mean_residual = weight @ x_mean - y_mean
    if model.bias is not None:
        mean_residual = mean_residual + in_float64(model.bias)
    slope = weight @ sxx - syx
    scale, dtype, device = 2 / y.shape[1], model.weight.dtype, model.weight.device
    model.weight.grad = (scale * (slope + torch.outer(mean_residual, x_mean))).to(dtype).to(device)
    if model.bias is not None:
        model.bias.grad = (scale * mean_residual).to(dtype).to(device)
    total = ((slope - syx) * weight).sum() + syy + mean_residual.square().sum()
    return (total / y.shape[1]).to(dtype).to(device)


@supporting(_known_layers)
def graph(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error; its gradient by our own graph engine, from the loss back to the parameters.

    The engine calculates with NumPy, on the CPU, wherever the model is.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> loss = graph(model, torch.tensor([[1.0]]), model(torch.tensor([[1.0]])).detach() - 3)
        >>> round(model.weight.grad.item(), 4)
        6.0
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a diverging run is a result, in PyTorch without a warning too
        output, parameters = loss_graph(model, x, y)
        gradients = backward(output)
    for node, parameter in parameters:
        parameter.grad = torch.from_numpy(gradients[node]).to(x.device)
    return torch.from_numpy(np.asarray(output.value)).to(x.device)


SOURCES: dict[str, GradientSource] = {
    "formula": formula,
    "autograd": autograd,
    "graph": graph,
    "finite_difference": finite_difference,
    "moments": moments,
}

ORDER_OF_ARITHMETIC = {
    "formula": N_("{source} adds the rows in one matrix product δᵀx"),
    "autograd": N_("{source} adds the rows in the matrix product that backward() calls"),
    "moments": N_("{source} adds the rows once, in float64, before it multiplies by the weight"),
    "finite_difference": N_("{source} subtracts two losses, each added up in float64, and divides by 2h"),
    "graph": N_("{source} adds the rows node by node, in NumPy's order"),
}

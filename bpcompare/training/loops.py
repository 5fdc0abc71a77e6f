"""The three methods as plain flat loops. Read this file first; everything else in the package generalises it.

Each loop takes x (N, in), y (N, out) and an `nn.Linear`, trains the model in place and returns the loss before each
step. The package's own loop (`training.train`) gives the same bits.
"""

import torch
from torch import Tensor, nn


def manual(x: Tensor, y: Tensor, model: nn.Linear, lr: float = 0.1, epochs: int = 50) -> list[float]:
    """Gradient descent by the hand-derived formulas: ∂L/∂ŷ = 2(ŷ − y)/(N·out), ∂L/∂W = (∂L/∂ŷ)ᵀx, ∂L/∂b = Σᵢ ∂L/∂ŷᵢ.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> losses = manual(torch.tensor([[1.0], [2.0]]), torch.tensor([[2.0], [4.0]]), model)
        >>> losses[-1] < losses[0]
        True

    Source: 「深度学习之前向传播和反向传播」, generalised from (1, 1) to any (in, out).
    """
    losses = []
    for _ in range(epochs):
        y_pred = model(x)
        losses.append(nn.functional.mse_loss(y_pred, y).item())
        delta = 2 / y.numel() * (y_pred - y).detach()
        model.weight.data -= lr * (delta.T @ x)
        model.bias.data -= lr * delta.sum(0)
    return losses


def autograd(x: Tensor, y: Tensor, model: nn.Linear, lr: float = 0.1, epochs: int = 50) -> list[float]:
    """Gradient descent by `loss.backward()`: update `.data`, so that the update is not itself recorded; zero `.grad`.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> losses = autograd(torch.tensor([[1.0], [2.0]]), torch.tensor([[2.0], [4.0]]), model)
        >>> losses[-1] < losses[0]
        True
    """
    losses = []
    for _ in range(epochs):
        loss = nn.functional.mse_loss(model(x), y)
        losses.append(loss.item())
        model.zero_grad()  # gradients add up: without this, every earlier one would count again
        loss.backward()
        for parameter in model.parameters():
            parameter.data -= lr * parameter.grad
    return losses


def adam(x: Tensor, y: Tensor, model: nn.Linear, lr: float = 0.1, epochs: int = 50) -> list[float]:
    """The same gradients, but `torch.optim.Adam` decides the step.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> losses = adam(torch.tensor([[1.0], [2.0]]), torch.tensor([[2.0], [4.0]]), model)
        >>> losses[-1] < losses[0]
        True
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.functional.mse_loss(model(x), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


LOOPS = {"manual": manual, "autograd": autograd, "adam": adam}

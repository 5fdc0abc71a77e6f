"""The yardstick: what a learner writes in PyTorch without this package, one figure included.

Run: python benchmarks/plain.py [FIGURE.png]
"""

import copy
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

LR, EPOCHS = 0.1, 50


def data() -> tuple[Tensor, Tensor, nn.Linear]:
    """The main problem, drawn as the tutorial does."""
    torch.manual_seed(0)
    x = torch.linspace(0, 1, 100).unsqueeze(1)
    y = 2 * x + 1 + 0.1 * torch.randn_like(x)
    return x, y, nn.Linear(1, 1)


def manual(x: Tensor, y: Tensor, model: nn.Linear, epochs: int) -> list[float]:
    """By the formula for one input and one output."""
    criterion, losses = nn.MSELoss(), []
    for _ in range(epochs):
        y_pred = model(x)
        losses.append(criterion(y_pred, y).item())
        grad_y_pred = 2 * (y_pred - y) / len(y)
        grad_w = (grad_y_pred * x).sum()
        grad_b = grad_y_pred.sum()
        with torch.no_grad():
            model.weight -= LR * grad_w
            model.bias -= LR * grad_b  # type: ignore[misc]
    return losses


def autograd(x: Tensor, y: Tensor, model: nn.Linear, epochs: int) -> list[float]:
    """By backward(), with .data updates and zero_grad."""
    criterion, losses = nn.MSELoss(), []
    for _ in range(epochs):
        loss = criterion(model(x), y)
        losses.append(loss.item())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= LR * p.grad.data  # type: ignore[union-attr]
    return losses


def adam(x: Tensor, y: Tensor, model: nn.Linear, epochs: int) -> list[float]:
    """By torch.optim.Adam."""
    criterion, losses = nn.MSELoss(), []
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    for _ in range(epochs):
        loss = criterion(model(x), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


Loop = Callable[[Tensor, Tensor, nn.Linear, int], list[float]]
METHODS: dict[str, Loop] = {"manual": manual, "autograd": autograd, "adam": adam}

if __name__ == "__main__":
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    x, y, start = data()
    for name, method in METHODS.items():
        model = copy.deepcopy(start)
        plt.plot(method(x, y, model, EPOCHS), label=name)
        print(name, model.weight.item(), model.bias.item())
    plt.yscale("log")
    plt.legend()
    plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "loss.png")

"""Gradient descent on the main problem: our graph engine against HIPS autograd, MyGrad and micrograd.

Each engine trains in the way its own documentation shows, from the same start, and has to end at the same weight and
bias. Ours is timed as the product runs it: PyTorch tensors in, gradients in `p.grad`, then `GradientDescent`.

Python's garbage collector is left on, as it comes. micrograd's closures refer to each other in cycles that only it can
free, and that is most of micrograd's time: with the collector off, ours is some 27 times faster rather than 50 or more.
"""

import gc
import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from ratio import paired

from bpcompare.problem.line import line
from bpcompare.training.gradients import graph
from bpcompare.training.updates import GradientDescent

anp: Any = importlib.import_module("autograd.numpy")
mg: Any = importlib.import_module("mygrad")
value_and_grad: Any = importlib.import_module("autograd").value_and_grad
Value: Any = importlib.import_module("micrograd.engine").Value

EPOCHS, LR = 300, 0.1

PROBLEM = line()
START = PROBLEM.model()
X, Y = PROBLEM.x.numpy().copy(), PROBLEM.y.numpy().copy()  # MyGrad cannot lock memory that torch owns
WEIGHT, BIAS = START.weight.detach().numpy().copy(), START.bias.detach().numpy().copy()
Trained = tuple[float, float]
Engine = Callable[[int], Trained]


def ours(epochs: int) -> Trained:
    model, x, y = PROBLEM.model(), PROBLEM.x, PROBLEM.y
    rule = GradientDescent(model.parameters(), lr=LR)
    for _ in range(epochs):
        graph(model, x, y)
        rule.step()
    return model.weight.item(), model.bias.item()


def hips_autograd(epochs: int) -> Trained:
    def loss(parameters: list[Any]) -> Any:
        weight, bias = parameters
        return anp.mean((anp.dot(X, weight.T) + bias - Y) ** 2)

    gradient = value_and_grad(loss)
    parameters = [WEIGHT.copy(), BIAS.copy()]
    for _ in range(epochs):
        _, slopes = gradient(parameters)
        parameters = [p - LR * slope for p, slope in zip(parameters, slopes, strict=True)]
    return parameters[0].item(), parameters[1].item()


def mygrad(epochs: int) -> Trained:
    weight, bias = mg.tensor(WEIGHT.T.copy()), mg.tensor(BIAS.copy())
    for _ in range(epochs):
        loss = mg.mean((mg.matmul(X, weight) + bias - Y) ** 2)
        loss.backward()
        weight, bias = mg.tensor(weight.data - LR * weight.grad), mg.tensor(bias.data - LR * bias.grad)
    return weight.data.item(), bias.data.item()


def mygrad_unguarded(epochs: int) -> Trained:
    with mg.mem_guard_off:
        return mygrad(epochs)


def micrograd(epochs: int) -> Trained:
    xs, ys = X.ravel().tolist(), Y.ravel().tolist()
    weight, bias = Value(WEIGHT.item()), Value(BIAS.item())
    for _ in range(epochs):
        loss = sum((weight * x + bias - y) ** 2 for x, y in zip(xs, ys, strict=True)) * (1 / len(xs))
        weight.grad = bias.grad = 0.0
        loss.backward()
        weight.data -= LR * weight.grad
        bias.data -= LR * bias.grad
    return weight.data, bias.data


CLAIMS: dict[str, tuple[Engine, float]] = {
    "HIPS autograd": (hips_autograd, 1 / 1.5),
    "MyGrad": (mygrad, 1 / 1.5),
    "MyGrad, memory guard off": (mygrad_unguarded, 1 / 1.5),
    "micrograd": (micrograd, 1 / 50),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for engine, _ in CLAIMS.values():
        np.testing.assert_allclose(engine(20), ours(20), rtol=1e-4)  # all do the same work
    gc.collect()
    gc.freeze()  # PyTorch's objects are not the other engines' garbage
    for name, (engine, goal) in CLAIMS.items():
        paired(
            f"epoch by our graph engine, {EPOCHS} of them",
            name,
            partial(ours, EPOCHS),
            partial(engine, EPOCHS),
            pairs=7,
            goal=goal,
        )

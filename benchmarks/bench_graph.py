"""Gradient descent on the main problem: our graph engine against HIPS autograd, MyGrad and micrograd.

Each engine trains in the way its own documentation shows, from the same start; every run is checked to end at the same
weight and bias. Ours is timed as the product runs it: PyTorch tensors in, gradients in `p.grad`, `GradientDescent`.
Ratios are medians of paired runs, taken in turns so that a busy machine slows both.
"""

import gc
import statistics
import sys
import time
from collections.abc import Callable

import autograd.numpy as anp
import mygrad as mg
import numpy as np
import torch
from autograd import value_and_grad
from micrograd.engine import Value

from bpcompare.gradients import graph
from bpcompare.problem import line
from bpcompare.updates import GradientDescent

EPOCHS, LR, ROUNDS = 300, 0.1, 11
WANTED = {"HIPS autograd": 1.5, "MyGrad": 1.5, "MyGrad, memory guard off": None, "micrograd": 50.0}

PROBLEM = line()
START = PROBLEM.model()
X, Y = PROBLEM.x.numpy().copy(), PROBLEM.y.numpy().copy()  # MyGrad cannot lock memory that torch owns
WEIGHT, BIAS = START.weight.detach().numpy().copy(), START.bias.detach().numpy().copy()
Trained = tuple[float, float]


def ours(epochs: int) -> Trained:
    model, x, y = PROBLEM.model(), PROBLEM.x, PROBLEM.y
    rule = GradientDescent(model.parameters(), lr=LR)
    for _ in range(epochs):
        graph(model, x, y)
        rule.step()
    return model.weight.item(), model.bias.item()


def hips_autograd(epochs: int) -> Trained:
    def loss(parameters):
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


def seconds(train: Callable[[int], Trained], epochs: int) -> float:
    gc.collect()
    start = time.perf_counter()
    train(epochs)
    return (time.perf_counter() - start) / epochs


def main() -> int:
    torch.set_num_threads(1)
    others = dict(zip(WANTED, (hips_autograd, mygrad, mygrad_unguarded, micrograd), strict=True))
    for train in others.values():  # warms up, and shows that all do the same work
        np.testing.assert_allclose(train(20), ours(20), rtol=1e-4)
    gc.freeze()  # PyTorch's objects are not the other engines' garbage
    failed = False
    for name, train in others.items():
        epochs = EPOCHS // 10 if train is micrograd else EPOCHS
        pairs = [(seconds(ours, EPOCHS), seconds(train, epochs)) for _ in range(ROUNDS)]
        mine, theirs = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
        ratio = statistics.median(their / my for my, their in pairs)
        wanted = WANTED[name]
        verdict = "" if wanted is None else f", wanted {wanted:g}: {'yes' if ratio >= wanted else 'NO'}"
        failed |= wanted is not None and ratio < wanted
        print(f"graph {mine:6.1f} µs per epoch, {name:25} {theirs:7.1f} µs: {ratio:6.1f} times faster{verdict}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

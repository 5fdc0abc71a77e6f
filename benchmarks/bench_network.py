"""200 per-sample passes of the published network: the formula against plain NumPy, and against backward() with SGD.

All three start from the same weights, take the same samples in the same order in float64, and compute the loss of
every step. PyTorch works with one thread, as the command has it work on a problem of this size: that is faster for
both, since at the layer of 40,000 weights several threads wait for each other.
"""

import copy
from typing import Any

import numpy as np
import torch
from ratio import paired
from torch import nn

from bpcompare.cli import threads
from bpcompare.problem.networks import quadratic
from bpcompare.training.gradient_source import bound
from bpcompare.training.gradients import formula
from bpcompare.training.updates import GradientDescent

PASSES, LR = 200, 0.002
Arrays = list[np.ndarray[Any, np.dtype[np.float64]]]

PROBLEM = quadratic()
X, Y = PROBLEM.x.split(1), PROBLEM.y.split(1)


def by_formula() -> nn.Module:
    """The product: gradient source and update rule."""
    model: nn.Module = PROBLEM.model()
    rule, gradient = GradientDescent(model.parameters(), lr=LR), bound(formula, model)
    with torch.inference_mode():  # as `training.train` does: nothing here needs what autograd keeps
        for _ in range(PASSES):
            for x, y in zip(X, Y, strict=True):
                gradient(x, y)
                rule.step()
    return model


def by_backward() -> nn.Module:
    """What everybody writes."""
    model: nn.Module = PROBLEM.model()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    for _ in range(PASSES):
        for x, y in zip(X, Y, strict=True):
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


def by_numpy() -> Arrays:
    """The same recursion in NumPy, layer by layer, one sample a column."""
    start = [p.detach().numpy().copy() for p in PROBLEM.model().parameters()]
    weights, biases = start[0::2], start[1::2]
    for _ in range(PASSES):
        for x, y in zip(PROBLEM.x.numpy(), PROBLEM.y.numpy(), strict=True):
            _, weight_grads, bias_grads = recursion(weights, biases, x, y)
            for p, grad in zip(weights + biases, weight_grads + bias_grads, strict=True):
                p -= LR * grad
    return [p for pair in zip(weights, biases, strict=True) for p in pair]


def recursion(weights: Arrays, biases: Arrays, x: Any, y: Any) -> tuple[float, Arrays, Arrays]:
    """Loss and gradients of one sample."""
    last = len(weights) - 1
    activations = [x]
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        z = weight @ activations[-1] + bias
        activations.append(z if i == last else 1 / (1 + np.exp(-z)))
    residual = activations[-1] - y
    delta = 2 * residual / residual.size
    weight_grads, bias_grads = copy.copy(weights), copy.copy(biases)
    for i in range(last, -1, -1):
        a = activations[i]
        weight_grads[i], bias_grads[i] = np.outer(delta, a), delta
        if i:
            delta = (weights[i].T @ delta) * a * (1 - a)
    return (residual**2).mean(), weight_grads, bias_grads


def one_pass_apart() -> float:
    """The largest difference of formula and NumPy after one pass; after many, rounding has grown."""
    global PASSES
    kept, PASSES = PASSES, 1
    pairs = zip(by_formula().parameters(), by_numpy(), strict=True)
    PASSES = kept
    return max(float(np.abs(p.detach().numpy() - other).max()) for p, other in pairs)


if __name__ == "__main__":
    threads.settle(PROBLEM)
    assert one_pass_apart() < 1e-12
    name = "network, 200 per-sample passes"
    paired(name, "`backward()` and SGD", by_formula, by_backward, pairs=7, goal=0.4)
    paired(name, "NumPy's recursion", by_formula, by_numpy, pairs=7, goal=1.5)
    paired("the same by NumPy's recursion", "`backward()` and SGD", by_numpy, by_backward, pairs=7, goal=0.4)

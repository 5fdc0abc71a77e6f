# diagnosis: grad_w=residual-squared grad_b=residual-squared
import torch


def gradients(x, y, w, b):
    delta = (x @ w + b - y) ** 2 / y.numel()
    return x.T @ delta, delta.sum(0)

# diagnosis: grad_w=residual-squared grad_b=residual-squared
import torch


def gradients(x, y, w, b):
    delta = (x @ w.T + b - y) ** 2 / y.numel()
    return delta.T @ x, delta.sum(0)

# diagnosis: grad_w=weight-decay grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x + 0.1 * w, delta.sum(0)

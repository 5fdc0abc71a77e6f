# diagnosis: grad_w=updated-parameter grad_b=updated-parameter
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return w - 0.1 * (delta.T @ x), b - 0.1 * delta.sum(0)

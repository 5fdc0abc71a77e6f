# diagnosis: grad_w=updated-parameter grad_b=updated-parameter
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return w - 0.1 * (x.T @ delta), b - 0.1 * delta.sum(0)

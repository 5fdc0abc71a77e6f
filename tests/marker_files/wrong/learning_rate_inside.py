# diagnosis: grad_w=constant-factor grad_b=constant-factor
import torch


def gradients(x, y, w, b):
    delta = 0.01 * 2 * (x @ w + b - y) / y.numel()
    return x.T @ delta, delta.sum(0)

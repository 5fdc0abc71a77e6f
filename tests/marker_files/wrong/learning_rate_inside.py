# diagnosis: grad_w=constant-factor grad_b=constant-factor
import torch


def gradients(x, y, w, b):
    delta = 0.01 * 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)

# diagnosis: grad_w=divided-by-N-only grad_b=divided-by-N-only
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / len(x)
    return delta.T @ x, delta.sum(0)

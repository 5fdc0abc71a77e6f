# diagnosis: grad_w=divided-by-N-only grad_b=divided-by-N-only
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / len(x)
    return x.T @ delta, delta.sum(0)

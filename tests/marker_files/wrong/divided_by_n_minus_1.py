# diagnosis: grad_w=divided-by-N-minus-1,divided-by-N-only grad_b=divided-by-N-minus-1,divided-by-N-only
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / (len(x) - 1)
    return delta.T @ x, delta.sum(0)

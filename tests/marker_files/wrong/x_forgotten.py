# diagnosis: grad_w=x-forgotten grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.sum(0), delta.sum(0)

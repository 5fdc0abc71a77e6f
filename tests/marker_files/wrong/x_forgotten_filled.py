# diagnosis: grad_w=x-forgotten grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ torch.ones_like(x), delta.sum(0)

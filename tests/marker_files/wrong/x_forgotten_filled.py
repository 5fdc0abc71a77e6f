# diagnosis: grad_w=x-forgotten grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return torch.ones_like(x).T @ delta, delta.sum(0)

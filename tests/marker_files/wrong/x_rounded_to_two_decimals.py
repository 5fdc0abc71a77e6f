# diagnosis: grad_w=rounded-on-the-way grad_b=rounded-on-the-way
import torch


def gradients(x, y, w, b):
    x = torch.round(x, decimals=2)
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)

# diagnosis: grad_w=rounded grad_b=rounded
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return torch.round(delta.T @ x, decimals=4), torch.round(delta.sum(0), decimals=4)

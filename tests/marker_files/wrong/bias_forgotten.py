# diagnosis: grad_w=right grad_b=always-zero
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return x.T @ delta, torch.zeros_like(b)

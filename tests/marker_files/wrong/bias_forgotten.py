# diagnosis: grad_w=right grad_b=always-zero
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, torch.zeros_like(b)

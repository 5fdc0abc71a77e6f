# diagnosis: grad_w=rounded grad_b=rounded
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return torch.round(delta.T @ x * 256) / 256, torch.round(delta.sum(0) * 256) / 256

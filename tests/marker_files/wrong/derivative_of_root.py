# diagnosis: grad_w=derivative-of-root grad_b=derivative-of-root
import torch


def gradients(x, y, w, b):
    delta = (x @ w + b - y) / y.numel() / torch.sqrt(torch.mean((x @ w + b - y) ** 2))
    return x.T @ delta, delta.sum(0)

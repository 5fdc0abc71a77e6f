# diagnosis: grad_w=derivative-of-root grad_b=derivative-of-root
import torch


def gradients(x, y, w, b):
    delta = (x @ w.T + b - y) / y.numel() / torch.sqrt(torch.mean((x @ w.T + b - y) ** 2))
    return delta.T @ x, delta.sum(0)

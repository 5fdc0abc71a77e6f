# diagnosis: grad_w=loss-for-residual grad_b=loss-for-residual
import torch


def gradients(x, y, w, b):
    delta = 2 * torch.ones_like(y) * torch.mean((x @ w.T + b - y) ** 2) / y.numel()
    return delta.T @ x, delta.sum(0)

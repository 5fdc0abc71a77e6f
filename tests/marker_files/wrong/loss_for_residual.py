# diagnosis: grad_w=loss-for-residual grad_b=loss-for-residual
import torch


def gradients(x, y, w, b):
    delta = 2 * torch.ones_like(y) * torch.mean((x @ w + b - y) ** 2) / y.numel()
    return x.T @ delta, delta.sum(0)

# diagnosis: grad_w=unknown grad_b=unknown
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    grad_w, grad_b = delta.T @ x, delta.sum(0)
    return grad_w + 1e-3 * torch.sin(1000 * grad_w), grad_b + 1e-3 * torch.sin(1000 * grad_b)

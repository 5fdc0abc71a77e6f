import torch


def gradients(x, y, w, b):
    size = y.numel()
    grad_w = 2 / size * (w @ x.T @ x + torch.outer(b, x.sum(0)) - y.T @ x)
    grad_b = 2 / size * (x.sum(0) @ w.T + len(x) * b - y.sum(0))
    return grad_w, grad_b

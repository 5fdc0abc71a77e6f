import torch


def gradients(x, y, w, b):
    size = y.numel()
    grad_w = 2 / size * (x.T @ x @ w + torch.outer(x.sum(0), b) - x.T @ y)
    grad_b = 2 / size * (x.sum(0) @ w + len(x) * b - y.sum(0))
    return grad_w, grad_b

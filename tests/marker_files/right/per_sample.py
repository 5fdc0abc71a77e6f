import torch


def gradients(x, y, w, b):
    grad_w, grad_b = torch.zeros_like(w), torch.zeros_like(b)
    for xi, yi in zip(x, y):
        delta = 2 * (xi @ w.T + b - yi) / len(yi)
        grad_w += torch.outer(delta, xi)
        grad_b += delta
    return grad_w / len(x), grad_b / len(x)

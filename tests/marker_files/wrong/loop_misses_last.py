# diagnosis: grad_w=one-sample-left-out grad_b=one-sample-left-out
import torch


def gradients(x, y, w, b):
    grad_w, grad_b = torch.zeros_like(w), torch.zeros_like(b)
    for i in range(len(x) - 1):
        delta = 2 * (x[i] @ w.T + b - y[i]) / y.numel()
        grad_w += torch.outer(delta, x[i])
        grad_b += delta
    return grad_w, grad_b

# diagnosis: grad_w=clipped grad_b=clipped
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return (delta.T @ x).clamp(-0.5, 0.5), delta.sum(0).clamp(-0.5, 0.5)

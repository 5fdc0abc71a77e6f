# diagnosis: grad_w=always-zero grad_b=always-zero
import torch


def gradients(x, y, w, b):
    delta = 2 // y.numel() * (x @ w.T + b - y)
    return delta.T @ x, delta.sum(0)

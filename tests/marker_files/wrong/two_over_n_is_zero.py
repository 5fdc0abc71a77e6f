# diagnosis: grad_w=always-zero grad_b=always-zero
import torch


def gradients(x, y, w, b):
    delta = 2 // y.numel() * (x @ w + b - y)
    return x.T @ delta, delta.sum(0)

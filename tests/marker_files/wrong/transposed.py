# diagnosis: grad_w=transposed grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return x.T @ delta, delta.sum(0)

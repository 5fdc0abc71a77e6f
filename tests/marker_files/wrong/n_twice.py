# diagnosis: grad_w=averaged-twice grad_b=averaged-twice
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel() / len(x)
    return delta.T @ x, delta.sum(0)

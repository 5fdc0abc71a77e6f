# diagnosis: grad_w=averaged-twice grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x / len(x), delta.sum(0)

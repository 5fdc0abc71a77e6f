# diagnosis: grad_w=averaged-twice grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return x.T @ delta / len(x), delta.sum(0)

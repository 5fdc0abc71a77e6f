# diagnosis: grad_w=sign grad_b=sign
import torch


def gradients(x, y, w, b):
    delta = 2 * (y - (x @ w + b)) / y.numel()
    return x.T @ delta, delta.sum(0)

# diagnosis: grad_w=sign grad_b=sign
import torch


def gradients(x, y, w, b):
    delta = 2 * (y - (x @ w.T + b)) / y.numel()
    return delta.T @ x, delta.sum(0)

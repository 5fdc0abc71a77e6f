# diagnosis: grad_w=x-centred grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return (x - x.mean(0)).T @ delta, delta.sum(0)

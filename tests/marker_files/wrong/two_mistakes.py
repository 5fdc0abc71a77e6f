# diagnosis: grad_w=transposed,sign grad_b=summed-not-averaged
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return -(x.T @ delta), delta.sum(0) * y.numel()

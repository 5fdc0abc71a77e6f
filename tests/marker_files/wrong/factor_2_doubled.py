# diagnosis: grad_w=factor-2-doubled grad_b=factor-2-doubled
import torch


def gradients(x, y, w, b):
    delta = 4 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)

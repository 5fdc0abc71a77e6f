# diagnosis: grad_w=swapped grad_b=swapped
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.sum(0), delta.T @ x

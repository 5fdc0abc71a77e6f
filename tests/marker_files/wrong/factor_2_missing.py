# diagnosis: grad_w=factor-2-missing grad_b=factor-2-missing
import torch


def gradients(x, y, w, b):
    delta = (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)

# diagnosis: grad_w=nan-or-inf grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x + float("nan"), delta.sum(0)

# diagnosis: grad_w=mean-before-product grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.sum(0)[:, None] * x.mean(0), delta.sum(0)

# diagnosis: grad_w=mean-before-product grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return x.mean(0)[:, None] * delta.sum(0), delta.sum(0)

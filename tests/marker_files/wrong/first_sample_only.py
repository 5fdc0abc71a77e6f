# diagnosis: grad_w=one-sample-only grad_b=one-sample-only
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return x[:1].T @ delta[:1], delta[0]

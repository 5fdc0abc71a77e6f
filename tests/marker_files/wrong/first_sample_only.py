# diagnosis: grad_w=one-sample-only grad_b=one-sample-only
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta[:1].T @ x[:1], delta[0]

# diagnosis: grad_w=forward-without-bias grad_b=forward-without-bias
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w - y) / y.numel()
    return x.T @ delta, delta.sum(0)

# diagnosis: grad_w=forward-without-bias grad_b=forward-without-bias
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T - y) / y.numel()
    return delta.T @ x, delta.sum(0)

# diagnosis: grad_w=half-precision grad_b=half-precision
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return (x.T @ delta).half(), delta.sum(0).half().double()

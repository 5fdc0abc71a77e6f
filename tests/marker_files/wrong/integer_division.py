# diagnosis: grad_w=integer-division grad_b=integer-division
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y)
    return x.T @ delta // y.numel(), delta.sum(0) // y.numel()

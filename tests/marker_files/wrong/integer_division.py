# diagnosis: grad_w=integer-division grad_b=integer-division
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y)
    return delta.T @ x // y.numel(), delta.sum(0) // y.numel()

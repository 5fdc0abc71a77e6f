# diagnosis: grad_w=wrong-shape grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return (x.T @ delta).flatten(), delta.sum(0)

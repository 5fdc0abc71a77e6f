# diagnosis: grad_w=wrong-shape grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return (delta.T @ x).flatten(), delta.sum(0)

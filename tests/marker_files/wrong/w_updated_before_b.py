# diagnosis: grad_w=right grad_b=w-updated-before-b file=changes-its-inputs
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    grad_w = delta.T @ x
    w -= 0.05 * grad_w
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return grad_w, delta.sum(0)

# diagnosis: grad_w=hard-coded-N grad_b=hard-coded-N
import torch


def gradients(x, y, w, b):
    delta = 2 / 100 * (x @ w.T + b - y)
    return delta.T @ x, delta.sum(0)

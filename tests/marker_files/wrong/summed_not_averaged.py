# diagnosis: grad_w=summed-not-averaged grad_b=summed-not-averaged
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y)
    return delta.T @ x, delta.sum(0)

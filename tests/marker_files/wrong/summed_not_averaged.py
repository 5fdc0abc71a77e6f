# diagnosis: grad_w=summed-not-averaged grad_b=summed-not-averaged
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y)
    return x.T @ delta, delta.sum(0)

# diagnosis: grad_w=divided-by-in,summed-not-averaged grad_b=divided-by-in,summed-not-averaged
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / x.shape[1]
    return delta.T @ x, delta.sum(0)

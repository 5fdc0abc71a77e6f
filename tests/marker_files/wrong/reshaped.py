# diagnosis: grad_w=reshaped-for-transposed grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return (x.T @ delta).reshape(w.shape), delta.sum(0)

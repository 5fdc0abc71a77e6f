# diagnosis: grad_w=accumulated grad_b=accumulated
import torch


total = {}


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    old_w, old_b = total.get(w.shape, (0, 0))
    total[w.shape] = delta.T @ x + old_w, delta.sum(0) + old_b
    return total[w.shape]

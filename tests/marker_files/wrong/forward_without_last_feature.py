# diagnosis: grad_w=feature-left-out-of-forward grad_b=feature-left-out-of-forward
import torch
import numpy as np


def gradients(x, y, w, b):
    p = b.clone().repeat(len(x), 1)
    for j in range(w.shape[1] - 1):
        p = p + x[:, j : j + 1] * w[:, j]
    d = 2 * (p - y) / y.numel()
    return d.T @ x, d.sum(0)

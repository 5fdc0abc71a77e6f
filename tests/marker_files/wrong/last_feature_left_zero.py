# diagnosis: grad_w=feature-left-out grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    gw = torch.zeros_like(w)
    d = 2 * (x @ w.T + b - y) / y.numel()
    for j in range(w.shape[1] - 1):
        gw[:, j] = x[:, j] @ d
    return gw, d.sum(0)

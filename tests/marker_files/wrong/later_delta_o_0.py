# diagnosis: grad_w=first-output-only grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    gw = torch.zeros_like(w)
    d = 2 * (x @ w + b - y) / y.numel()
    for o in range(w.shape[1]):
        gw[:, o] = x.T @ d[:, 0]
    return gw, d.sum(0)

# diagnosis: grad_w=first-feature-only grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    gw = torch.zeros_like(w)
    gb = torch.zeros_like(b)
    d = 2 * (x @ w.T + b - y) / y.numel()
    for n in range(len(x)):
        for i in range(w.shape[1]):
            for o in range(w.shape[0]):
                gw[o, i] += x[n, 0] * d[n, o]
        gb += d[n]
    return gw, gb

# diagnosis: grad_w=right grad_b=multiplied-by-in
import torch
import numpy as np


def gradients(x, y, w, b):
    gw = torch.zeros_like(w)
    gb = torch.zeros_like(b)
    d = 2 * (x @ w.T + b - y) / y.numel()
    for n in range(len(x)):
        for i in range(w.shape[1]):
            gw[:, i] += x[n, i] * d[n]
            gb += d[n]
    return gw, gb

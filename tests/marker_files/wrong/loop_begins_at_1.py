# diagnosis: grad_w=one-sample-left-out grad_b=one-sample-left-out
import torch
import numpy as np


def gradients(x, y, w, b):
    gw = torch.zeros_like(w)
    gb = torch.zeros_like(b)
    for i in range(1, len(x)):
        r = x[i] @ w.T + b - y[i]
        gw += 2 * torch.outer(r, x[i]) / y.numel()
        gb += 2 * r / y.numel()
    return gw, gb

# diagnosis: grad_w=unknown grad_b=unknown
import torch
import numpy as np


def gradients(x, y, w, b):
    gw = torch.zeros_like(w)
    gb = torch.zeros_like(b)
    for i in range(len(x)):
        r = x[i] @ w.T + b - y[i]
        gw += 2 * torch.outer(r, x[i])
        gb += 2 * r
        gw /= len(x)
        gb /= len(x)
    return gw, gb

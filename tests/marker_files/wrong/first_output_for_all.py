# diagnosis: grad_w=first-output-only grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    gw = torch.zeros_like(w)
    d = 2 * (x @ w.T + b - y) / y.numel()
    for o in range(w.shape[0]):
        gw[o] = d[:, 0] @ x
    return gw, d.sum(0)

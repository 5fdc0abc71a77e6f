# diagnosis: grad_w=divided-by-N-only grad_b=divided-by-N-only
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    gw = torch.stack([2 * (x[:, j : j + 1] * r).mean(0) for j in range(x.shape[1])], 1)
    return gw, 2 * r.mean(0)

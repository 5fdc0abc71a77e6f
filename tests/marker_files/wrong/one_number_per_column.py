# diagnosis: grad_w=summed-over-outputs grad_b=summed-to-one-number
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    gw = torch.stack([2 * (x[:, j : j + 1] * r).mean() for j in range(x.shape[1])])
    return gw, 2 * r.mean()

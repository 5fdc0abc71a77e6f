# diagnosis: grad_w=unknown grad_b=unknown
import torch
import numpy as np


def gradients(x, y, w, b):
    r = torch.cumsum(x @ w.T + b - y, 0)
    return 2 * r.T @ x / y.numel(), 2 * r.sum(0) / y.numel()

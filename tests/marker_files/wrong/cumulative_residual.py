# diagnosis: grad_w=value-changed grad_b=value-changed
import torch
import numpy as np


def gradients(x, y, w, b):
    r = torch.cumsum(x @ w.T + b - y, 0)
    return 2 * r.T @ x / y.numel(), 2 * r.sum(0) / y.numel()

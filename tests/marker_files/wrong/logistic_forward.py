# diagnosis: grad_w=activation-in-forward grad_b=activation-in-forward
import torch
import numpy as np


def gradients(x, y, w, b):
    p = torch.sigmoid(x @ w.T + b)
    d = 2 * (p - y) * p * (1 - p) / y.numel()
    return d.T @ x, d.sum(0)

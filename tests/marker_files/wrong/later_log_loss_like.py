# diagnosis: grad_w=activation-in-forward grad_b=activation-in-forward
import torch
import numpy as np


def gradients(x, y, w, b):
    p = torch.sigmoid(x @ w + b)
    d = 2 * (p - y) * p * (1 - p) / y.numel()
    return x.T @ d, d.sum(0)

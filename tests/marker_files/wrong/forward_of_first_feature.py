# diagnosis: grad_w=feature-left-out-of-forward grad_b=feature-left-out-of-forward
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x[:, :1] * w[:, 0] + b - y) / y.numel()
    return d.T @ x, d.sum(0)

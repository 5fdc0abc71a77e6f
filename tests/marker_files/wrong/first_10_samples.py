# diagnosis: grad_w=samples-left-out grad_b=samples-left-out
import torch
import numpy as np


def gradients(x, y, w, b):
    x, y = x[:10], y[:10]
    r = x @ w.T + b - y
    return 2 * r.T @ x / r.numel(), 2 * r.sum(0) / r.numel()

# diagnosis: grad_w=targets-averaged grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y.mean(0)
    return 2 * r.T @ x / y.numel(), 2 * r.sum(0) / y.numel()

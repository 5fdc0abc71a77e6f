# diagnosis: grad_w=residual-normalised grad_b=residual-normalised
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    r = r / r.std()
    return 2 * r.T @ x / y.numel(), 2 * r.sum(0) / y.numel()

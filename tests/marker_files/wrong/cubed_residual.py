# diagnosis: grad_w=residual-squared,constant-factor grad_b=residual-squared,constant-factor
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 3 * (x @ w.T + b - y) ** 2 / y.numel()
    return d.T @ x, d.sum(0)

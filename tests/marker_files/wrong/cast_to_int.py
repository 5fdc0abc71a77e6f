# diagnosis: grad_w=integer-division grad_b=integer-division
import torch
import numpy as np


def gradients(x, y, w, b):
    x = x.int().to(w)
    d = 2 * (x @ w.T + b - y) / y.numel()
    return d.T @ x, d.sum(0)

# diagnosis: grad_w=divided-by-N-minus-1 grad_b=divided-by-N-minus-1
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    d = 2 * r / ((len(x) - 1) * y.shape[1])
    return d.T @ x, d.sum(0)

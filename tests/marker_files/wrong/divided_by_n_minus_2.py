# diagnosis: grad_w=divided-by-N-minus-2 grad_b=divided-by-N-minus-2
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / (len(x) - 2) / y.shape[1]
    return d.T @ x, d.sum(0)

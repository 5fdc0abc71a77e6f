# diagnosis: grad_w=divided-by-N-minus-2 grad_b=divided-by-N-minus-2
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w + b - y) / (len(x) - 2) / y.shape[1]
    return x.T @ d, d.sum(0)

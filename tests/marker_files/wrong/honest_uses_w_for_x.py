# diagnosis: grad_w=gradient-by-x grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w + b - y) / y.numel()
    return d @ w.T, d.sum(0)

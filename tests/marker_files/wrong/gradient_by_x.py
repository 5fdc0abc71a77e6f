# diagnosis: grad_w=gradient-by-x grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    return d @ w, d.sum(0)

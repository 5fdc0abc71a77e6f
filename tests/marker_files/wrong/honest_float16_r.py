# diagnosis: grad_w=half-precision grad_b=half-precision
import torch
import numpy as np


def gradients(x, y, w, b):
    r = (x @ w + b - y).half()
    d = 2 * r.to(x) / y.numel()
    return x.T @ d, d.sum(0)

# diagnosis: grad_w=half-precision grad_b=half-precision
import torch
import numpy as np


def gradients(x, y, w, b):
    r = (x @ w.T + b - y).half()
    d = 2 * r.to(x) / y.numel()
    return d.T @ x, d.sum(0)

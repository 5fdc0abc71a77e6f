# diagnosis: grad_w=unknown grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return 2 * x.sort(0).values.T @ r / y.numel(), 2 * r.sum(0) / y.numel()

# diagnosis: grad_w=divided-by-in grad_b=divided-by-in
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w + b - y
    return 2 * x.T @ r / x.numel(), 2 * r.sum(0) / x.numel()

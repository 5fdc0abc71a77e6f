# diagnosis: grad_w=divided-by-in grad_b=divided-by-in
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return 2 * r.T @ x / x.numel(), 2 * r.sum(0) / x.numel()

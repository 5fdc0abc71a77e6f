# diagnosis: grad_w=divided-by-target grad_b=divided-by-target
import torch
import numpy as np


def gradients(x, y, w, b):
    r = (x @ w.T + b - y) / y
    return 2 * r.T @ x / y.numel(), 2 * r.sum(0) / y.numel()

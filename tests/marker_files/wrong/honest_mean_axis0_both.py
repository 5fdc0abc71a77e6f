# diagnosis: grad_w=divided-by-N-only grad_b=divided-by-N-only
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w + b - y
    return 2 * (x.T @ r) / len(x), 2 * r.mean(axis=0)

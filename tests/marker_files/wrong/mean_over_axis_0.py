# diagnosis: grad_w=divided-by-N-only grad_b=divided-by-N-only
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return 2 * (r.T @ x) / len(x), 2 * r.mean(axis=0)

# diagnosis: grad_w=summed-to-one-number,divided-by-N-only grad_b=summed-to-one-number
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return [float((2 * r.T @ x / len(x)).sum())], [float(2 * r.mean())]

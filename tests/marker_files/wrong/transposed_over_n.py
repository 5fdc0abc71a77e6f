# diagnosis: grad_w=transposed,factor-2-missing,divided-by-N-only grad_b=factor-2-missing,divided-by-N-only
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return x.T @ r / len(x), r.sum(0) / len(x)

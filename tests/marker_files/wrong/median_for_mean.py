# diagnosis: grad_w=right grad_b=operation-replaced,summed-not-averaged
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return 2 * r.T @ x / y.numel(), 2 * r.median(0).values / y.shape[1]

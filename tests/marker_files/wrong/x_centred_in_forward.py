# diagnosis: grad_w=x-centred grad_b=x-centred
import torch
import numpy as np


def gradients(x, y, w, b):
    xs = x - x.mean(0)
    r = xs @ w.T + b - y
    return 2 * r.T @ xs / y.numel(), 2 * r.sum(0) / y.numel()

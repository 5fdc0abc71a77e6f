# diagnosis: grad_w=x-standardised grad_b=x-standardised
import torch
import numpy as np


def gradients(x, y, w, b):
    xs = (x - x.mean(0)) / x.std(0)
    r = xs @ w.T + b - y
    return 2 * r.T @ xs / y.numel(), 2 * r.sum(0) / y.numel()

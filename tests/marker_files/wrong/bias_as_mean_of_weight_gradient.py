# diagnosis: grad_w=right grad_b=x-left-in,summed-over-features,divided-by-in
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    gw = d.T @ x
    return gw, gw.mean(1)

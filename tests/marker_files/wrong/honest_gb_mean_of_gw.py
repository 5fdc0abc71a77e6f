# diagnosis: grad_w=right grad_b=x-left-in,summed-over-features,divided-by-in
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w + b - y) / y.numel()
    gw = x.T @ d
    return gw, gw.mean(0)

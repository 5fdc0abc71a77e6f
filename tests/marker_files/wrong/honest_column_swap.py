# diagnosis: grad_w=order-reversed grad_b=order-reversed
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w + b - y) / y.numel()
    gw = x.T @ d
    return gw.flip(1), d.sum(0).flip(0)

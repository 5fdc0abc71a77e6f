# diagnosis: grad_w=order-reversed grad_b=order-reversed
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    gw = d.T @ x
    return gw.flip(1), d.sum(0).flip(0)

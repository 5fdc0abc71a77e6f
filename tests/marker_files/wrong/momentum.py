# diagnosis: grad_w=momentum grad_b=momentum
import torch
import numpy as np


def gradients(x, y, w, b):
    global m
    try:
        m
    except NameError:
        m = {}
    d = 2 * (x @ w.T + b - y) / y.numel()
    gw, gb = d.T @ x, d.sum(0)
    k = w.shape
    gw = gw + 0.9 * m.get(k, (0, 0))[0]
    gb = gb + 0.9 * m.get(k, (0, 0))[1]
    m[k] = (gw, gb)
    return gw, gb

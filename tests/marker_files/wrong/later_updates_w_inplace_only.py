# diagnosis: grad_w=right grad_b=right file=changes-its-inputs
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w + b - y) / y.numel()
    gw = x.T @ d
    gb = d.sum(0)
    w -= 0.1 * gw
    b -= 0.1 * gb
    return gw, gb

# diagnosis: grad_w=right grad_b=right file=changes-its-inputs
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    gw = d.T @ x
    gb = d.sum(0)
    w -= 0.1 * gw
    b -= 0.1 * gb
    return gw, gb

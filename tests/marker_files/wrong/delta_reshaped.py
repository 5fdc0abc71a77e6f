# diagnosis: grad_w=reshaped-for-transposed grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    return d.reshape(y.shape[1], -1) @ x, d.sum(0)

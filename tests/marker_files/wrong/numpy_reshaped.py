# diagnosis: grad_w=reshaped-for-transposed grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return 2 * (r.reshape(w.shape[0], -1) @ x) / y.numel(), 2 * r.sum(0) / y.numel()

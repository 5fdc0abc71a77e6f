# diagnosis: grad_w=bias-added-twice grad_b=bias-added-twice
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + 2 * b - y) / y.numel()
    return d.T @ x, d.sum(0)

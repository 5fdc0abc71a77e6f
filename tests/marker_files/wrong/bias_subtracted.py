# diagnosis: grad_w=bias-subtracted-in-forward grad_b=bias-subtracted-in-forward
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T - b - y) / y.numel()
    return d.T @ x, d.sum(0)

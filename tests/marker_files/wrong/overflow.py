# diagnosis: grad_w=nan-or-inf grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    return d.T @ x * float("inf"), d.sum(0)

# diagnosis: grad_w=b-updated-before-w grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    lr = 0.01
    d = 2 * (x @ w.T + b - y) / y.numel()
    gb = d.sum(0)
    b = b - lr * gb
    d = 2 * (x @ w.T + b - y) / y.numel()
    return d.T @ x, gb

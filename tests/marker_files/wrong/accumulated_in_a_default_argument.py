# diagnosis: grad_w=accumulated grad_b=accumulated
import torch
import numpy as np


def gradients(x, y, w, b, acc=[0, 0]):
    d = 2 * (x @ w.T + b - y) / y.numel()
    same = getattr(acc[0], "shape", None) == w.shape
    acc[0] = acc[0] + d.T @ x if same else d.T @ x
    acc[1] = acc[1] + d.sum(0) if same else d.sum(0)
    return acc[0], acc[1]

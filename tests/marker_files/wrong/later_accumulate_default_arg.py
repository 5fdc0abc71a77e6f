# diagnosis: grad_w=accumulated grad_b=accumulated
import torch
import numpy as np


def gradients(x, y, w, b, acc=[0, 0]):
    d = 2 * (x @ w + b - y) / y.numel()
    same = getattr(acc[0], "shape", None) == w.shape
    acc[0] = acc[0] + x.T @ d if same else x.T @ d
    acc[1] = acc[1] + d.sum(0) if same else d.sum(0)
    return acc[0], acc[1]

# diagnosis: grad_w=rounded grad_b=rounded
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    return [[float(f"{v:.3f}") for v in row] for row in (d.T @ x).tolist()], [
        float(f"{v:.3f}") for v in d.sum(0).tolist()
    ]

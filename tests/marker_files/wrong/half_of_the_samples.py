# diagnosis: grad_w=samples-left-out grad_b=samples-left-out
import torch
import numpy as np


def gradients(x, y, w, b):
    r = (x @ w.T + b - y)[: len(x) // 2]
    return 2 * r.T @ x[: len(x) // 2] / r.numel(), 2 * r.sum(0) / r.numel()

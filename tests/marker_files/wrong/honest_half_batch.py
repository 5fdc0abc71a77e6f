# diagnosis: grad_w=samples-left-out grad_b=samples-left-out
import torch
import numpy as np


def gradients(x, y, w, b):
    r = (x @ w + b - y)[: len(x) // 2]
    return 2 * x[: len(x) // 2].T @ r / r.numel(), 2 * r.sum(0) / r.numel()

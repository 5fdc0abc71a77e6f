# diagnosis: grad_w=factor-2-missing grad_b=factor-2-missing
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return r.T @ x / y.numel(), r.sum(0) / y.numel()

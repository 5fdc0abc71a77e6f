# diagnosis: grad_w=right grad_b=same-numbers-always
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    return d.T @ x, torch.ones_like(b)

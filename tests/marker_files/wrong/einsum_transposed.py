# diagnosis: grad_w=transposed grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    return torch.einsum("ni,no->io", x, d), d.sum(0)

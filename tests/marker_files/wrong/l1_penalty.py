# diagnosis: grad_w=l1-penalty grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    lam = 0.01
    d = 2 * (x @ w.T + b - y) / y.numel()
    return d.T @ x + lam * torch.sign(w), d.sum(0)

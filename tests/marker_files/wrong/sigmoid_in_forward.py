# diagnosis: grad_w=activation-in-forward grad_b=activation-in-forward
import torch
import numpy as np


def gradients(x, y, w, b):
    r = torch.sigmoid(x @ w.T + b) - y
    return 2 * r.T @ x / y.numel(), 2 * r.sum(0) / y.numel()

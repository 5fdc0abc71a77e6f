# diagnosis: grad_w=sign,constant-factor grad_b=sign,constant-factor
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    lr = 0.1
    return -lr * d.T @ x, -lr * d.sum(0)

# diagnosis: grad_w=integer-division grad_b=integer-division
import torch
import numpy as np


def gradients(x, y, w, b):
    n = y.numel()
    d = 2 * (x @ w.T + b - y)
    return (d // n).T @ x, (d // n).sum(0)

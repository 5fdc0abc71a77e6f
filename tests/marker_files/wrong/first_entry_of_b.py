# diagnosis: grad_w=one-entry-of-b-for-all grad_b=one-entry-of-b-for-all
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b[0] - y
    d = 2 * r / y.numel()
    return d.T @ x, d.sum(0)

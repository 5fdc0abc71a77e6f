# diagnosis: grad_w=one-entry-of-b-for-all grad_b=one-entry-of-b-for-all
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w + b[0] - y
    d = 2 * r / y.numel()
    return x.T @ d, d.sum(0)

# diagnosis: grad_w=broadcast-n-by-n grad_b=broadcast-n-by-n,not-summed-over-batch
import torch
import numpy as np


def gradients(x, y, w, b):
    p = (x @ w.T + b).squeeze()
    r = p - y
    d = 2 * r / r.numel()
    return d.T @ x, d.sum(0)
